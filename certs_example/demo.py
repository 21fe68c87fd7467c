"""`make demo`: two agencies exchange sealed packages, decided, approved, logged and receipted;
real processes, real TLS.

Everything is made anew under var/demo/. Ends with `demo: ok`, or with the step that failed and exit code 1.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attache import Part, Recipient, Submission
from attache.client.home import load_home
from attache.client.mailbox import Mailbox
from attache.client.opening import open_package
from attache.crypto import sha256_hex
from attache.errors import AttacheError
from attache.evidence.directory import LogReport, verify_log_directory
from attache.participant import fingerprint_words
from attache.receipt import verify_log_proof, verify_receipt
from attache.strict_json import canonical
from attache.translog.merkle import leaf_hash, verify_inclusion
from attache.translog.proof import parse_proof
from attache.translog.signing import open_checkpoint
from attache.translog.vkey import parse_vkey
from certs_example.running import REPOSITORY, RunningExchange, export_log, running_exchange

ROOT = REPOSITORY / "var" / "demo"
SHARED_BUNDLE = REPOSITORY.parent / "shared" / "data" / "ofac-sample.stix21.json"
OWN_BUNDLE = REPOSITORY / "certs_example" / "data" / "sanctioned-wallets.stix21.json"
WAIT_SECONDS = 60

CASE_NOTE = b"""CASE NOTE (fictional example)
Outflows of three wallets on the list reach the mixer within minutes of each other.
We ask for exchange records of the deposits that follow, 3 to 9 February.
"""
RETURN_INFORMATION = b"FICTIONAL EXAMPLE: adjusted gross income as filed, form 1040, line 11: 41,250\n"


def main() -> int:
    """Run the story."""
    say = Story()
    try:
        with running_exchange(ROOT) as exchange:
            for name in ("partner-frankfurt", "partner-bogota", "irs-ci"):
                (ROOT / "opened" / name).mkdir(parents=True)
            say.step(1, "An exchange of six participants, two of them with a gateway")
            show_exchange(say, exchange)
            package_id = intelligence(say, exchange)
            deliveries(say, exchange, package_id)
            more_packages(say, exchange, package_id)
            audit(say, exchange, package_id)
            tamper(say, exchange, package_id)
    except (AttacheError, AssertionError, OSError, subprocess.SubprocessError) as error:
        print(f"\ndemo: FAILED at step {say.current}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print("\ndemo: ok")
    return 0


class Story:
    """What the reader sees."""

    def __init__(self) -> None:
        self.current = "0 start"
        self._started = time.monotonic()

    def step(self, number: int, title: str) -> None:
        """A new step."""
        self.current = f"{number} {title}"
        print(f"\n{number}. {title}  [{time.monotonic() - self._started:.1f} s]", flush=True)

    def line(self, text: str) -> None:
        """One line of the step."""
        print(f"   {text}", flush=True)


def show_exchange(say: Story, exchange: RunningExchange) -> None:
    for name, made in exchange.participants.items():
        stated = made.descriptor.stated
        how = "gateway" if stated.endpoints.exchange else "mailbox"
        say.line(f"{name:<18} post {stated.post:<11} {how:<8} {made.profile.name}")
    ours = exchange.participants["irs-ci"].descriptor
    say.line(
        f"IRS-CI's fingerprint, as two officers compare it: {' '.join(fingerprint_words(ours.sha256).split()[:8])} ..."
    )
    for name, gateway in exchange.gateways.items():
        say.line(f"{name} runs: agency API {gateway.agency_url}, exchange API {gateway.exchange_url} (mutual TLS 1.3)")


def intelligence(say: Story, exchange: RunningExchange) -> str:
    """Submit to three recipients; two are released, one waits for the attaché at its post."""
    bundle = SHARED_BUNDLE if SHARED_BUNDLE.exists() else OWN_BUNDLE
    submission = Submission(
        kind="intelligence",
        title="Sanctioned wallets paying into a mixer",
        purpose="criminal-investigation",
        crime_types=("money-laundering", "sanctions-evasion"),
        recipients=(
            Recipient("partner-frankfurt", "FRANKFURT-LEA"),
            Recipient("partner-bogota", "BOGOTA-LEA"),
            Recipient("europol", "EUROPOL-AGREEMENT"),
        ),
        parts=(
            Part.of_path(
                bundle,
                media_type="application/stix+json;version=2.1",
                markings=("TLP:GREEN",),
                content_class=("chain-public", "open-source"),
            ),
            Part("case-note.txt", CASE_NOTE, "text/plain", ("TLP:AMBER",), ("law-enforcement-sensitive", "financial")),
            Part("return.txt", RETURN_INFORMATION, "text/plain", ("TLP:AMBER",), ("return-information",)),
        ),
    )
    say.step(2, "An IRS-CI analyst asks policy first (dry run), then submits to Frankfurt, Bogotá and Europol")
    with exchange.gateways["irs-ci"].client("analyst") as analyst:
        outcomes = {decision.recipient: decision.outcome for decision in analyst.decide(submission)}
        say.line(f"dry run: {', '.join(f'{name} {outcome}' for name, outcome in outcomes.items())}")
        package = analyst.packages.submit(submission)
        say.line(f"submitted {package.package_id}, {len(package.parts)} parts, wallets from {bundle.name}")
    say.step(3, "Policy decides for each recipient and part; silence is deny")
    for life in package.recipients:
        parts = life.decision.parts if life.decision else ()
        say.line(f"{life.recipient}: {life.state}")
        for part in parts:
            say.line(f"    {part.name:<34} {part.outcome:<9} {', '.join(part.rules)}: {'; '.join(part.reasons)}")
        withheld = [part for part in parts if part.name == "return.txt"]
        require(withheld[0].outcome == "withhold", "return information is withheld")
    approve(say, exchange, package.package_id)
    return str(package.package_id)


def approve(say: Story, exchange: RunningExchange, package_id: str) -> None:
    say.step(4, "The attaché in Bogotá sees exactly what would leave, and approves it as a second officer")
    with exchange.gateways["irs-ci"].client("attache-bogota") as attache:
        [waiting] = [each for each in attache.approvals.list() if each.package_id == package_id]
        say.line(f"{waiting.recipient} at post {waiting.post}: {', '.join(part.name for part in waiting.parts)}")
        approved = attache.approvals.approve(waiting.approval_id, "Reviewed: case note and wallets, nothing else")
        say.line(f"approval {approved.approval_id}: {approved.state}")


def deliveries(say: Story, exchange: RunningExchange, package_id: str) -> None:
    """Frankfurt by gateway, Bogotá by mailbox; Europol's waits until it collects."""
    irs_ci, frankfurt = exchange.gateways["irs-ci"], exchange.gateways["partner-frankfurt"]
    say.step(5, "The gateway delivers to Frankfurt's gateway over mutual TLS; Frankfurt signs the delivered receipt")
    with irs_ci.client("analyst") as analyst:
        wait_for(analyst, package_id, "partner-frankfurt", "delivered")
        show_receipt(say, exchange, analyst, package_id, "partner-frankfurt", "delivered")
        sent = {part.name: part.sha256 for part in analyst.packages.get(package_id).parts}
    say.step(6, "A Frankfurt analyst opens it: every step verified anew, parts compared by digest")
    with frankfurt.client("analyst") as reader:
        arrival = reader.inbox.open("irs-ci", package_id)
        say.line(
            f"handling: caveats {', '.join(arrival.caveats)}; keep until {arrival.retain_until}; "
            f"onward {arrival.onward}"
        )
        compare(say, reader.inbox.save(arrival, ROOT / "opened" / "partner-frankfurt"), sent)
    say.step(
        7, "Bogotá has no gateway: it collects from its mailbox with the SDK, opens locally, signs with its own keys"
    )
    home = load_home(exchange.root / "partner-bogota", descriptors=exchange.root / "descriptors")
    with Mailbox(home, "irs-ci", ROOT / "opened" / "partner-bogota") as mailbox:
        [waiting] = list(mailbox.list())
        collected = mailbox.collect(waiting.package_id)
        compare(say, [path for path in collected.folder.iterdir() if path.is_file()], sent)
        say.line(f"mailbox after: {len(list(mailbox.list()))} waiting")
    say.step(8, "The opened receipts come back")
    with irs_ci.client("analyst") as analyst:
        for recipient in ("partner-frankfurt", "partner-bogota"):
            wait_for(analyst, package_id, recipient, "opened")
            show_receipt(say, exchange, analyst, package_id, recipient, "opened")
        states = {life.recipient: life.state for life in analyst.packages.get(package_id).recipients}
        say.line(
            f"lives now: {', '.join(f'{name} {state}' for name, state in states.items())} (Europol has yet to collect)"
        )


