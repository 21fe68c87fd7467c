"""A gateway with packages to purge, the officers who do it, and what must not be found afterwards."""

import sqlite3
from collections.abc import Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from attache import clock
from gateway.exchange.ending.purge import OF_ARRIVALS, OF_EITHER, OF_OURS, Blanked, Place
from gateway.exchange.kernel.records import (
    RECORDS,
    SEARCH,
    ArrivalRecord,
    PackageRecord,
    PurgedRecord,
    marks_of,
    names_of,
)
from gateway.store.log_privacy import _split, label_of
from gateway.upkeep import keep_up
from tests.exchange.attacking import WHOLE, Sender
from tests.exchange_place import a_part, a_submission, b64u

US, THEM = "irs-ci", "partner-frankfurt"
TITLE, NAME, CONTENT, REASON = "Zq-title-Zq", "Zq-name-Zq.txt", b"Zq-content-Zq " * 40, "Zq-reason-Zq"
PIECE = 32
PLAIN = [TITLE.encode(), NAME.encode(), CONTENT[:14], REASON.encode()]


class Time:
    """The gateway's clock, which a test moves."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def __call__(self):
        return clock.now() + self.passed

    def forward(self, **by) -> None:
        self.passed += timedelta(**by)


class Scene:
    """One open gateway, IRS-CI's."""

    def __init__(self, gateway, time: Time) -> None:
        self.gateway, self.time, self.agency = gateway, time, gateway.agency

    async def officer(self, subject: str = "first-officer"):
        return await self.gateway.caller("security-officer", subject=subject)

    async def desk(self):
        return await self.gateway.caller("analyst")

    async def package(self, *, key: str | None = None, **more) -> str:
        """A package of ours, released to a mailbox after an approval, with sentinels wherever words go."""
        part = a_part(NAME, CONTENT + b"of ours", markings=["TLP:AMBER"])
        submission = a_submission(part, to=["partner-bogota"], title=TITLE, **more)
        answer = await self.gateway.submit(await self.desk(), submission, key)
        assert answer.status_code == 202, answer.text
        [life] = answer.json()["recipients"]
        attache = await self.gateway.caller("attache-bogota")
        decision = {"decision": "approve", "reason": REASON}
        answer = await attache.post(f"/approvals/{life['approval_id']}", json=decision)
        assert answer.status_code == 200, answer.text
        return answer.json()["package_id"]

    def sender(self) -> Sender:
        return Sender(self.gateway.place.made, THEM, US)

    async def arrival(self, package=None) -> str:
        """A partner's package, received, opened and read here."""
        package = package or self.sender().package(CONTENT, title=TITLE)
        peer = await self.gateway.peer(THEM)
        answer = await peer.post("/packages", content=package.whole, headers={"Content-Type": WHOLE})
        assert answer.status_code == 200, answer.text
        inbox = f"/inbox/{THEM}/{package.package_id}"
        desk = await self.desk()
        assert (await desk.post(f"{inbox}/open")).json()["title"] == TITLE
        assert CONTENT in (await desk.get(f"{inbox}/parts/part-0.txt")).content
        return package.package_id

    async def order(self, *places: tuple[str, str], by: str = "first-officer"):
        named = [{"originator": originator, "package_id": package_id} for originator, package_id in places]
        body = {"packages": named, "legal_basis": "Court order 12/26", "note": "expunged"}
        return await (await self.officer(by)).post("/purges", json=body)

    async def approve(self, purge_id: str, by: str = "second-officer"):
        return await (await self.officer(by)).post(f"/purges/{purge_id}/approve", json={"note": "compared"})

    async def purged(self, *places: tuple[str, str]) -> str:
        """The id of an order that was confirmed."""
        ordered = await self.order(*places)
        assert ordered.status_code == 201, ordered.text
        answer = await self.approve(ordered.json()["purge_id"])
        assert (answer.status_code, answer.json()["state"]) == (200, "done"), answer.text
        return answer.json()["purge_id"]

    async def hold(self, *places: tuple[str, str], by: str = "first-officer"):
        named = [{"originator": originator, "package_id": package_id} for originator, package_id in places]
        body = {"packages": named, "legal_basis": "Case 26-114", "note": "litigation"}
        return await (await self.officer(by)).post("/holds", json=body)

    async def keep_up(self) -> None:
        await keep_up(self.agency)

    async def head(self, package_id: str, originator: str = US) -> PackageRecord | ArrivalRecord:
        def query(reader):
            if originator == US:
                return reader.get(PackageRecord.key(package_id))
            return reader.get(ArrivalRecord.key(originator, package_id))

        return await self.agency.store.read(query)

    async def tombstone(self, package_id: str, originator: str = US) -> PurgedRecord | None:
        return await self.agency.store.read(lambda reader: reader.get(PurgedRecord.key(originator, package_id)))

    async def audit(self):
        """The whole log and every record, verified."""
        return await self.agency.store.read_log(lambda log: log.verify())

    async def sealed(self, package_id: str, originator: str = US) -> list[bytes]:
        """Every sealed value, frame, blob and key of a package as it stands in the files now."""
        found = [value async for value in self._columns(package_id, originator)]
        with closing(sqlite3.connect(self.settings.key_shelf_file)) as keys:
            query = "select wrapped from data_key where originator = ? and package_id = ?"
            [(wrapped,)] = keys.execute(query, (originator, package_id)).fetchall()
        key = self.agency.vault.data_keys.opening_key(self.agency.vault.of(originator, package_id).label)
        entries = self.private_sides(package_id)
        assert entries
        return [*found, *entries, wrapped, key]

    def private_sides(self, package_id: str) -> list[bytes]:
        """What is under the data key of the entries about a package; the digests of rows beside it stay."""
        about = self.agency.pseudonyms.of("package", package_id)
        query = "select private_sealed from log_entry where package = ? and private_sealed is not null"
        with closing(sqlite3.connect(self.database)) as database:
            return [_split(sealed)[2] for (sealed,) in database.execute(query, (about,)) if label_of(sealed)]

    async def _columns(self, package_id: str, originator: str):
        for content in (*(OF_OURS if originator == US else OF_ARRIVALS), *OF_EITHER):
            query = content.records(Place(originator, package_id))
            for record in await self.agency.store.read(lambda r, q=query: r.find(q)):
                for name in blanked_fields(content, record):
                    value = getattr(record, name)
                    if isinstance(value, bytes) and value:
                        yield value
                if content.blob:
                    blob_id = content.blob(record)
                    yield (self.settings.blobs_dir / blob_id[:2] / blob_id).read_bytes()
                    yield blob_id.encode()

    @property
    def settings(self):
        return self.gateway.settings

    @property
    def database(self) -> str:
        return self.settings.database_url.removeprefix("sqlite:///")


