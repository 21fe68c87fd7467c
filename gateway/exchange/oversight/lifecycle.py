"""The gateway's own start and end, as entries; and what a start finds changed since the one before."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from attache.crypto import sha256_hex
from attache.strict_json import canonical
from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.note import parse_note
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.records import SettingRecord
from gateway.exchange.kernel.work import SYSTEM, Work
from gateway.exchange_log.events.gateway import GatewayStarted, GatewayStopped, SettingsChanged


async def note_started(agency: Agency, *, version: str, settings: Mapping[str, Any]) -> None:
    """Log the start, and other settings than at the last start by name; end the leases of the process that was before.

    One process owns the database, so a lease that is left was held by a process that is gone: its delivery is due now.
    `settings` holds no secrets; of a value only a keyed digest is kept.
    """
    settings_sha256 = sha256_hex(canonical(dict(settings)))
    checkpoint = parse_checkpoint_body(parse_note(await agency.store.read_log(lambda log: log.checkpoint)).text)

    def unit(work: Work) -> None:
        now = work.at
        is_first = not work.find(SettingRecord.every())
        changed = _keep_settings(agency, work, settings)
        # exchange-log N5
        if changed and not is_first:
            other = SettingsChanged(names=tuple(changed), settings_sha256=settings_sha256)
            work.log(other)
        started = GatewayStarted(
            version=version,
            size=checkpoint.size,
            root=checkpoint.root.hex(),
            settings_sha256=settings_sha256,
            policy_sha256=agency.in_force.policy.hash,
            leases_ended=work.free_outbox(now),
        )
        work.log(started)

    await agency.commit(SYSTEM, unit)


async def note_stopped(agency: Agency, *, version: str) -> None:
    """Log an end in order."""
    size = await agency.store.read_log(lambda log: log.size)
    stopped = GatewayStopped(version=version, size=size)
    await agency.commit(SYSTEM, lambda work: work.log(stopped))


def _keep_settings(agency: Agency, work: Work, settings: Mapping[str, Any]) -> list[str]:
    """Keep what the settings are now; returns the names of those that were other, or not there, before."""
    kept = {record.name: record for record in work.find(SettingRecord.every())}
    digests = {
        # exchange-log N5
        name: agency.pseudonyms.of(f"setting {name}", canonical({"value": value}).decode())
        for name, value in settings.items()
    }
    for name, digest in digests.items():
        if name not in kept:
            work.add(SettingRecord(name, digest))
        elif kept[name].digest != digest:
            work.put(kept[name], replace(kept[name], digest=digest))
    for name in kept.keys() - digests.keys():
        work.remove(kept[name])
    was = {name: record.digest for name, record in kept.items()}
    return sorted(name for name in digests.keys() | was.keys() if digests.get(name) != was.get(name))
