"""A consent goes with the package that it is about: it names the content, so it is destroyed with it on either side."""

from gateway.exchange.kernel.records import ConsentRecord
from tests.api.test_passing_on import AS_OURS, with_pair

THEM = "partner-frankfurt"


async def purge(gateway, originator: str, package_id: str) -> None:
    officers = [await gateway.caller("security-officer", subject=name) for name in ("one", "two")]
    named = {"packages": [{"originator": originator, "package_id": package_id}], "legal_basis": "b", "note": "n"}
    order = await officers[0].post("/purges", json=named)
    answer = await officers[1].post(f"/purges/{order.json()['purge_id']}/approve", json={"note": "n"})
    assert answer.status_code == 200, answer.text


def test_a_consent_is_purged_with_its_package_on_either_side(place):
    async def story(pair):
        package_id = await pair.given()
        signed = await pair.granted(await pair.asked(package_id))
        assert (await pair.brought(signed)).status_code == 204
        assert (await pair.outcome(AS_OURS))[0] == "released"
        for gateway in (pair.ours, pair.theirs):
            [before] = await gateway.agency.store.read(lambda reader: reader.find(ConsentRecord))
            assert before.package_id == package_id
            await purge(gateway, THEM, package_id)
            [after] = await gateway.agency.store.read(lambda reader: reader.find(ConsentRecord))
            assert (after.signed_sealed, after.content) == (b"", "")
            auditor = await gateway.caller("auditor")
            [shown] = (await auditor.get("/consents")).json()["consents"]
            assert (shown["consent_id"], shown["signed"]) == (before.consent_id, None), "that there was one stays"
            files = {p: p.read_bytes() for p in gateway.settings.state_dir.rglob("*") if p.is_file()}
            assert not [p for p, raw in files.items() if before.signed_sealed[20:80] in raw]
            assert (await gateway.agency.store.read_log(lambda log: log.verify())).findings == ()

    with_pair(place, story)