@asynccontextmanager
async def open_scene(place, time: Time | None = None, **more):
    moving = time or Time()
    async with place.open(now=moving, **more) as gateway:
        yield Scene(gateway, moving)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below the folder: database, write-ahead logs, data keys, blobs, locks."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def found_in(folder: Path, secrets: Iterable[bytes]) -> list[tuple[str, bytes]]:
    """Where a secret is, or any of three pieces of a long one."""
    files = files_of(folder)
    return [
        (name, secret[:20])
        for secret in secrets
        for name, content in files.items()
        if any(piece in content for piece in pieces(secret))
    ]


def pieces(secret: bytes) -> list[bytes]:
    """What a long secret is known by, wherever pages end: pieces of its second half, for frames of all packages begin alike."""
    if len(secret) < 4 * PIECE:
        return [secret]
    middle = len(secret) // 2
    return [secret[at : at + PIECE] for at in (middle, (middle + len(secret)) // 2, len(secret) - PIECE - 8)]


def blanked_fields(content: Blanked[Any], record: Any) -> set[str]:
    """The fields of this record that a purge leaves otherwise than they are."""
    after = content.blank(record)
    return {field.name for field in fields(record) if getattr(after, field.name) != getattr(record, field.name)}


def sealed_fields() -> dict[type[Any], set[str]]:
    """The fields of each class of record about a package that hold sealed values or their digests, frames or blobs."""
    kinds = [kind for kind in RECORDS if "package_id" in {field.name for field in fields(kind)}]
    names = {
        kind: {
            name
            for name, hint in names_of(kind).items()
            if name.endswith("_sealed") or name == "blob_id" or SEARCH in marks_of(hint)
        }
        for kind in kinds
    }
    return {kind: found for kind, found in names.items() if found}


__all__ = [
    "CONTENT",
    "PLAIN",
    "REASON",
    "THEM",
    "TITLE",
    "US",
    "Scene",
    "Time",
    "b64u",
    "blanked_fields",
    "found_in",
    "open_scene",
    "sealed_fields",
]
