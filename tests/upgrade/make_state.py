"""Make the state folder of a landed version, with that version's own code: what every later version must open.

    python tests/upgrade/make_state.py COMMIT TARGET.tar.xz        # the interpreter is the one of the landed version's .venv

Two gateways of the example exchange and a mailbox participant run as processes, do a little of everything, and are stopped:
Frankfurt's in order, IRS-CI's by SIGKILL. `make landed` calls this, and says beside the result when and from what it was made.

In the archive:

exchange/                     as `certs_example.exchange` and `certs_example.gateways` lay it out; `@ROOT@` stands for its path in the settings
exchange/policies/<gateway>   each gateway's policy set
exchange/issuer/private.key   the token issuer's private key, 32 bytes
mailbox/                      what Bogotá has collected
files/                        evidence bundles, sealed packages, receipts, consents, a log proof and both logs, as the landed version saved them
answers.json                  what the REST interfaces answered at the end, for each caller
commands.json                 what `attache ... --json` printed at the end
made.json                     commit, instants, and the ids that the tests need
"""

import json
import os
import shutil
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import attache
from attache import Client, Part, Recipient, Submission, clock
from attache.client.home import load_home
from attache.client.mailbox import Mailbox
from attache.client.submission import Field
from attache.package import BlockTree, read_frame
from attache.strict_json import canonical
from certs_example.exchange import ExampleParticipant, make_exchange
from certs_example.gateways import ExampleGateway, ExampleIssuer, make_gateway
from certs_example.running import POLICIES, RunningGateway, free_ports, running_gateway

IRS, FRANKFURT, BOGOTA = "irs-ci", "partner-frankfurt", "partner-bogota"
LANDED = Path(attache.__file__).parents[3]

CALLERS: dict[str, tuple[list[str], list[str]]] = {
    "analyst": (["submitter", "analyst"], []),
    "attache-bogota": (["approver"], ["bogota"]),
    "attache-frankfurt": (["approver"], ["frankfurt"]),
    "attache-washington": (["approver"], ["washington"]),
    "auditor": (["auditor"], []),
    "partner-admin": (["partner-admin"], []),
    "first-officer": (["security-officer"], []),
    "second-officer": (["security-officer"], []),
    "operator": (["operator"], []),
}
"""Who asks: roles, and posts. Written into made.json, so that the tests ask as the same people."""

SETTINGS: dict[str, str | int] = {
    "witness_cadence_seconds": 30,
    "delivery_timeout_seconds": 5,
    "agency_requests_per_minute": 100_000,
    "request_burst": 10_000,
}
ASKED = {
    "analyst": ("/packages", "/inbox"),
    "attache-bogota": ("/approvals", "/reviews"),
    "first-officer": ("/policies", "/officers", "/purges", "/holds"),
    "auditor": ("/consents", "/consents/requests", "/participants", "/log/entries?limit=1000"),
}
"""Whose lists are kept, to be compared after the upgrade."""

OBJECTS = {
    "/packages": ("package_id",),
    "/inbox": ("originator", "package_id"),
    "/approvals": ("approval_id",),
    "/consents": ("consent_id",),
    "/consents/requests": ("holder", "request_id"),
    "/purges": ("purge_id",),
}
"""The lists whose objects are asked for one by one too, and the members that make up their paths."""

TERMS = {"purpose": "criminal-investigation", "crime_types": ("money-laundering",)}
JSON_CASE = b'{"case": "26-114", "suspect": {"name": "A. Example"}, "note": "two deposits"}'


