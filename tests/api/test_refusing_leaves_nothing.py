"""Whatever is refused leaves nothing behind: no record and no blob; and one log entry where it named something unknown, or
contradicted itself.
"""

from datetime import UTC, datetime

import pytest

from gateway.exchange.kernel.refused_requests import LOGGED
from tests.exchange_place import a_part, a_submission, b64u, kept_open, problem

PAST = "2020-01-01T00:00:00Z"
BIG_MARKING = f"REL TO: partner-frankfurt, {', '.join(f'p{n}' for n in range(675))}"

REFUSED = {
    "idempotency key missing": ("idempotency-key-required", 400, {}),
    "unknown agreement": ("unknown-agreement", 400, {"recipients": [{"to": "europol", "legal_basis": "NO-SUCH"}]}),
    "unknown desk": (
        "unknown-desk",
        404,
        {"recipients": [{"to": "europol/cellar", "legal_basis": "EUROPOL-AGREEMENT"}]},
    ),
    "unknown partner": ("unknown-partner", 404, {"recipients": [{"to": "nobody", "legal_basis": "A"}]}),
    "ourselves": ("unknown-partner", 404, {"to": ("irs-ci",)}),
    "one of two unknown": (
        "unknown-partner",
        404,
        {"recipients": [*a_submission()["recipients"], {"to": "nobody", "legal_basis": "A"}]},
    ),
    "expired": ("term-over", 422, {"expires_at": PAST}),
    "retained until yesterday": ("term-over", 422, {"retain_until": PAST}),
    "beyond the calendar": ("malformed-request", 422, {"expires_at": "9999-12-31T23:59:59-14:00"}),
    "second part's digest": ("digest-mismatch", 422, {"parts": [a_part(), a_part("b", sha256="0" * 64)]}),
    "second part's size": ("digest-mismatch", 422, {"parts": [a_part(), a_part("b", bytes=7)]}),
    "second part is not base64url": (
        "malformed-request",
        422,
        {"parts": [a_part(), {**a_part("b"), "content": "a+b="}]},
    ),
    "second part missing": ("part-missing", 422, {"parts": [a_part(), a_part("b", content=None)]}),
    "draft, second part's digest": (
        "digest-mismatch",
        422,
        {"parts": [a_part(), a_part("b", bytes=7)], "submit": False},
    ),
    "too many parts": (
        "payload-too-large",
        413,
        {"parts": [a_part(f"{n}", content=None) for n in range(257)], "submit": False},
    ),
    "too many recipients": (
        "malformed-request",
        422,
        {"recipients": [{"to": f"p{n}", "legal_basis": "A"} for n in range(65)]},
    ),
    "manifest too large": (
        "payload-too-large",
        413,
        {"parts": [a_part(f"{n}", b"", markings=["TLP:GREEN", BIG_MARKING]) for n in range(256)]},
    ),
}


@pytest.mark.parametrize(("code", "status", "change"), REFUSED.values(), ids=REFUSED)
def test_a_refused_submission_leaves_nothing(desk, code, status, change):
    async def story():
        analyst = await desk.caller("analyst")
        before = await desk.footprint()
        keyed = {} if code == "idempotency-key-required" else {"Idempotency-Key": code}
        answer = await analyst.post("/packages", json=a_submission(**change), headers=keyed)
        assert answer.status_code == status
        assert problem(answer) == code
        assert await desk.footprint() == {**before, "entries": before["entries"] + (code in LOGGED)}

    desk.run(story())


def test_as_many_parts_as_allowed_with_the_longest_names(desk):
    """Every entry of the log holds what it must, at the limits of what may be submitted."""

    async def story():
        analyst = await desk.caller("analyst")
        parts = [a_part(f"{n:03}{'x' * 250}", b"") for n in range(256)]
        await desk.released(analyst, *parts, to=("partner-frankfurt", "partner-bogota", "europol"))

    desk.run(story())


def test_a_draft_that_expires_before_it_is_submitted(place):
    at = datetime.now(UTC)

    async def story(gateway):
        analyst = await gateway.caller("analyst")
        draft = a_submission(expires_at=at.replace(year=at.year + 1).isoformat(), submit=False)
        package_id = (await gateway.submit(analyst, draft)).json()["package_id"]
        clock[0] = at.replace(year=at.year + 2)
        later = await gateway.caller("analyst")
        before = await gateway.footprint()
        assert problem(await later.post(f"/packages/{package_id}/submit")) == "term-over"
        assert await gateway.footprint() == {**before, "entries": before["entries"] + 1}
        assert (await gateway.entries())[-1] == "submission.refused"

    clock = [at]
    with kept_open(place, now=lambda: clock[0]) as gateway:
        gateway.run(story(gateway))


def test_a_body_that_is_too_large(desk):
    async def story():
        analyst = await desk.caller("analyst")
        before = await desk.footprint()
        part = a_part() | {"content": b64u(bytes(7 << 20))}
        answer = await analyst.post("/packages", json=a_submission(part), headers={"Idempotency-Key": "a"})
        assert (problem(answer), answer.status_code) == ("payload-too-large", 413)
        assert await desk.footprint() == before

    desk.run(story())
