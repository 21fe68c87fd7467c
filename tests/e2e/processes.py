"""Gateways of the example as processes of their own, with real TLS on loopback."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attache import Client, Part, Recipient, Submission, clock
from certs_example.exchange import ExampleParticipant, make_exchange
from certs_example.gateways import ExampleGateway, ExampleIssuer, make_gateway
from tests.e2e.wire import Wire
from tests.exchange_place import POLICIES, REPOSITORY, ROLES

START_SECONDS = 30
STOP_SECONDS = 20
CODE = (REPOSITORY, REPOSITORY / "clients" / "python")
"""The code of today, as the folders that its packages are imported from."""

SETTINGS = {
    "delivery_lease_seconds": 120,  # a killed sender must not be waited for: its leases end at the next start
    "delivery_timeout_seconds": 2,
    "agency_requests_per_minute": 100_000,
    "shutdown_grace_seconds": 2,
}


def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What `condition` says as soon as it is true; fails when that takes longer than `seconds`."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        pause.wait(0.05)
    return found


PYTHON = [sys.executable, "-P"]
"""An interpreter that imports nothing from where it is started."""


def environment_of(code: tuple[Path, ...]) -> dict[str, str]:
    """`code` comes before whatever is installed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, code))}


@dataclass
class Process:
    """One gateway's process, from its first to its last."""

    made: ExampleGateway
    state: Path
    output: Path
    code: tuple[Path, ...] = CODE
    running: subprocess.Popen[bytes] | None = None
    urls: dict[str, str] = field(default_factory=dict)

    def command(self, *words: str) -> list[str]:
        return [*PYTHON, "-m", "gateway", *words, "-c", str(self.made.config)]

    def start(self) -> None:
        """Until both listeners accept."""
        assert self.running is None
        with self.output.open("ab") as output:
            self.running = subprocess.Popen(
                self.command("serve"), env=environment_of(self.code), stdout=subprocess.PIPE, stderr=output
            )
        late = threading.Timer(START_SECONDS, self.running.kill)
        late.start()
        assert self.running.stdout
        line = self.running.stdout.readline()
        late.cancel()
        assert line, self.output.read_text()[-2000:]
        self.urls = json.loads(line)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit code. Afterwards it may be started again, on what the last one left."""
        process, self.running = self.running, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(STOP_SECONDS)
        finally:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()

    def kill(self) -> None:
        assert self.end(signal.SIGKILL) == -signal.SIGKILL

    def peak_memory_bytes(self) -> int:
        assert self.running
        status = Path(f"/proc/{self.running.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What is committed in its database, read beside it."""
        with closing(sqlite3.connect(f"file:{self.state / 'gateway.sqlite3'}?mode=ro", uri=True)) as connection:
            return connection.execute(sql, values).fetchall()


@dataclass
class Exchange:
    """IRS-CI and the Frankfurt partner with a gateway each, and a wire to each exchange API."""

    root: Path
    participants: dict[str, ExampleParticipant]
    issuer: ExampleIssuer
    wires: dict[str, Wire]
    gateways: dict[str, Process]

    @classmethod
    def make(
        cls, root: Path, codes: Mapping[str, tuple[Path, ...]] = {}, policies: Mapping[str, Path] = POLICIES
    ) -> "Exchange":
        """`codes`: gateways that run other code than today's, which `init` runs too."""
        wires = {name: Wire() for name in POLICIES}
        ports = {name: wire.port for name, wire in wires.items()}
        participants = make_exchange(root, now=clock.now(), ports=ports)
        issuer, gateways = ExampleIssuer(), {}
        for name in POLICIES:
            made = make_gateway(root, participants, name, issuer=issuer, policies=policies[name], more=SETTINGS)
            state, output = participants[name].folder / "state", root / f"{name}.log"
            gateways[name] = Process(made, state, output, codes.get(name, CODE))
        return cls(root, participants, issuer, wires, gateways)

    def initialise(self) -> None:
        """`init` of both, side by side."""
        running = [
            subprocess.Popen(gateway.command("init"), env=environment_of(gateway.code), stderr=subprocess.DEVNULL)
            for gateway in self.gateways.values()
        ]
        assert [process.wait(START_SECONDS) for process in running] == [0, 0]

    def start(self, *names: str) -> None:
        for name in names or self.gateways:
            gateway = self.gateways[name]
            if gateway.running is None:
                gateway.start()
            self.wires[name].target = int(gateway.urls["exchange"].rsplit(":", 1)[1])

    def client(self, participant: str, role: str = "analyst") -> Client:
        gateway = self.gateways[participant]
        roles, posts = ROLES[role]
        token = self.issuer.token(gateway.made.audience, role, roles, clock.now(), posts)
        return Client(gateway.urls["agency"], token=token, ca=gateway.made.authority)

    def close(self) -> None:
        for wire in self.wires.values():
            wire.release()
        for gateway in self.gateways.values():
            gateway.end(signal.SIGKILL)
        for wire in self.wires.values():
            wire.close()


def submission(*parts: Part, to: str = "partner-frankfurt", basis: str = "FRANKFURT-LEA") -> Submission:
    return Submission(
        kind="intelligence",
        title="Mixer proceeds",
        purpose="criminal-investigation",
        crime_types=("money-laundering",),
        recipients=(Recipient(to, basis),),
        parts=parts,
    )


def part(name: str, content: bytes | Path) -> Part:
    return Part(name, content, "text/plain", ("TLP:GREEN",), ("law-enforcement-sensitive",))