@dataclass
class Making:
    """The exchange while it is made."""

    root: Path
    participants: dict[str, ExampleParticipant]
    issuer: ExampleIssuer
    places: dict[str, ExampleGateway]
    running: dict[str, RunningGateway] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)

    @property
    def exchange(self) -> Path:
        return self.root / "exchange"

    @property
    def files(self) -> Path:
        return self.root / "files"

    def token(self, gateway: str, who: str) -> str:
        roles, posts = CALLERS[who]
        return self.issuer.token(self.places[gateway].audience, who, roles, clock.now(), posts)

    @contextmanager
    def client(self, gateway: str, who: str = "analyst") -> Iterator[Client]:
        url, ca = self.running[gateway].agency_url, self.places[gateway].authority
        with Client(url, token=self.token(gateway, who), ca=ca) as client:
            yield client

    @contextmanager
    def rest(self, gateway: str, who: str = "analyst") -> Iterator[httpx.Client]:
        """The agency API without the SDK."""
        headers = {"Authorization": f"Bearer {self.token(gateway, who)}"}
        base = f"{self.running[gateway].agency_url}/api/v1"
        trusted = ssl.create_default_context(cafile=self.places[gateway].authority)
        with httpx.Client(base_url=base, headers=headers, verify=trusted, trust_env=False) as client:
            yield client

    @contextmanager
    def peer(self, sender: str, receiver: str) -> Iterator[httpx.Client]:
        """The exchange API, as another participant."""
        folder = self.participants[sender].folder
        context = ssl.create_default_context(cafile=self.places[receiver].authority)
        passphrase = self.participants[sender].keys.tls_passphrase
        context.load_cert_chain(folder / "certificates/tls-client.pem", folder / "keys/tls-client.pem", passphrase)
        base = f"{self.running[receiver].exchange_url}/exchange/v1"
        with httpx.Client(base_url=base, verify=context, trust_env=False) as client:
            yield client


def main(commit: str, target: Path) -> None:
    """Make everything in a temporary folder, and pack it."""
    with tempfile.TemporaryDirectory(prefix="attache-landed-") as folder, ExitStack() as stack:
        started = clock.now()
        making = begin(Path(folder).resolve())
        both = {name: stack.enter_context(ExitStack()) for name in making.places}
        for name, its in both.items():
            run_gateway(making, name, its)
        leads(making)
        packages(making)
        waiting(making)
        mailbox(making)
        offices(making)
        witnessed(making)
        save_files(making)
        both[IRS].close()
        arriving(making)
        save_answers(making, FRANKFURT)
        both[FRANKFURT].close()
        run_gateway(making, IRS, both[IRS])
        announce(making)
        outgoing(making)
        save_answers(making, IRS)
        save_commands(making)
        making.running[IRS].process.kill()
        making.running[IRS].process.wait()
        both[IRS].close()
        export_logs(making)
        finish(making, commit, started.isoformat())
        pack(making.root, target)


def begin(root: Path) -> Making:
    """Six participants, two of them with a gateway, and nothing exchanged yet."""
    exchange = root / "exchange"
    ports = dict(zip(POLICIES, free_ports(len(POLICIES)), strict=True))
    participants = make_exchange(exchange, now=clock.now(), ports=ports)
    issuer, places = ExampleIssuer(), {}
    for name, policies in POLICIES.items():
        own = exchange / "policies" / name
        shutil.copytree(policies, own, ignore=shutil.ignore_patterns("examples", "README.md"))
        port = ports[name]
        places[name] = make_gateway(
            exchange, participants, name, issuer=issuer, policies=own, exchange_port=port, more=SETTINGS
        )
        gateway(places[name], "init")
    (root / "files").mkdir()
    private = issuer.key.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    (exchange / "issuer" / "private.key").write_bytes(private)
    return Making(root, participants, issuer, places)


def gateway(place: ExampleGateway, *words: str) -> None:
    """A command of the landed version's gateway."""
    command = [sys.executable, "-m", "gateway", *words, "--config", str(place.config)]
    subprocess.run(command, cwd=LANDED, check=True, stderr=subprocess.DEVNULL)


def run_gateway(making: Making, name: str, stack: ExitStack) -> None:
    making.running[name] = stack.enter_context(running_gateway(making.places[name], making.issuer))


def until(condition: Callable[[], Any], seconds: float = 40.0) -> Any:
    end, pause = time.monotonic() + seconds, threading.Event()
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s")
        pause.wait(0.1)
    return found


def text(name: str, content: bytes, marking: str = "TLP:GREEN", classes: tuple[str, ...] = ()) -> Part:
    return Part(name, content, "text/plain", (marking,), classes or ("law-enforcement-sensitive",))


