"""Both answers to a request for consent, as the delivery worker carries them to the holder's gateway."""

import asyncio
from datetime import timedelta

import pytest

from gateway.background import background
from gateway.exchange.kernel.records import OutboxRecord, Query
from tests.exchange_place import a_part
from tests.witness.pair import open_pair

PACKAGE = "application/vnd.attache.package"


async def by_hand(sender, receiver, package_id: str) -> None:
    frame, parts = await sender.sealed(package_id, receiver.settings.participant)
    peer = await receiver.peer(sender.settings.participant)
    answer = await peer.post("/packages", content=frame + b"".join(parts), headers={"Content-Type": PACKAGE})
    assert answer.status_code == 200, answer.text


async def asked(pair) -> str:
    """Frankfurt holds something of IRS-CI's, and its request about it was opened at IRS-CI."""
    ours, theirs = pair.ours, pair.theirs
    package_id = await ours.released(await ours.caller("analyst"), a_part("lead.txt", b"a lead of ours"))
    await by_hand(ours, theirs, package_id)
    reader = await theirs.caller("analyst")
    assert (await reader.post(f"/inbox/irs-ci/{package_id}/open")).status_code == 200
    body = {"originator": "irs-ci", "package_id": package_id, "part": "lead.txt", "recipient": "europol"}
    body |= {"purpose": "criminal-investigation", "legal_basis": "IRS-CI-LEA", "reason": "A joint team."}
    body["crime_types"] = ["money-laundering"]
    answer = await reader.post("/consents/requests", json=body, headers={"Idempotency-Key": "ask"})
    assert answer.status_code == 202, answer.text
    request_id = answer.json()["request_id"]
    await by_hand(theirs, ours, request_id)
    opened = await (await ours.caller("analyst")).post(f"/inbox/partner-frankfurt/{request_id}/open")
    assert opened.status_code == 200, opened.text
    return request_id


async def carried(pair, kind: str) -> None:
    """Run our delivery until the row of this kind is done."""
    store, worker = pair.ours.agency.store, pair.ours.gateway.worker
    async with asyncio.timeout(20), background(worker.run()):
        while True:
            changed = store.changed()
            rows = await store.read(
                lambda reader: reader.find(Query(OutboxRecord, equal={"partner": "partner-frankfurt"}))
            )
            if [row.state for row in rows if row.kind == kind] == ["done"]:
                return
            await changed.wait()


@pytest.mark.parametrize(
    ("path", "kind", "state"),
    [("/consents", "consent", "given"), ("/consents/refusals", "consent-refusal", "refused")],
)
def test_the_worker_brings_the_answer_to_the_holder(place, path, kind, state):
    async def story():
        async with open_pair(place) as pair:
            request_id = await asked(pair)
            token = pair.ours.token("attache-bogota", subject="our officer", posts=["frankfurt"])
            headers = {"Authorization": f"Bearer {token}"}
            officer = await pair.ours.client(pair.ours.gateway.agency_api, "/api/v1", headers)
            until = (pair.ours.agency.clock() + timedelta(days=30)).isoformat()
            more = {"expires_at": until, "note": "agreed"} if state == "given" else {"reason": "Not now."}
            body = {"holder": "partner-frankfurt", "request_id": request_id, **more}
            answer = await officer.post(path, json=body)
            assert answer.status_code == 201, answer.text
            await carried(pair, kind)
            reader = await pair.theirs.caller("analyst")
            known = (await reader.get(f"/consents/requests/partner-frankfurt/{request_id}")).json()
            assert known["state"] == state
            assert f"consent.{state}" in await pair.theirs.entries()

    asyncio.run(story())
