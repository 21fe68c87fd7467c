"""Make the vectors of a landed version: python tests/upgrade/make_landed.py COMMIT

Checks the commit out below var/landed/, makes its virtual environment, runs `make_state.py` with it, and builds its wheel. Both go
into tests/vectors/landed/ under today's date; the wheels of earlier versions are removed.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

from attache import clock

REPOSITORY = Path(__file__).parents[2]
VECTORS = REPOSITORY / "tests" / "vectors" / "landed"


def main(named: str) -> None:
    commit = output("git", "rev-parse", "--short=7", f"{named}^{{commit}}").decode().strip()
    checkout = REPOSITORY / "var" / "landed" / commit
    checkout.mkdir(parents=True, exist_ok=True)
    source = checkout.with_suffix(".tar")
    source.write_bytes(output("git", "archive", commit))
    with tarfile.open(source) as archive:
        archive.extractall(checkout, filter="data")
    source.unlink()
    run("make", "-C", str(checkout), ".venv/.ready")
    python = str(checkout / ".venv" / "bin" / "python")
    name = f"{clock.now():%Y-%m-%d}-{commit}"
    run(python, str(Path(__file__).with_name("make_state.py")), commit, str(VECTORS / f"{name}.tar.xz"))
    built = checkout / "wheel"
    run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(built), str(checkout))
    for earlier in VECTORS.glob("*.whl"):
        earlier.unlink()
    [wheel] = built.glob("*.whl")
    wheel.rename(VECTORS / f"{name}.whl")


def run(*command: str) -> None:
    subprocess.run(command, cwd=REPOSITORY, check=True)


def output(*command: str) -> bytes:
    return subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True).stdout


if __name__ == "__main__":
    main(sys.argv[1])