def submission(title: str, *parts: Part, to: tuple[str, ...] = (FRANKFURT,), **more: Any) -> Submission:
    bases = {FRANKFURT: "FRANKFURT-LEA", BOGOTA: "BOGOTA-LEA", "europol": "EUROPOL-AGREEMENT", IRS: "IRS-CI-LEA"}
    recipients = tuple(Recipient(name, bases[name]) for name in to)
    return Submission(
        **{"kind": "intelligence", "title": title, "recipients": recipients, "parts": parts, **TERMS, **more}
    )


def deliver(making: Making, sender: str, given: Submission, receiver: str) -> str:
    """The id of a package that its recipient has opened."""
    with making.client(sender) as analyst, making.client(receiver) as reader:
        package_id = analyst.packages.submit(given).package_id
        analyst.packages.wait(package_id, "delivered")
        reader.inbox.open(sender, package_id)
        analyst.packages.wait(package_id, "opened")
    return package_id


def leads(making: Making) -> None:
    """Three leads of Frankfurt's, and a consent asked for each: one given, one refused, one not answered yet."""
    for name in ("given", "refused", "asked"):
        lead = text("lead.txt", f"a lead, consent {name}".encode())
        package_id = deliver(making, FRANKFURT, submission(f"Lead, consent {name}", lead, to=(IRS,)), IRS)
        with making.client(IRS) as analyst, making.client(FRANKFURT) as reader:
            asked = analyst.consents.ask(
                FRANKFURT,
                package_id,
                "lead.txt",
                recipient=BOGOTA,
                purpose="criminal-investigation",
                legal_basis="FRANKFURT-LEA",
                reason="Bogotá works the same wallets",
                crime_types=("money-laundering",),
            )
            analyst.packages.wait(asked.request_id, "delivered")
            reader.inbox.open(IRS, asked.request_id)
        making.ids[f"lead_{name}"], making.ids[f"request_{name}"] = package_id, asked.request_id
    with making.client(FRANKFURT, "attache-washington") as officer, making.client(IRS, "auditor") as auditor:
        officer.consents.give(IRS, making.ids["request_given"], clock.now() + timedelta(days=300), "agreed")
        officer.consents.refuse(IRS, making.ids["request_refused"], "It would burn a source.")

        def is_answered(name: str) -> bool:
            return auditor.consents.request(IRS, making.ids[f"request_{name}"]).state == name

        for name in ("given", "refused"):
            until(partial(is_answered, name))


def packages(making: Making) -> None:
    """What is released: opened, denied, redacted, withheld, collected, and not collected yet."""
    wallets = LANDED / "certs_example" / "data" / "sanctioned-wallets.stix21.json"
    stix = Part.of_path(wallets, markings=("TLP:GREEN",), content_class=("chain-public", "open-source"))
    note = text(
        "case-note.txt", b"three wallets reach the mixer", "TLP:AMBER", ("law-enforcement-sensitive", "financial")
    )
    withheld = text("return.txt", b"line 11: 41,250", "TLP:AMBER", ("return-information",))
    given = submission("Sanctioned wallets", stix, note, withheld, to=(FRANKFURT, BOGOTA, "europol"))
    with making.client(IRS) as analyst, making.client(FRANKFURT) as reader:
        sent = analyst.packages.submit(given)
        making.ids["three_recipients"] = sent.package_id
        with making.client(IRS, "attache-bogota") as officer:
            [approval] = [each for each in officer.approvals.list() if each.package_id == sent.package_id]
            officer.approvals.approve(approval.approval_id, "Reviewed: nothing else leaves")
        until(lambda: "delivered" in lives(analyst, sent.package_id)[FRANKFURT].receipts)
        reader.inbox.save(reader.inbox.open(IRS, sent.package_id), folder_of(making, "opened"))
        until(lambda: "opened" in lives(analyst, sent.package_id)[FRANKFURT].receipts)
        denied = analyst.packages.submit(
            submission("Denied", text("return.txt", b"1040", "TLP:AMBER", ("return-information",)))
        )
        making.ids["denied"] = denied.package_id
        secret = Field("/suspect", markings=("REL TO: irs-ci, partner-sydney",))
        case = Part(
            "case.json", JSON_CASE, "application/json", ("TLP:GREEN",), ("law-enforcement-sensitive",), fields=(secret,)
        )
    making.ids["redacted"] = deliver(making, IRS, submission("Redacted", case), FRANKFURT)
    tool = Part("tracer.py", b"print('follow the change')\n", "text/x-python", ("TLP:GREEN",), ("technical",))
    tool_sent = submission("Tracer", tool, kind="tool", purpose="capacity-building", crime_types=())
    making.ids["tool"] = deliver(making, IRS, tool_sent, FRANKFURT)
    reply = submission(
        "Reply", text("reply.txt", b"two deposits match"), to=(IRS,), kind="reply", in_reply_to=sent.package_id
    )
    making.ids["reply"] = deliver(making, FRANKFURT, reply, IRS)


