"""The mailbox: what is fetched, what is published, what is signed, and what is left after each kind of accident."""

import json
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from attache.client.home import load_home
from attache.client.mailbox import Mailbox
from attache.errors import AttacheError, Conflict, IntegrityLost, Misconfigured, NotFound, Unreachable
from attache.package import parse_frame
from attache.package.envelope import split_frame
from attache.receipt import ReceiptKind, require_receipt_for, verify_receipt
from tests.sdk.fake_gateway import BrokenStream, problem, unread
from tests.sdk.sealing import NOW, flipped, later, sealed_package

CONTENTS = {"note.txt": b"a case note", "wallets.json": bytes(range(256)) * 4096 * 3}


class FakeExchange:
    """A gateway's mailbox. `cut_after` bytes the line is cut, as often as it says."""

    def __init__(self):
        self.packages: dict[str, bytes] = {}
        self.receipts: list[bytes] = []
        self.ranges: list[str | None] = []
        self.cuts: list[int] = []
        self.deaf = 0
        self.ignores_ranges = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/exchange/v1")
        if path == "/mailbox":
            after = request.url.params.get("after", "")
            ids = sorted(each for each in self.packages if each > after)
            page = [
                {"package_id": i, "total_bytes": len(self.packages[i]), "sealed_at": "2026-11-22T09:00:00Z"}
                for i in ids[:2]
            ]
            return unread(httpx.Response(200, json={"packages": page, "next": ids[1] if len(ids) > 2 else None}))
        if path == "/receipts":
            if self.deaf:
                self.deaf -= 1
                raise httpx.ConnectError("refused")
            self.receipts.append(request.read())
            return unread(httpx.Response(204))
        return self._package(request, path.rsplit("/", 1)[1])

    def _package(self, request, package_id):
        asked = request.headers.get("range")
        self.ranges.append(asked)
        if package_id not in self.packages:
            return unread(problem(404, "not-found"))
        content = self.packages[package_id]
        start = 0 if asked is None or self.ignores_ranges else int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
        if start >= len(content):
            return unread(problem(422, "malformed-request"))
        headers = {"Content-Length": str(len(content) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        rest = content[start:]
        stream = BrokenStream(rest[: self.cuts.pop(0)]) if self.cuts else httpx.ByteStream(rest)
        return httpx.Response(206 if start else 200, headers=headers, stream=stream)


@pytest.fixture
def partner():
    return FakeExchange()


@pytest.fixture
def mailbox_of(homes, partner, tmp_path):
    def make(folder: Path = tmp_path / "in", **options) -> Mailbox:
        defaults = {
            "transport": httpx.MockTransport(partner),
            "pause": lambda _: None,
            "chance": lambda: 0.0,
            "now": later,
        }
        return Mailbox(homes["partner-bogota"], "irs-ci", folder, **{**defaults, **options})

    return make


def published(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and ".attache" not in p.parts
    }


def remembered(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / ".attache").iterdir())


def test_package_is_published_and_signed_for(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, CONTENTS)
    partner.packages[package_id] = raw
    with mailbox_of() as mailbox:
        assert [waiting.package_id for waiting in mailbox.list()] == [package_id]
        collected = mailbox.collect(package_id)
    folder = tmp_path / "in"
    assert published(folder) == {f"{package_id}/{name}": content for name, content in CONTENTS.items()}
    assert collected.manifest["title"] == "Wallets of a mixer"
    assert "key" not in collected.manifest["parts"][0]
    assert remembered(folder) == [f"{package_id}.json"]
    assert (folder / ".attache" / f"{package_id}.json").stat().st_mode & 0o777 == 0o600
    receipts = [verify_receipt(each, exchange["partner-bogota"].descriptor) for each in partner.receipts]
    assert [receipt.receipt for receipt in receipts] == [ReceiptKind.DELIVERED, ReceiptKind.OPENED]
    envelope = parse_frame(split_frame(raw)[0])
    for receipt in receipts:
        assert receipt.manifest_sha256
        require_receipt_for(receipt, envelope, receipt.manifest_sha256)


def test_list_pages(exchange, partner, mailbox_of):
    ids = []
    for _ in range(5):
        package_id, raw = sealed_package(exchange, {"a": b"a"})
        partner.packages[package_id] = raw
        ids.append(package_id)
    assert [waiting.package_id for waiting in mailbox_of().list()] == sorted(ids)


def test_collecting_again_changes_nothing_and_posts_nothing(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, CONTENTS)
    partner.packages[package_id] = raw
    first = mailbox_of().collect(package_id)
    again = mailbox_of().collect(package_id)
    assert first == again
    assert len(partner.receipts) == 2
    assert len(partner.ranges) == 1


def test_broken_fetch_goes_on_where_it_stopped(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, CONTENTS)
    partner.packages[package_id] = raw
    partner.cuts = [1 << 20, 1 << 20, 1 << 20]
    mailbox_of().collect(package_id)
    starts = [0 if asked is None else int(asked[6:-1]) for asked in partner.ranges]
    assert starts == [0, 1 << 20, 2 << 20, 3 << 20]
    assert published(tmp_path / "in")[f"{package_id}/wallets.json"] == CONTENTS["wallets.json"]


def test_fetch_goes_on_after_a_restart(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, CONTENTS)
    partner.packages[package_id] = raw
    partner.cuts = [1 << 20, 0, 0, 0, 0, 0]
    with pytest.raises(Unreachable):
        mailbox_of().collect(package_id)
    assert published(tmp_path / "in") == {}
    partner.cuts, partner.ranges = [], []
    mailbox_of().collect(package_id)
    assert partner.ranges == [f"bytes={1 << 20}-"]


def test_complete_fetch_that_was_not_opened_begins_again(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, CONTENTS)
    partner.packages[package_id] = raw
    mailbox = mailbox_of()
    (tmp_path / "in" / ".attache" / f"{package_id}.sealed").write_bytes(raw)
    mailbox.collect(package_id)
    assert published(tmp_path / "in")


def test_server_that_ignores_ranges_is_read_from_the_start(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, CONTENTS)
    partner.packages[package_id] = raw
    partner.ignores_ranges, partner.cuts = True, [1 << 20]
    mailbox_of().collect(package_id)
    assert published(tmp_path / "in")[f"{package_id}/note.txt"] == b"a case note"


@pytest.mark.parametrize(
    ("where", "code"),
    [(0, "malformed-package"), (600, None), (-1, "block-mismatch"), (-(3 << 20), "block-mismatch")],
)
def test_damaged_package_is_neither_published_nor_signed_for(exchange, partner, mailbox_of, tmp_path, where, code):
    package_id, raw = sealed_package(exchange, CONTENTS)
    partner.packages[package_id] = flipped(raw, where)
    with pytest.raises(AttacheError) as caught:
        mailbox_of().collect(package_id)
    assert code in (None, caught.value.code)
    assert caught.value.step
    assert published(tmp_path / "in") == {}
    assert remembered(tmp_path / "in") == []
    assert partner.receipts == []
    partner.packages[package_id] = raw
    assert mailbox_of().collect(package_id).folder.is_dir()


def test_surplus_bytes_are_refused(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, CONTENTS)
    partner.packages[package_id] = raw + b"x"
    with pytest.raises(AttacheError, match="malformed-package"):
        mailbox_of().collect(package_id)
    assert (published(tmp_path / "in"), partner.receipts) == ({}, [])


def test_package_for_somebody_else_is_refused(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, CONTENTS, recipient="partner-sydney")
    partner.packages[package_id] = raw
    with pytest.raises(AttacheError) as caught:
        mailbox_of().collect(package_id)
    assert (caught.value.code, caught.value.step) == ("not-a-recipient", "2-address")
    assert (published(tmp_path / "in"), partner.receipts) == ({}, [])


def test_another_package_than_the_one_asked_for_is_refused(exchange, partner, mailbox_of, tmp_path):
    asked, _ = sealed_package(exchange, {"a": b"a"})
    _, partner.packages[asked] = sealed_package(exchange, {"b": b"b"})
    with pytest.raises(AttacheError, match="envelope-mismatch"):
        mailbox_of().collect(asked)
    assert (published(tmp_path / "in"), remembered(tmp_path / "in"), partner.receipts) == ({}, [], [])


def test_same_id_with_other_bytes_is_a_conflict(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, {"a": b"a"})
    partner.packages[package_id] = raw
    mailbox_of().collect(package_id)
    (tmp_path / "in" / package_id).rename(tmp_path / "elsewhere")
    _, partner.packages[package_id] = sealed_package(exchange, {"b": b"b"}, package_id=package_id)
    with pytest.raises(Conflict) as caught:
        mailbox_of().collect(package_id)
    assert caught.value.code == "package-conflict"
    assert published(tmp_path / "in") == {}
    assert len(partner.receipts) == 2


def test_expired_package_is_refused(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, CONTENTS)
    partner.packages[package_id] = raw
    with pytest.raises(AttacheError, match="package-expired"):
        mailbox_of(now=lambda: NOW + timedelta(days=31)).collect(package_id)
    assert (published(tmp_path / "in"), partner.receipts) == ({}, [])


def test_receipts_that_were_not_heard_are_posted_again_byte_for_byte(exchange, partner, mailbox_of):
    package_id, raw = sealed_package(exchange, CONTENTS)
    partner.packages[package_id] = raw
    partner.deaf = 3
    with pytest.raises(Unreachable):
        mailbox_of().collect(package_id)
    assert partner.receipts == []
    collected = mailbox_of(now=lambda: NOW + timedelta(hours=1)).collect(package_id)
    assert partner.receipts == [collected.receipts["delivered"], collected.receipts["opened"]]
    receipt = verify_receipt(partner.receipts[0], exchange["partner-bogota"].descriptor)
    assert receipt.at == later()
    assert len(partner.ranges) == 1


def test_crash_between_remembering_and_publishing_is_made_good(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, CONTENTS)
    partner.packages[package_id] = raw
    first = mailbox_of().collect(package_id)
    folder = tmp_path / "in"
    (folder / package_id).rename(folder / ".0123456789abcdef.quarantine")  # as it was before the rename
    again = mailbox_of().collect(package_id)
    assert published(folder) == {f"{package_id}/{name}": content for name, content in CONTENTS.items()}
    assert again.receipts == first.receipts
    assert [p.name for p in folder.iterdir() if p.name.endswith(".quarantine")] == []


def test_record_that_cannot_be_read_stops_everything(exchange, partner, mailbox_of, tmp_path):
    package_id, raw = sealed_package(exchange, {"a": b"a"})
    partner.packages[package_id] = raw
    mailbox_of().collect(package_id)
    record = tmp_path / "in" / ".attache" / f"{package_id}.json"
    record.write_text(json.dumps({"originator": "irs-ci"}))
    with pytest.raises(IntegrityLost):
        mailbox_of().collect(package_id)
    assert len(partner.receipts) == 2


@pytest.mark.parametrize("package_id", ["../../etc/passwd", "", "x", "01935000-0000-4000-8000-000000000001"])
def test_what_is_no_package_id_touches_no_file(partner, mailbox_of, tmp_path, package_id):
    with pytest.raises(AttacheError):
        mailbox_of().collect(package_id)
    assert (remembered(tmp_path / "in"), partner.ranges) == ([], [])


def test_gateway_must_be_pinned_and_reachable(homes, tmp_path):
    with pytest.raises(NotFound):
        Mailbox(homes["partner-bogota"], "partner-nowhere", tmp_path)
    with pytest.raises(Misconfigured):
        Mailbox(homes["partner-bogota"], "partner-sydney", tmp_path)


# The home folder


def test_home_says_which_file_is_wrong(exchange, tmp_path):
    with pytest.raises(Misconfigured, match=re.escape("descriptor.jws")):
        load_home(tmp_path)
    folder = exchange["partner-bogota"].folder
    with pytest.raises(Misconfigured, match="passphrase"):
        load_home(folder, passphrase=b"wrong", descriptors=folder.parent / "descriptors")


def test_descriptor_that_is_not_the_pinned_one_is_refused(exchange, tmp_path):
    pins = {"irs-ci": exchange["irs-ci"].descriptor.sha256}
    (tmp_path / "fingerprints.json").write_text(json.dumps(pins))
    (tmp_path / "irs-ci.jws").write_bytes(exchange["partner-sydney"].descriptor.raw)
    with pytest.raises(Misconfigured, match=re.escape("irs-ci.jws")):
        load_home(exchange["partner-bogota"].folder, descriptors=tmp_path)


def test_secrets_are_not_in_the_repr(homes):
    home = homes["partner-bogota"]
    assert str(home.keys.tls_passphrase) not in repr(home)
    assert home.keys.storage_key
    assert repr(home.keys.storage_key) not in repr(home)