def more_packages(say: Story, exchange: RunningExchange, package_id: str) -> None:
    """A tool, expertise, and Frankfurt's reply."""
    irs_ci, frankfurt = exchange.gateways["irs-ci"], exchange.gateways["partner-frankfurt"]
    tool = Submission(
        kind="tool",
        title="Peel-chain tracer",
        purpose="capacity-building",
        recipients=(Recipient("partner-frankfurt", "FRANKFURT-LEA"),),
        parts=(Part("tracer.py", b"print('follow the change')\n", "text/x-python", ("TLP:GREEN",), ("technical",)),),
    )
    expertise = Submission(
        kind="expertise",
        title="How deposits into a mixer are told apart",
        purpose="capacity-building",
        recipients=(Recipient("partner-frankfurt", "FRANKFURT-LEA"),),
        parts=(
            Part("method.txt", b"Look at the denominations first.\n", "text/plain", ("TLP:GREEN",), ("technical",)),
        ),
    )
    reply = Submission(
        kind="reply",
        title="Deposits found",
        purpose="criminal-investigation",
        crime_types=("money-laundering", "sanctions-evasion"),
        recipients=(Recipient("irs-ci", "IRS-CI-LEA"),),
        parts=(
            Part("reply.txt", b"Two deposits match.\n", "text/plain", ("TLP:AMBER",), ("law-enforcement-sensitive",)),
        ),
        in_reply_to=package_id,
    )
    say.step(9, "A tool and expertise go to Frankfurt; Frankfurt's analyst replies, under Frankfurt's own policy")
    for gateway, submission, recipient in (
        (irs_ci, tool, "partner-frankfurt"),
        (irs_ci, expertise, "partner-frankfurt"),
        (frankfurt, reply, "irs-ci"),
    ):
        with gateway.client("analyst") as analyst:
            sent = analyst.packages.submit(submission)
            wait_for(analyst, sent.package_id, recipient, "delivered")
        say.line(f"{submission.kind} '{submission.title}' from {gateway.place.participant}: delivered to {recipient}")
    with irs_ci.client("analyst") as analyst:
        [answer] = [arrival for arrival in analyst.inbox.list() if arrival.in_reply_to == package_id]
        opened = analyst.inbox.open(answer.originator, answer.package_id)
        [saved] = analyst.inbox.save(opened, ROOT / "opened" / "irs-ci")
        say.line(f"IRS-CI reads the reply: {saved.read_text().strip()}")


