"""Every error that attache raises, grouped by what the caller can do about it.

AttacheError
├── MalformedInput        400  correct the request
│   ├── PayloadTooLarge   413
│   └── UnsupportedVersion
├── NotAuthentic          401  the content or its sender is not what it claims to be
│   ├── UnknownKey
│   ├── SignatureInvalid
│   ├── CertificateRejected
│   └── Stale
├── NotPermitted          403  authentic, but refused; holds the decision if policy refused
├── NotFound              404  absent, or hidden from this caller
│   └── Gone              410  purged: the record remains, the content is destroyed
├── Conflict              409  it contradicts the present state
│   ├── ReplayDetected
│   └── IllegalTransition
├── TooManyRequests       429  send it again after `retry_after_seconds`
├── DeliveryFailed        502
│   ├── PartnerUnreachable     retry later
│   └── PartnerRefused         do not retry
├── Unreachable                raised by a client only: the server did not answer
├── IntegrityLost         500  our own records contradict each other: stop and alert
└── Misconfigured              the process does not start

A code is stable, kebab-case, and the same in REST, SDK and CLI; `PROBLEMS` lists all of them.
The server chooses the HTTP status codes: `gateway/problems.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


class AttacheError(Exception):
    """A problem with a stable code.

    `step` names the numbered step of a verification that failed. `detail` is for people and never holds
    content, keys or tokens. `extra` holds further members of the RFC 9457 object. Errors pickle and compare by value.
    """

    default_code: ClassVar[str] = "internal-error"

    def __init__(
        self,
        code: str | None = None,
        detail: str = "",
        *,
        step: str | None = None,
        retry_after_seconds: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.code = code or self.default_code
        if not issubclass(type(self), PROBLEMS[self.code].family):
            raise TypeError(f"{self.code} is not a {type(self).__name__}")
        self.detail = detail
        self.step = step
        self.retry_after_seconds = retry_after_seconds
        self.extra: dict[str, Any] = dict(extra or {})
        super().__init__(self.code, detail)

    @property
    def title(self) -> str:
        """The code's meaning in one line; the same for every occurrence."""
        return PROBLEMS[self.code].title

    def __str__(self) -> str:
        where = f" at step {self.step}" if self.step else ""
        return f"{self.code}{where}: {self.detail or self.title}"

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"step": self.step, "retry_after_seconds": self.retry_after_seconds, "extra": self.extra}
        return _rebuild, (type(self), self.code, self.detail, state)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AttacheError) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((type(self), self.code, self.detail, self.step))


def error_of(
    code: str, detail: str = "", *, step: str | None = None, extra: Mapping[str, Any] | None = None
) -> AttacheError:
    """The error of the class that `code` belongs to: a client calls this to turn a problem document into an error.

    A code that this version does not know, from a newer server, becomes `unknown-problem`.
    """
    if code not in PROBLEMS:
        return AttacheError("unknown-problem", f"{code}: {detail}", step=step, extra=extra)
    return PROBLEMS[code].family(code, detail, step=step, extra=extra)


def _rebuild(family: type[AttacheError], code: str, detail: str, state: dict[str, Any]) -> AttacheError:
    return family(code, detail, **state)


class MalformedInput(AttacheError):
    default_code = "malformed-request"


class PayloadTooLarge(MalformedInput):
    default_code = "payload-too-large"


class UnsupportedVersion(MalformedInput):
    default_code = "unsupported-version"


class NotAuthentic(AttacheError):
    default_code = "not-authenticated"


class UnknownKey(NotAuthentic):
    default_code = "unknown-key"


class SignatureInvalid(NotAuthentic):
    default_code = "signature-invalid"


class CertificateRejected(NotAuthentic):
    default_code = "certificate-rejected"


class Stale(NotAuthentic):
    default_code = "stale"


class NotPermitted(AttacheError):
    default_code = "not-permitted"


