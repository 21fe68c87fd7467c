"""The previous landed version, out of its wheel; and an exchange in which one of the two gateways still runs it."""

import json
import secrets
import ssl
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from attache import clock
from tests.e2e.processes import CODE, PYTHON, Exchange, environment_of, until
from tests.exchange_place import POLICIES, ROLES

LANDED = Path(__file__).parents[1] / "vectors" / "landed"
BOGOTA = "partner-bogota"
COMMAND = "from attache.cli import main; main()"
WHERE = "import attache, gateway, json; print(json.dumps([attache.__file__, gateway.__file__]))"


def newest(suffix: str) -> Path:
    """Of the vectors, whose names begin with the day on which they were made."""
    return max(LANDED.glob(f"*.{suffix}"))


def previous_code(folder: Path) -> tuple[Path, ...]:
    """The previous version, unpacked into `folder`. Fails unless a process really imports that code and no other."""
    with zipfile.ZipFile(newest("whl")) as wheel:
        wheel.extractall(folder)
    command = [*PYTHON, "-c", WHERE]
    done = subprocess.run(command, env=environment_of((folder,)), check=True, capture_output=True)
    assert all(Path(file).is_relative_to(folder) for file in json.loads(done.stdout)), done.stdout
    return (folder,)


def previous_policies(folder: Path) -> Path:
    """The policy sets that the previous version was made with, by gateway."""
    inside = "exchange/policies/"
    with tarfile.open(newest("tar.xz")) as archive:
        members = [member for member in archive if member.name.startswith(inside)]
        archive.extractall(folder, members, filter="data")
    return folder / inside


@dataclass
class Mixed:
    """Two gateways of which `old` runs the previous version. Whoever asks, asks in the words of that version."""

    exchange: Exchange
    old: str
    previous: tuple[Path, ...]

    @classmethod
    def make(cls, root: Path, old: str) -> "Mixed":
        previous = previous_code(root / "code")
        policies = {**POLICIES, old: previous_policies(root) / old}
        return cls(Exchange.make(root / "exchange", {old: previous}, policies), old, previous)

    def code_of(self, gateway: str) -> tuple[Path, ...]:
        return self.previous if gateway == self.old else CODE

    def code_of_the_other_than(self, gateway: str) -> tuple[Path, ...]:
        return CODE if gateway == self.old else self.previous

    def rest(self, gateway: str, who: str = "analyst") -> httpx.Client:
        """The agency API. No SDK: an agency upgrades its clients with its gateway."""
        process = self.exchange.gateways[gateway]
        roles, posts = ROLES.get(who, (["approver"], [who]))
        token = self.exchange.issuer.token(process.made.audience, who, roles, clock.now(), posts)
        headers = {"Authorization": f"Bearer {token}"}
        trusted = ssl.create_default_context(cafile=process.made.authority)
        base = f"{process.urls['agency']}/api/v1"
        return httpx.Client(base_url=base, headers=headers, verify=trusted, trust_env=False, timeout=60)

    def get(self, gateway: str, path: str, who: str = "analyst") -> Any:
        with self.rest(gateway, who) as rest:
            return rest.get(path).raise_for_status().json()

    def post(self, gateway: str, path: str, body: Any = None, who: str = "analyst") -> Any:
        with self.rest(gateway, who) as rest:
            answer = rest.post(path, json=body, headers={"Idempotency-Key": secrets.token_hex(16)})
            assert answer.is_success, answer.text
            return answer.json()

    def state_of(self, gateway: str, package_id: str) -> str:
        [life] = self.get(gateway, f"/packages/{package_id}")["recipients"]
        return str(life["state"])

    def reaches(self, gateway: str, package_id: str, state: str) -> None:
        until(lambda: self.state_of(gateway, package_id) == state)

    def command(self, code: tuple[Path, ...], *words: str) -> Any:
        """What the command of that code prints as JSON, for Bogotá, which runs no gateway."""
        home, descriptors = self.exchange.participants[BOGOTA].folder, self.exchange.root / "descriptors"
        options = ["--home", str(home), "--descriptors", str(descriptors)]
        command = [*PYTHON, "-c", COMMAND, *options, *words, "--json"]
        done = subprocess.run(command, env=environment_of(code), check=False, capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return json.loads(done.stdout)