def audit(say: Story, exchange: RunningExchange, package_id: str) -> None:
    """Search, prove, and export; what is exported is checked without any server."""
    say.step(10, "The auditor lists the exchange, proves an entry, and takes both logs and all sealed packages away")
    irs_ci = exchange.gateways["irs-ci"]
    with irs_ci.client("auditor") as auditor:
        entries = list(auditor.log.entries())
        about = [e for e in entries if e.fields.get("record", {}).get("package_id") == package_id]
        for entry in about:
            say.line(
                f"{entry.index:>4}  {entry.at:%H:%M:%S}  {entry.event:<26} "
                f"{entry.fields['record'].get('recipient') or ''}"
            )
        released = next(entry for entry in about if entry.event == "package.released")
        size = prove_entry(auditor.log.prove(released.index).encode(), auditor.log.vkeys())
        say.line(f"inclusion of entry {released.index} proven under the signed checkpoint of size {size}")
    for name, gateway in exchange.gateways.items():
        folder = ROOT / "log" / name
        export_log(gateway.place, folder)
        say.line(f"{verify_log(folder)} entries of {name} verified offline in {folder.relative_to(REPOSITORY)}")
    (ROOT / "packages").mkdir()
    for name, gateway in exchange.gateways.items():
        with gateway.client("analyst") as analyst:
            for package in analyst.packages.list():
                for life in package.recipients:
                    if life.state in {"released", "delivering", "delivered", "opened"}:
                        target = ROOT / "packages" / f"{package.kind}-{name}-to-{life.recipient}.attache"
                        analyst.packages.save_sealed(package.package_id, life.recipient, target)
                        say.line(f"{target.relative_to(REPOSITORY)}  {target.stat().st_size} bytes")


