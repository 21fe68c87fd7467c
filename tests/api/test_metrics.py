"""/metrics: what it says, to whom, and what it never says."""

import asyncio
import re
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from attache import clock
from attache.errors import PartnerUnreachable
from gateway.delivery.counted import CountedOutbox
from gateway.exchange.delivering.outbox import Outbox
from gateway.metrics import COUNTERS, GAUGES, Metrics, Readings
from tests.exchange_place import a_part, a_submission, problem


async def at_once(_):
    """A pause that passes no time."""


async def measured(gateway, role: str = "operator") -> dict[tuple[str, ...], float]:
    """Each sample: name and labels, by the labels' names in order -> value."""
    token = gateway.token(role)
    client = await gateway.client(gateway.gateway.agency_api, "", {"Authorization": f"Bearer {token}"})
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_every_metric_that_is_named_is_there_and_no_other(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            await gateway.released(await gateway.caller("analyst"))
            token = gateway.token("operator")
            client = await gateway.client(gateway.gateway.agency_api, "", {"Authorization": f"Bearer {token}"})
            declared = set(re.findall(r"^# TYPE (\S+) ", (await client.get("/metrics")).text, re.MULTILINE))
            declared = {name for name in declared if not name.endswith("_created")}
            assert declared == {*GAUGES, *COUNTERS}

    asyncio.run(story())


def test_queues_approvals_decisions_and_the_log_are_counted(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            analyst = await gateway.caller("analyst")
            await gateway.released(analyst, to=["partner-frankfurt"])
            await gateway.released(analyst, a_part(markings=["TLP:AMBER"]), to=["partner-bogota"])
            found = await measured(gateway)
            assert found["attache_outbox_pending", "partner-frankfurt"] == 1
            assert found["attache_outbox_pending", "partner-sydney"] == 0
            assert found["attache_outbox_oldest_due_seconds", "partner-frankfurt"] >= 0
            assert found["attache_approvals_waiting", "bogota"] == 1
            assert found["attache_decisions_total", "release"] == 1
            assert found["attache_decisions_total", "hold"] == 1
            assert found["attache_events_total", "package.submitted"] == 2
            assert found["attache_log_entries",] == await gateway.agency.store.read_log(lambda log: log.size)
            assert found["attache_store_commit_units_count",] >= 2
            assert found["attache_store_commit_seconds_count",] == found["attache_store_commit_units_count",]
            assert found["attache_requests_total", "attache agency API", "POST", "/api/v1/packages", "202"] == 2

    asyncio.run(story())


def test_deliveries_refusals_and_problems_are_counted(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            await gateway.released(await gateway.caller("analyst"))
            outbox = CountedOutbox(Outbox(gateway.agency), gateway.gateway.agency_api.state.metrics.delivery)
            [claimed] = await outbox.claim(5, frozenset())
            await outbox.postpone(claimed, PartnerUnreachable(), clock.now() + timedelta(hours=1))
            auditor = await gateway.caller("auditor")
            assert problem(await gateway.submit(auditor)) == "not-permitted"
            found = await measured(gateway)
            assert found["attache_deliveries_total", "partner-frankfurt", "postponed"] == 1
            assert found["attache_outbox_oldest_due_seconds", "partner-frankfurt"] == 0
            assert found["attache_problems_total", "attache agency API", "not-permitted"] == 1
            assert found["attache_refusals_total", "not-permitted", "access.refused"] == 1

    asyncio.run(story())


def test_the_self_check_the_lists_and_our_certificates_are_told(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            check = gateway.gateway.self_check
            check._pause = at_once
            before = await measured(gateway)
            assert before["attache_self_check_timestamp_seconds",] == 0
            assert (await check.run_pass()).findings == ()
            found = await measured(gateway)
            now = clock.now().timestamp()
            assert abs(found["attache_self_check_timestamp_seconds",] - now) < 60
            assert found["attache_self_check_findings",] == 0
            assert found["attache_revocation_list_expires_timestamp_seconds",] > now
            assert found["attache_revocation_list_issued_timestamp_seconds",] < now
            for name in ("agency", "exchange", "client"):
                assert found["attache_certificate_expires_timestamp_seconds", name] > now
            gateway.settings.client_certificate_file.unlink()
            assert (await measured(gateway))["attache_certificate_expires_timestamp_seconds", "client"] == 0

    asyncio.run(story())


@pytest.mark.parametrize("role", ["analyst", "auditor", "attache-bogota", "partner-admin"])
def test_only_who_may_read_health_may_read_metrics(place, role):
    async def story():
        async with place.open("irs-ci") as gateway:
            token = gateway.token(role)
            client = await gateway.client(gateway.gateway.agency_api, "", {"Authorization": f"Bearer {token}"})
            assert problem(await client.get("/metrics")) == "not-permitted"
            nobody = await gateway.client(gateway.gateway.agency_api, "", {})
            assert problem(await nobody.get("/metrics")) == "not-authenticated"
            peer = await gateway.peer("partner-frankfurt")
            assert (await peer.get("/metrics")).status_code == 404

    asyncio.run(story())


def test_no_label_names_a_package_a_person_or_a_path(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            analyst = await gateway.caller("analyst", subject="sentinel-person")
            submitted = await gateway.submit(
                analyst, a_submission(a_part(name="sentinel-part.txt"), title="sentinel-title")
            )
            package_id = submitted.json()["package_id"]
            await analyst.get(f"/packages/{package_id}")
            await analyst.get("/sentinel/path")
            token = gateway.token("operator", subject="sentinel-operator")
            client = await gateway.client(gateway.gateway.agency_api, "", {"Authorization": f"Bearer {token}"})
            text = (await client.get("/metrics")).text
            assert "sentinel" not in text
            assert package_id not in text

    asyncio.run(story())


def test_a_reading_that_is_not_declared_is_a_mistake():
    with pytest.raises(ValueError, match="no metric"):
        Readings().set("attache_packages", 1)
    with pytest.raises(ValueError, match="no metric"):
        Readings().set("attache_outbox_pending", 1)
    assert b"attache_log_entries" in Metrics().render(Readings())
