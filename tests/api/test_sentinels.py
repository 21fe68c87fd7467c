"""What packages are about is nowhere on disk and nowhere in the operator's log: neither as it is nor encoded."""

import asyncio
import base64
import io

import structlog

from gateway.exchange.kernel.records import ArrivalRecord, PartRecord, Query
from gateway.exchange.kernel.sealed import PART
from gateway.request_log import configure_logging
from tests.api.lines import Lines, delivering, desk_of, emptied
from tests.exchange_place import a_submission, b64u, problem

TITLE, NAME, CONTENT, REASON = "Zq-title-Zq", "Zq-name-Zq.txt", "Zq-content-Zq", "Zq-reason-Zq"
MARKING, SURPLUS, WITHHELD = "zq-marking-zq", "Zq-surplus-Zq", "Zq-withheld-Zq"
MEDIA_TYPE, SUBJECT, REFUSED = "text/x-zq-media-zq", "Zq-officer-Zq", "Zq-refused-Zq"
SENTINELS = [TITLE, NAME, CONTENT, REASON, MARKING, SURPLUS, WITHHELD, MEDIA_TYPE, SUBJECT, REFUSED]


def spellings(secret: bytes):
    """A secret as it is, as hex, and as base64 in each of its three alignments, of both alphabets."""
    yield from (secret, secret.hex().encode(), secret.hex().upper().encode())
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(bytes(shift) + secret)
            yield encoded[-(-shift * 4 // 3) + (shift > 0) : -4]
    yield secret.decode("latin-1").encode("utf-16-le")


def found_in(content: bytes, secrets: list[bytes]) -> list[bytes]:
    return [secret for secret in secrets if any(spelling in content for spelling in spellings(secret))]


def test_the_search_finds_what_is_there():
    secret = b"Zq-secret-Zq"
    for hidden in (
        secret,
        secret.hex().encode(),
        *(base64.b64encode(b"x" * n + secret + b"tail") for n in range(6)),
        base64.urlsafe_b64encode(b"??" + secret + b">>>"),
    ):
        assert found_in(b"around " + hidden + b" it", [secret]) == [secret], hidden
    assert found_in(b"nothing", [secret]) == []


async def exchange(ours, theirs) -> list[bytes]:
    """Everything that can be done with a package, and what is refused; returns the parts' keys."""
    analyst, officer = await desk_of(ours), await ours.caller("attache-bogota", subject=SUBJECT)
    reader, mailbox = await desk_of(theirs), await ours.peer("partner-bogota")
    kept = {"name": "kept.txt", "media_type": "text/plain", "content_class": ["return-information"]}
    part = {"name": NAME, "media_type": MEDIA_TYPE, "content_class": ["law-enforcement-sensitive"]}
    submission = a_submission(
        {**part, "markings": ["TLP:AMBER", f"REL TO: partner-frankfurt, partner-bogota, {MARKING}"]},
        {**kept, "markings": ["TLP:GREEN"], "content": b64u(WITHHELD.encode() * 3)},
        to=("partner-frankfurt", "partner-bogota"),
        title=TITLE,
        submit=False,
    )
    await analyst.post("/decisions", json=submission)
    package_id = (await ours.submit(analyst, submission)).json()["package_id"]
    path = f"/packages/{package_id}"
    assert (await analyst.put(f"{path}/parts/{NAME}", content=CONTENT.encode() * 3)).status_code == 204
    lives = {life["recipient"]: life for life in (await analyst.post(f"{path}/submit")).json()["recipients"]}
    approval = f"/approvals/{lives['partner-bogota']['approval_id']}"
    assert (await officer.get(approval)).json()["title"] == TITLE
    assert (await officer.post(approval, json={"decision": "approve", "reason": REASON})).status_code == 200
    async with delivering(ours, Lines(ours, theirs)), delivering(theirs, Lines(theirs, ours)):
        await emptied(ours)
        inbox = f"/inbox/irs-ci/{package_id}"
        assert (await reader.post(f"{inbox}/open")).json()["title"] == TITLE
        read = await reader.get(f"{inbox}/parts/{NAME}")
        assert CONTENT.encode() in read.content
    assert len((await mailbox.get(f"/packages/{package_id}")).content) > 1000
    assert (await analyst.get(f"{path}/sealed/partner-bogota")).status_code == 200
    auditor = await ours.caller("auditor")
    assert TITLE not in (await auditor.get("/log/entries", params={"limit": 1000})).text
    refused = a_submission(title=REFUSED, **{SURPLUS: REFUSED})
    assert problem(await ours.submit(analyst, refused)) == "malformed-request"
    assert problem(await analyst.get(f"/packages/{REFUSED}", params={"after": REFUSED})) == "malformed-request"
    parts = await ours.agency.store.read(lambda reader: reader.find(Query(PartRecord)))
    return [ours.agency.open(PART, each).key for each in parts]


def test_no_content_and_no_key_is_at_rest_or_in_the_operators_log(place):
    operator = io.StringIO()

    def leaks(keys: list[bytes]) -> list[tuple[str, bytes]]:
        secrets = [sentinel.encode() for sentinel in SENTINELS] + keys
        states = [place.root / name / "state" for name in ("irs-ci", "partner-frankfurt")]
        files = [path for folder in (*states, place.root / "locks") for path in folder.rglob("*") if path.is_file()]
        assert any(path.name.endswith("-wal") for path in files) or not keys
        found = [(path.name, leak) for path in files for leak in found_in(path.read_bytes(), secrets)]
        return found + [("the operator's log", leak) for leak in found_in(operator.getvalue().encode(), secrets)]

    async def story():
        async with place.open() as ours, place.open("partner-frankfurt") as theirs:
            keys = await exchange(ours, theirs)
            assert len(keys) == 2
            assert await theirs.agency.store.read(lambda reader: reader.find(Query(ArrivalRecord)))
            return keys, leaks(keys)

    configure_logging("debug", operator)
    try:
        keys, found = asyncio.run(story())
    finally:
        structlog.reset_defaults()
    assert found == []
    assert '"route"' in operator.getvalue()
    secrets = [sentinel.encode() for sentinel in SENTINELS] + keys
    for folder in ("irs-ci", "partner-frankfurt"):
        for path in (place.root / folder / "state").rglob("*"):
            assert not path.is_file() or found_in(path.read_bytes(), secrets) == [], path
