"""The two example gateways as real processes on loopback: made, initialised, started, and stopped again."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from attache import Client, clock
from attache.errors import Misconfigured
from certs_example.exchange import ExampleParticipant, make_exchange
from certs_example.gateways import ExampleGateway, ExampleIssuer, make_gateway

REPOSITORY = Path(__file__).parents[1]
POLICIES = {"irs-ci": REPOSITORY / "policies", "partner-frankfurt": REPOSITORY / "policies/examples/frankfurt"}
STOP_SECONDS = 20

ROLES: dict[str, tuple[list[str], list[str]]] = {
    "analyst": (["submitter", "analyst"], []),
    "attache-bogota": (["approver"], ["bogota"]),
    "auditor": (["auditor"], []),
    "partner-admin": (["partner-admin"], []),
    "security-officer": (["security-officer"], []),
    "operator": (["operator"], []),
}
"""Who there is at each example agency: roles, and the posts that they approve for."""


@dataclass
class RunningGateway:
    """One gateway process."""

    place: ExampleGateway
    agency_url: str
    exchange_url: str
    issuer: ExampleIssuer = field(repr=False)
    process: subprocess.Popen[bytes] = field(repr=False)

    def token(self, who: str) -> str:
        """A fresh access token for one of ROLES."""
        roles, posts = ROLES[who]
        return self.issuer.token(self.place.audience, who, roles, clock.now(), posts)

    def client(self, who: str) -> Client:
        """The SDK, as one of ROLES."""
        return Client(self.agency_url, token=self.token(who), ca=self.place.authority)


@dataclass(frozen=True)
class RunningExchange:
    """The example exchange with its gateways running."""

    root: Path
    participants: dict[str, ExampleParticipant]
    gateways: dict[str, RunningGateway]


@contextmanager
def running_exchange(root: Path) -> Iterator[RunningExchange]:
    """Make the example exchange anew under `root`, start both gateways, and stop them at the end."""
    if root.exists():
        shutil.rmtree(root)
    root.parent.mkdir(parents=True, exist_ok=True)
    ports = dict(zip(POLICIES, free_ports(len(POLICIES)), strict=True))
    participants = make_exchange(root, now=clock.now(), ports=ports)
    issuer = ExampleIssuer()
    places = {
        name: make_gateway(root, participants, name, issuer=issuer, policies=policies, exchange_port=ports[name])
        for name, policies in POLICIES.items()
    }
    with ExitStack() as stack:
        gateways = {}
        for name, place in places.items():
            run_command("init", place)
            gateways[name] = stack.enter_context(running_gateway(place, issuer))
        yield RunningExchange(root, participants, gateways)


@contextmanager
def running_gateway(place: ExampleGateway, issuer: ExampleIssuer) -> Iterator[RunningGateway]:
    """One gateway as a process of its own, ready; its operator's log goes to gateway.log beside its settings."""
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(place.config)]
    with (place.config.parent / "gateway.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=REPOSITORY)  # noqa: S603 -- our own program
    try:
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise Misconfigured(detail=f"{place.participant} did not start: see {place.config.parent / 'gateway.log'}")
        ready = json.loads(line)
        yield RunningGateway(place, ready["agency"], ready["exchange"], issuer, process)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        if process.stdout:
            process.stdout.close()


def export_log(place: ExampleGateway, folder: Path) -> None:
    """`attache-gateway log export`."""
    run_command("log", place, "export", str(folder))


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def run_command(name: str, place: ExampleGateway, *arguments: str) -> None:
    """`attache-gateway NAME` with a gateway's settings; raises Misconfigured where it fails."""
    command = [sys.executable, "-m", "gateway", name, *arguments, "--config", str(place.config)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False, text=True)  # noqa: S603 -- our own program
    if done.returncode:
        raise Misconfigured(detail=f"attache-gateway {name}: {done.stderr.strip()[-500:]}")