def tamper(say: Story, exchange: RunningExchange, package_id: str) -> None:
    """One byte of a package, and one of a log copy."""
    say.step(11, "One byte is changed in a sealed package, and one in a copy of the log: both are refused")
    home = load_home(exchange.root / "partner-frankfurt", descriptors=exchange.root / "descriptors")
    (ROOT / "tampered").mkdir()
    good = ROOT / "packages" / "intelligence-irs-ci-to-partner-frankfurt.attache"
    opened = open_package(good, ROOT / "tampered" / "good", home)
    require(opened.manifest.package_id == package_id, "the untouched package opens")
    for what, place in (("its sealed manifest", 1500), ("its last part", -20)):
        damaged = ROOT / "tampered" / "damaged.attache"
        damaged.write_bytes(flip(good.read_bytes(), place))
        try:
            open_package(damaged, ROOT / "tampered" / "never", home)
        except AttacheError as error:
            say.line(f"a byte of {what}: refused at step {error.step}: {error.code}")
        else:
            raise AssertionError(f"a changed byte in {what} was not noticed")
        require(not (ROOT / "tampered" / "never").exists(), "nothing was published")
    copy = ROOT / "tampered" / "log"
    shutil.copytree(ROOT / "log" / "irs-ci", copy)
    bundle = next((copy / "tile" / "entries").rglob("*.p/*"))
    bundle.write_bytes(flip(bundle.read_bytes(), 300))
    report = log_report(copy)
    require(not report.is_sound, "the changed log is refused")
    say.line(f"a byte of a log entry: {report.findings[0]}")


def show_receipt(
    say: Story, exchange: RunningExchange, analyst: Any, package_id: str, recipient: str, kind: str
) -> None:
    """Verify a receipt with the recipient's descriptor alone, and where its log holds the event."""
    [view] = [r for r in analyst.packages.receipts(package_id) if (r.recipient, r.receipt) == (recipient, kind)]
    descriptor = exchange.participants[recipient].descriptor
    receipt = verify_receipt(canonical(view.signed), descriptor)
    where = ""
    if receipt.log:
        verify_log_proof(receipt.log, *map(str, descriptor.log_keys))
        where = f", entry {receipt.log.index} of {receipt.log.origin}, proven"
    manifest = (receipt.manifest_sha256 or "")[:16]
    say.line(f"receipt {receipt.receipt} by {recipient}: signed {receipt.at:%H:%M:%S}, manifest {manifest}…{where}")


def wait_for(analyst: Any, package_id: str, recipient: str, receipt: str) -> None:
    """Until the recipient's receipt of that kind is stored."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        package = analyst.packages.get(package_id)
        if any(life.recipient == recipient and receipt in life.receipts for life in package.recipients):
            return
        time.sleep(0.05)
    raise AssertionError(f"no {receipt} receipt of {recipient} within {WAIT_SECONDS} s")


def compare(say: Story, paths: Sequence[Path], sent: dict[str, str | None]) -> None:
    for path in sorted(paths):
        digest = sha256_hex(path.read_bytes())
        require(digest == sent[path.name], f"{path.name} has the digest that was sent")
        say.line(f"{path.name:<34} {path.stat().st_size:>6} bytes  sha256 {digest[:16]}… as sent")
    require("return.txt" not in {path.name for path in paths}, "return information did not arrive")


def prove_entry(raw: bytes, vkeys: str) -> int:
    """Verify a tlog-proof offline; returns the size of the tree that it leads to."""
    proof = parse_proof(raw)
    keys = [parse_vkey(line) for line in vkeys.splitlines()]
    checkpoint = open_checkpoint(proof.checkpoint, keys).checkpoint
    verify_inclusion(leaf_hash(proof.extra or b""), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return checkpoint.size


def verify_log(folder: Path) -> int:
    report = log_report(folder)
    require(report.is_sound, f"the log in {folder.name} verifies")
    return report.entries


def log_report(folder: Path) -> LogReport:
    def read(path: str) -> bytes | None:
        file = folder / path
        return file.read_bytes() if file.is_file() else None

    return verify_log_directory(read, (folder / "vkeys").read_text().splitlines())


def flip(content: bytes, place: int) -> bytes:
    """The content with one bit changed."""
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)


def require(condition: bool, promise: str) -> None:
    if not condition:
        raise AssertionError(f"promise broken: {promise}")


if __name__ == "__main__":
    sys.exit(main())
