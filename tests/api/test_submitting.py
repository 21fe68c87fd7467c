"""Submitting: what comes in is decided, sealed and logged in one commit, or refused and nothing is written."""

import asyncio

import pytest

from gateway.exchange.kernel.records import PackageRecord
from gateway.exchange.kernel.refused_requests import LOGGED
from tests.exchange_place import a_part, a_submission, problem

# Every test here runs on one event loop of its own; see `run`.


def run(coroutine):
    return asyncio.run(coroutine)


async def nothing_is_stored(gateway, before: int) -> None:
    """No package, and no entry of the log, beyond those there were."""
    assert await gateway.agency.store.read(lambda reader: reader.find(PackageRecord)) == []
    assert len(await gateway.entries()) == before


def test_a_small_package_is_released_in_one_request(place):
    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            answer = await gateway.submit(analyst)
            assert answer.status_code == 202
            [life] = answer.json()["recipients"]
            assert life["state"] == "released"
            assert await gateway.entries() == [
                *["participant.admitted"] * 6,
                "policy.activated",
                "package.submitted",
                "package.decided",
                "package.released",
            ]

    run(story())


REFUSED = {
    "missing-legal-basis": {"recipients": [{"to": "partner-frankfurt"}]},
    "unknown-term": {"purpose": "curiosity"},
    "unknown-marking": {"markings": ["TLP:PINK"]},
    "unknown-partner": {"recipients": [{"to": "nobody", "legal_basis": "NOBODY-LEA"}]},
    "part-missing": {"parts": [a_part(content=None)]},
    "digest-mismatch": {"parts": [a_part(sha256="0" * 64)]},
    "malformed-request": {"surplus": 1},
}


@pytest.mark.parametrize(("code", "change"), REFUSED.items(), ids=REFUSED)
def test_bad_submissions_are_refused_and_leave_nothing(place, code, change):
    async def story():
        async with place.open() as gateway:
            before = len(await gateway.entries())
            answer = await gateway.submit(await gateway.caller("analyst"), a_submission(**change))
            assert problem(answer) == code
            await nothing_is_stored(gateway, before + (code in LOGGED))

    run(story())


AMBER = [a_part("note.txt", b"a note", markings=["TLP:AMBER"])]
TOLD = {
    "released": ({"to": ("partner-frankfurt",)}, {"released"}),
    "held": ({"to": ("partner-bogota",), "parts": AMBER}, {"held"}),
    "several": ({"to": ("partner-frankfurt", "europol", "partner-bogota"), "parts": AMBER}, {"released", "held"}),
    "denied": ({"parts": [a_part(content_class=["grand-jury"])]}, {"denied"}),
    "a draft": ({"submit": False}, set()),
}


@pytest.mark.parametrize(("change", "states"), TOLD.values(), ids=TOLD)
def test_the_answer_to_a_submission_is_what_a_look_at_it_shows(place, change, states):
    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            answer = await gateway.submit(analyst, a_submission(**change), key="the key")
            lives = answer.json()["recipients"]
            assert {life["state"] for life in lives} == states
            assert all((life["approval_id"] is not None) == (life["state"] == "held") for life in lives)
            where = f"/packages/{answer.json()['package_id']}"
            assert (await analyst.get(where)).json() == answer.json()
            again = await gateway.submit(analyst, a_submission(**change), key="the key")
            assert (again.status_code, again.json()) == (answer.status_code, answer.json())
            assert again.headers["location"] == answer.headers["location"] == f"/api/v1{where}"

    run(story())
