"""Consents to pass on content of another originator: asking, giving, refusing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attache.client.agency.base import paging, path_of, post
from attache.client.call import Call, Page, page_of, view_of, whole
from attache.package.instants import instant_text
from attache.wire.consents import ConsentRequestView, ConsentView


def consents(after: str) -> Call[Page[ConsentView]]:
    return Call("GET", path_of("consents"), whole(page_of(ConsentView, "consents")), paging(after))


def consent(consent_id: str) -> Call[ConsentView]:
    return Call("GET", path_of("consents", consent_id), whole(view_of(ConsentView)))


def consent_requests(after: str) -> Call[Page[ConsentRequestView]]:
    path = path_of("consents", "requests")
    return Call("GET", path, whole(page_of(ConsentRequestView, "requests")), paging(after))


def consent_request(holder: str, request_id: str) -> Call[ConsentRequestView]:
    return Call("GET", path_of("consents", "requests", holder, request_id), whole(view_of(ConsentRequestView)))


def ask_consent(terms: Mapping[str, Any], idempotency_key: str) -> Call[ConsentRequestView]:
    body = {name: list(value) if isinstance(value, tuple) else value for name, value in terms.items() if value}
    return post(["consents", "requests"], ConsentRequestView, idempotency_key, body)


def give_consent(
    holder: str, request_id: str, until: datetime, note: str, terms: Mapping[str, str | None], idempotency_key: str
) -> Call[ConsentView]:
    body = {"holder": holder, "request_id": request_id, "expires_at": instant_text(until), "note": note}
    return post(
        ["consents"], ConsentView, idempotency_key, body | {name: value for name, value in terms.items() if value}
    )


def refuse_consent(holder: str, request_id: str, reason: str, idempotency_key: str) -> Call[ConsentRequestView]:
    body = {"holder": holder, "request_id": request_id, "reason": reason}
    return post(["consents", "refusals"], ConsentRequestView, idempotency_key, body)