def lives(analyst: Client, package_id: str) -> dict[str, Any]:
    return {life.recipient: life for life in analyst.packages.get(package_id).recipients}


def folder_of(making: Making, name: str) -> Path:
    folder = making.files / name
    folder.mkdir(exist_ok=True)
    return folder


def waiting(making: Making) -> None:
    """What waits for somebody: a pending approval, a review, a draft; and an approval that was rejected."""
    amber = text("note.txt", b"waits for an approval", "TLP:AMBER")
    with making.client(IRS) as analyst, making.client(IRS, "attache-bogota") as officer:
        for name in ("pending", "rejected"):
            sent = analyst.packages.submit(submission(f"Approval {name}", amber, to=(BOGOTA,)))
            [approval] = [each for each in officer.approvals.list() if each.package_id == sent.package_id]
            making.ids[f"package_{name}"], making.ids[f"approval_{name}"] = sent.package_id, approval.approval_id
        officer.approvals.reject(making.ids["approval_rejected"], "not now")
        threat = {"urgency": "threat-to-life", "purpose": "threat-warning", "review_within_hours": 24}
        person = text("person.txt", b"a person", classes=("personal-data",))
        making.ids["review"] = analyst.packages.submit(submission("Threat", person, to=(BOGOTA,), **threat)).package_id
    draft = submission("Draft", text("first.txt", b"uploaded"), text("second.txt", b"not yet")).facts()
    body = json.dumps({**draft, "submit": False}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": "draft-1"}
    with making.rest(IRS) as rest:
        made = rest.post("/packages", content=body, headers=headers).raise_for_status().json()
        upload = {"Content-Type": "application/octet-stream"}
        path = f"/packages/{made['package_id']}/parts/first.txt"
        rest.put(path, content=b"uploaded", headers=upload).raise_for_status()
    making.ids["draft"], making.ids["draft_body"], making.ids["draft_key"] = (
        made["package_id"],
        body.decode(),
        "draft-1",
    )


def mailbox(making: Making) -> None:
    """Bogotá collects one package and asks for a consent; another package stays in its mailbox."""
    with making.client(IRS) as analyst:
        given = submission("Uncollected", text("note.txt", b"waits in the mailbox"), to=(BOGOTA,))
        making.ids["uncollected"] = analyst.packages.submit(given).package_id
    home = load_home(making.participants[BOGOTA].folder, descriptors=making.exchange / "descriptors")
    with Mailbox(home, IRS, making.root / "mailbox") as box:
        collected = making.ids["three_recipients"]
        box.collect(collected)
        asked = {"recipient": "europol", "purpose": "criminal-investigation", "legal_basis": "BOGOTA-LEA"}
        making.ids["mailbox_request"] = box.ask_consent(collected, "case-note.txt", **asked, reason="wallets")
    with making.client(IRS) as reader:
        reader.inbox.open(BOGOTA, making.ids["mailbox_request"])


def offices(making: Making) -> None:
    """What officers decide: purges, holds, a policy set, and who may take part."""
    with making.client(IRS) as analyst:
        for name in ("purged", "purge_ordered", "held"):
            given = submission(f"For the {name}", text("note.txt", name.encode()))
            making.ids[name] = analyst.packages.submit(given).package_id
            analyst.packages.wait(making.ids[name], "delivered")
    with making.client(IRS, "first-officer") as first, making.client(IRS, "second-officer") as second:
        basis = {"legal_basis": "Court order 12/26", "note": "expunged"}
        for name in ("purged", "purge_ordered"):
            making.ids[f"purge_of_{name}"] = first.purges.order([(IRS, making.ids[name])], **basis).purge_id
        second.purges.approve(making.ids["purge_of_purged"], "compared")
        hold = first.holds.place([(IRS, making.ids["held"])], legal_basis="Case 26-114", note="litigation")
        making.ids["hold"] = hold.hold_id
        proposed = making.root / "proposed"
        shutil.copytree(making.exchange / "policies" / IRS, proposed)
        rules = min((proposed / "partners").glob("*.cedar"))
        rules.write_text(rules.read_text() + "// Read again by counsel.\n")
        making.ids["policy_proposed"] = first.policies.propose(proposed, "read by counsel").policy_sha256
        shutil.rmtree(proposed)
        first.officers.withdraw(officer_of(making), "left the post", posts=())
    with making.client(IRS, "partner-admin") as admin:
        admin.participants.suspend("partner-singapore")


def officer_of(making: Making) -> str:
    """An officer whose standing may be changed: one who signs in for nothing else here."""
    with making.client(IRS, "attache-frankfurt") as officer:
        officer.approvals.list()
    return "attache-frankfurt"


def witnessed(making: Making) -> None:
    """Until each gateway has cosigned the other's log."""

    def is_cosigned(name: str) -> bool:
        with making.rest(name, "auditor") as rest:
            return "cosigned" in json.dumps(rest.get("/witnesses").json())

    for name in making.places:
        until(partial(is_cosigned, name))


def save_files(making: Making) -> None:
    """What can be verified offline."""
    evidence, sealed, receipts = (folder_of(making, name) for name in ("evidence", "sealed", "receipts"))
    consents = folder_of(making, "consents")
    with making.client(IRS) as analyst, making.client(IRS, "auditor") as auditor:
        for name in ("three_recipients", "redacted"):
            for who, client in (("analyst", analyst), ("auditor", auditor)):
                file = evidence / f"{name}-{who}.attache-evidence"
                client.packages.save_evidence(making.ids[name], file, recipient=FRANKFURT)
            analyst.packages.save_sealed(making.ids[name], FRANKFURT, sealed / f"{name}.attache")
            for view in analyst.packages.receipts(making.ids[name]):
                (receipts / f"{name}-{view.recipient}-{view.receipt}.json").write_bytes(canonical(view.signed))
        for consent in auditor.consents.list():
            (consents / f"{consent.consent_id}.json").write_bytes(
                canonical(auditor.consents.get(consent.consent_id).signed)
            )
        (making.files / "entry.proof").write_text(auditor.log.prove(0))
        (making.files / "vkeys").write_text(auditor.log.vkeys())
        auditor.log.export(making.files / "entries.jsonl")


def arriving(making: Making) -> None:
    """Frankfurt sends two parts while IRS-CI's gateway does not run: its outbox holds them."""
    given = submission(
        "Arriving", text("first.txt", b"arrives before"), text("second.txt", b"arrives after"), to=(IRS,)
    )
    with making.client(FRANKFURT) as analyst:
        making.ids["arriving"] = analyst.packages.submit(given).package_id
        until(lambda: lives(analyst, making.ids["arriving"])[IRS].state == "delivering")
        analyst.packages.save_sealed(making.ids["arriving"], IRS, making.files / "arriving.attache")


def announce(making: Making) -> None:
    """Of the two parts, the first arrives at IRS-CI; the second does not."""
    with (making.files / "arriving.attache").open("rb") as stream:
        envelope = read_frame(stream)
        frame_bytes = stream.tell()
        stream.seek(0)
        frame, first = stream.read(frame_bytes), stream.read(envelope.parts[0].ciphertext_bytes)
    tree = BlockTree()
    tree.update(first)
    path, octets = f"/packages/{making.ids['arriving']}", {"Content-Type": "application/octet-stream"}
    place = {"Content-Range": f"bytes 0-{len(first) - 1}/{len(first)}"}
    with making.peer(FRANKFURT, IRS) as peer:
        kind = {"Content-Type": "application/vnd.attache.envelope"}
        peer.post("/packages", content=frame, headers=kind).raise_for_status()
        peer.put(f"{path}/parts/0/hashes", content=tree.finish(), headers=octets).raise_for_status()
        peer.put(f"{path}/parts/0", content=first, headers={**octets, **place}).raise_for_status()


def outgoing(making: Making) -> None:
    """A package that cannot be delivered, since Frankfurt's gateway does not run."""
    with making.client(IRS) as analyst:
        making.ids["outgoing"] = analyst.packages.submit(submission("Outgoing", text("note.txt", b"later"))).package_id
        until(lambda: lives(analyst, making.ids["outgoing"])[FRANKFURT].state == "delivering")


def save_answers(making: Making, name: str) -> None:
    """The lists, and every object in them."""
    for who, lists in ASKED.items():
        with making.rest(name, who) as rest:
            paths = list(lists)
            for path in paths:
                body = rest.get(path).raise_for_status().json()
                making.answers.append({"gateway": name, "who": who, "path": path, "body": body})
                paths += objects_of(path, body)


def objects_of(path: str, body: dict[str, Any]) -> list[str]:
    """The paths of the objects that a list names; none for what is no list of OBJECTS."""
    members = OBJECTS.get(path, ())
    items = next((value for value in body.values() if isinstance(value, list)), []) if members else []
    found = ["/".join([path, *(item[member] for member in members)]) for item in items]
    return [*found, *(f"{one}/receipts" for one in found if path == "/packages")]


def save_commands(making: Making) -> None:
    """What the command prints for IRS-CI, as JSON."""
    asked = (
        ("analyst", "list"),
        ("analyst", "inbox", "list"),
        ("analyst", "show", making.ids["three_recipients"]),
        ("analyst", "receipts", making.ids["three_recipients"]),
        ("attache-bogota", "approvals", "list"),
        ("attache-bogota", "approvals", "show", making.ids["approval_pending"]),
        ("attache-bogota", "reviews", "list"),
        ("auditor", "consents", "list"),
        ("auditor", "consents", "requests"),
        ("first-officer", "purge", "list"),
        ("first-officer", "hold", "list"),
        ("first-officer", "policy", "list"),
        ("partner-admin", "participants", "list"),
    )
    environment = {"PATH": os.environ["PATH"], "ATTACHE_URL": making.running[IRS].agency_url}
    environment["ATTACHE_CA"] = str(making.places[IRS].authority)
    for who, *words in asked:
        command = [str(Path(sys.executable).parent / "attache"), *words, "--json"]
        token = {"ATTACHE_TOKEN": making.token(IRS, who)}
        done = subprocess.run(command, env={**environment, **token}, check=True, capture_output=True)
        making.commands.append({"who": who, "words": words, "output": json.loads(done.stdout)})


def export_logs(making: Making) -> None:
    for name, place in making.places.items():
        gateway(place, "log", "export", str(making.files / "log" / name))


def finish(making: Making, commit: str, started: str) -> None:
    """The facts that the tests need; and settings that say where the folder lies only by a placeholder."""
    for place in making.places.values():
        place.config.write_text(place.config.read_text().replace(str(making.exchange), "@ROOT@"))
        (place.config.parent / "gateway.log").unlink()
    made = {
        "commit": commit,
        "started_at": started,
        "ended_at": clock.now().isoformat(),
        "python": sys.version.split()[0],
        "callers": CALLERS,
        "ids": making.ids,
    }
    for name, value in (("made", made), ("answers", making.answers), ("commands", making.commands)):
        (making.root / f"{name}.json").write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def pack(root: Path, target: Path) -> None:
    """A tar with modes and without owners, for Python's `tarfile` to unpack."""

    def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(target, "w:xz", preset=9) as archive:
        for path in sorted(root.iterdir()):
            archive.add(path, path.name, filter=anonymous)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve())
