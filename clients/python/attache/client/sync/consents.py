"""Consents to pass on content of another originator."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from attache.client.agency import consents as calls
from attache.client.retry import new_idempotency_key
from attache.client.sync.driver import Driver
from attache.wire.consents import ConsentRequestView, ConsentView


class Consents:
    """Consents to pass on content of another originator: requests, consents and refusals."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, after: str = "") -> Iterator[ConsentView]:
        """Consents given and received, oldest first; further pages are fetched as they are needed."""
        return self._driver.walk(calls.consents, after)

    def get(self, consent_id: str) -> ConsentView:
        """One consent, with its signed statement."""
        return self._driver.exchange(calls.consent(consent_id))

    def requests(self, *, after: str = "") -> Iterator[ConsentRequestView]:
        """Requests for consent that this agency sent, or received and opened; oldest first."""
        return self._driver.walk(calls.consent_requests, after)

    def request(self, holder: str, request_id: str) -> ConsentRequestView:
        """One request, with its answer if there is one."""
        return self._driver.exchange(calls.consent_request(holder, request_id))

    def ask(
        self,
        originator: str,
        package_id: str,
        part: str,
        *,
        recipient: str,
        purpose: str,
        legal_basis: str,
        reason: str,
        crime_types: Sequence[str] = (),
        markings: Sequence[str] = (),
        idempotency_key: str | None = None,
    ) -> ConsentRequestView:
        """Ask an originator for consent to pass this part of its package on to `recipient`, for `purpose`.

        The request is sent as a package under `legal_basis`, the agreement with the originator; policy decides on it like on any package.
        """
        terms = {
            "originator": originator,
            "package_id": package_id,
            "part": part,
            "recipient": recipient,
            "purpose": purpose,
            "legal_basis": legal_basis,
            "reason": reason,
            "crime_types": tuple(crime_types),
            "markings": tuple(markings),
        }
        return self._driver.exchange(calls.ask_consent(terms, idempotency_key or new_idempotency_key()))

    def give(
        self,
        holder: str,
        request_id: str,
        until: datetime,
        note: str,
        *,
        part: str | None = None,
        recipient: str | None = None,
        purpose: str | None = None,
    ) -> ConsentView:
        """Consent to a holder's request, until an instant.

        `part`, `recipient` and `purpose` are only for a request that states them in free text and not as structured data.
        """
        terms = {"part": part, "recipient": recipient, "purpose": purpose}
        return self._driver.exchange(calls.give_consent(holder, request_id, until, note, terms, new_idempotency_key()))

    def refuse(self, holder: str, request_id: str, reason: str) -> ConsentRequestView:
        """Refuse a request as a whole; the holder gets the reason, in a signed refusal."""
        return self._driver.exchange(calls.refuse_consent(holder, request_id, reason, new_idempotency_key()))