class NotFound(AttacheError):
    default_code = "not-found"


class Gone(NotFound):
    default_code = "purged"


class Conflict(AttacheError):
    default_code = "conflict"


class ReplayDetected(Conflict):
    default_code = "replay-detected"


class IllegalTransition(Conflict):
    default_code = "illegal-transition"


class TooManyRequests(AttacheError):
    default_code = "too-many-requests"


class DeliveryFailed(AttacheError):
    default_code = "delivery-failed"


class PartnerUnreachable(DeliveryFailed):
    default_code = "partner-unreachable"


class PartnerRefused(DeliveryFailed):
    default_code = "partner-refused"


class Unreachable(AttacheError):
    default_code = "server-unreachable"


class IntegrityLost(AttacheError):
    default_code = "integrity-lost"


class Misconfigured(AttacheError):
    default_code = "misconfigured"


@dataclass(frozen=True)
class Problem:
    """What a code means (`title`) and what the person who reads it can do (`remedy`)."""

    family: type[AttacheError]
    title: str
    remedy: str


PROBLEMS: Mapping[str, Problem] = {
    # The request
    "malformed-request": Problem(MalformedInput, "The request is not well-formed", "Correct the member that the detail names."),
    "malformed-http": Problem(MalformedInput, "Not a well-formed HTTP/1.1 request", "Use an HTTP client that keeps to RFC 9112."),
    "malformed-json": Problem(MalformedInput, "Not strict JSON", "Send UTF-8 JSON: no duplicate members, no floats, nesting of at most 32."),
    "unsupported-media-type": Problem(MalformedInput, "The content type is not accepted here", "Send the media type that the endpoint documents."),
    "method-not-allowed": Problem(MalformedInput, "The method is not allowed here", "Use a method that the Allow header lists."),
    "request-timeout": Problem(MalformedInput, "The request did not arrive in time", "Send it again, without long pauses."),
    "payload-too-large": Problem(PayloadTooLarge, "Larger than the limit", "Send less, or ask the operator for the limit."),
    "idempotency-key-required": Problem(MalformedInput, "An Idempotency-Key header is required", "Send a new key for each operation, and the same key when you repeat it."),
    "idempotency-conflict": Problem(Conflict, "The Idempotency-Key was used for another request", "Use a new key for a new request."),
    "unknown-term": Problem(MalformedInput, "A term outside the closed vocabulary", "Use a term that the vocabulary lists."),
    "unknown-marking": Problem(MalformedInput, "A marking that this gateway does not know", "Use a marking that the vocabulary lists."),
    "missing-legal-basis": Problem(MalformedInput, "No legal basis is named", "Name the agreement relied on."),
    "unknown-agreement": Problem(MalformedInput, "The recipient's facts do not list this agreement", "Name an agreement that the recipient's facts list."),
    "unknown-desk": Problem(NotFound, "The recipient has no such desk", "Name a desk that the recipient's facts list, or none for its default desk."),
    "part-missing": Problem(MalformedInput, "A declared part has no content", "Upload the part, then submit."),
    "digest-mismatch": Problem(MalformedInput, "The content does not have the declared digest or size", "Upload the part again."),
    "content-malformed": Problem(MalformedInput, "The content is not what its media type says", "Correct the content, or state its true media type."),
    "content-too-large": Problem(PayloadTooLarge, "Too large to inspect, so no part of it is released", "Split the part, or state a media type that is released as a whole or not at all."),
    "unknown-field": Problem(MalformedInput, "A stated field is not in the content, or is stated twice", "State each field once, by a path that the content has."),
    "unsupported-version": Problem(UnsupportedVersion, "An unknown version, suite or format", "Agree on a version that both sides list."),
    # Callers
    "not-authenticated": Problem(NotAuthentic, "No valid access token", "Present a valid bearer token."),
    "token-invalid": Problem(NotAuthentic, "The access token does not verify", "Obtain a new token from the configured issuer."),
    "token-expired": Problem(NotAuthentic, "The access token has expired", "Obtain a new token."),
    "token-audience": Problem(NotAuthentic, "The access token is for another audience", "Obtain a token for this gateway."),
    "token-not-bound": Problem(NotAuthentic, "The access token is bound to another certificate", "Connect with the certificate that the token names (RFC 8705)."),
    "certificate-required": Problem(CertificateRejected, "A client certificate is required", "Connect with mutual TLS."),
    "certificate-rejected": Problem(CertificateRejected, "The certificate belongs to no participant", "Use a certificate that the participant's descriptor lists."),
    "certificate-revoked": Problem(CertificateRejected, "The certificate is revoked", "Rotate the key and publish a new descriptor."),
    "not-permitted": Problem(NotPermitted, "Not permitted to this caller", "Ask for the role that the endpoint documents."),
    "policy-denied": Problem(NotPermitted, "Policy does not permit this release", "Read the reasons; a dry run says what would make it shareable."),
    "policy-engine-failed": Problem(NotPermitted, "Policy could not be evaluated, so nothing leaves", "Tell the operator; nothing was released."),
    "redaction-blocked": Problem(NotPermitted, "The redacted copy would still contain a withheld value", "State each other place of the value as a field, too, or remove the value from the content."),
    "own-submission": Problem(NotPermitted, "An officer cannot approve their own submission", "Ask a second officer."),
    "approval-void": Problem(NotPermitted, "The approval does not cover exactly this release", "Have this release approved again."),
    "review-overdue": Problem(AttacheError, "A booked review was not done in time", "Have a second officer of the post review the release."),
    "partner-suspended": Problem(NotPermitted, "Exchange with this participant is suspended", "Ask the partner administrator."),
    # Objects
    "not-found": Problem(NotFound, "It does not exist, or this caller may not see it", "Check the identifier."),
    "purged": Problem(Gone, "Its content was destroyed, by order or when its retention ended", "The content cannot be restored; the evidence about the package stays valid."),
    "on-hold": Problem(Conflict, "A legal hold keeps the package", "Two officers must lift the hold first."),
    "own-order": Problem(NotPermitted, "An officer cannot confirm their own order", "Ask a second security officer."),
    "unknown-partner": Problem(NotFound, "No such participant", "Use the id of an admitted participant."),
    "conflict": Problem(Conflict, "Contradicts the present state", "Read the object again."),
    "package-conflict": Problem(Conflict, "The package id was used for a package with other bytes", "Send a new package with a new id."),
    "replay-detected": Problem(ReplayDetected, "Already used once", "Make a new one."),
    "illegal-transition": Problem(IllegalTransition, "Not possible in the present state", "Read the object's state."),
    "too-many-requests": Problem(TooManyRequests, "Too many requests", "Send the request again after the time that Retry-After states."),
    # The sealed package
    "malformed-package": Problem(MalformedInput, "Not a sealed package of version 1", "Have the originator send it again."),
    "not-a-recipient": Problem(NotAuthentic, "Sealed to another recipient", "Send it to the recipient that it names."),
    "unknown-key": Problem(UnknownKey, "The descriptor does not list the key as active at that time", "Exchange current descriptors."),
    "decryption-failed": Problem(NotAuthentic, "The sealed manifest does not open", "Have the originator send it again."),
    "signature-invalid": Problem(SignatureInvalid, "A signature is missing, wrong or not expected", "Do not trust the content; tell the originator."),
    "envelope-mismatch": Problem(NotAuthentic, "Envelope and manifest disagree", "Do not trust the content; tell the originator."),
    "package-expired": Problem(Stale, "The package has expired", "Ask the originator for a new one."),
    "package-from-the-future": Problem(Stale, "The package is dated in the future", "Compare the clocks of both sides."),
    "stale": Problem(Stale, "Too old to be accepted", "Obtain a current one."),
    "block-mismatch": Problem(NotAuthentic, "A block does not match the signed root", "Fetch the block again."),
    "part-mismatch": Problem(NotAuthentic, "A part does not have the signed digest, size or key", "Do not trust the content; tell the originator."),
    "malformed-consent": Problem(MalformedInput, "Not a consent", "Have the originator send it again."),
    "malformed-receipt": Problem(MalformedInput, "Not a receipt", "Have the recipient send it again."),
    "malformed-descriptor": Problem(MalformedInput, "Not a participant descriptor", "Obtain the descriptor again."),
    "descriptor-rollback": Problem(Conflict, "The descriptor is older than, or not a successor of, the one on record", "Obtain the current descriptor from the participant itself."),
    # The exchange log
    "malformed-log": Problem(MalformedInput, "Not in the C2SP format that is required here", "Obtain the file again."),
    "malformed-proof": Problem(MalformedInput, "Not a proof", "Obtain the proof again."),
    "malformed-evidence": Problem(MalformedInput, "Not an evidence bundle", "Obtain the file again."),
    "proof-invalid": Problem(NotAuthentic, "The proof does not lead to the signed root", "Do not rely on the entry; tell the log's operator."),
    "log-inconsistent": Problem(NotAuthentic, "Two checkpoints of one log contradict each other", "Keep both; they are evidence against the log's operator."),
    # Delivery and ourselves
    "delivery-failed": Problem(DeliveryFailed, "Not delivered", "See the detail."),
    "partner-unreachable": Problem(PartnerUnreachable, "The partner does not answer", "The gateway retries the delivery by itself."),
    "partner-refused": Problem(PartnerRefused, "The partner refused, and the refusal is final", "Read the partner's code."),
    "server-unreachable": Problem(Unreachable, "The server does not answer", "Check its address, the network and the certificates of both sides."),
    "malformed-answer": Problem(AttacheError, "The server's answer does not conform to its API", "Check that the address belongs to a gateway, and the versions of both sides."),
    "wait-timed-out": Problem(AttacheError, "The time to wait ended before the result", "Wait again; the operation continues by itself."),
    "not-ready": Problem(AttacheError, "Not ready to serve", "Wait; the operator's log says what is missing."),
    "internal-error": Problem(AttacheError, "An unexpected internal error", "Give the operator the request id."),
    "unknown-problem": Problem(AttacheError, "A code that this version does not know", "Update the SDK."),
    "integrity-lost": Problem(IntegrityLost, "Our own records contradict each other", "Stop, keep everything, call the security officer."),
    "replay-differs": Problem(IntegrityLost, "A recorded decision has another result when it is evaluated again", "Keep the record and the policy files; call the security officer."),
    "misconfigured": Problem(Misconfigured, "The configuration cannot be used", "Correct the setting that the detail names."),
    "policy-not-activated": Problem(Misconfigured, "The policy folder holds a set that no officer has proposed", "Propose and activate it with two officers, or restore the folder."),
    "analysis-unavailable": Problem(AttacheError, "Policy sets cannot be compared here", "Ask the operator for z3-solver, or compare the folders with `attache-gateway policy diff` on a machine that has it."),
    "gateway-running": Problem(Misconfigured, "The gateway is running, and only it may change its database", "Stop it first; policy sets are changed while it runs, with `attache policy propose` and `attache policy activate`."),
    "term-over": Problem(MalformedInput, "An instant is in the past and has to be in the future", "Name a later instant."),
    "policy-case-fails": Problem(MalformedInput, "A test case of the policy set fails", "Correct the policy, or the case, that the detail names."),
    "release-stopped": Problem(AttacheError, "Nothing is released while the exchange log is in doubt", "Call the security officer, who must examine a witness's alarm or make a witness reachable again."),
    "policy-not-loaded": Problem(Misconfigured, "The policy set does not load", "Correct the file, line and rule that the detail names."),
}  # fmt: skip
