"""How long `import attache` and its client take, from a cold interpreter."""

import subprocess
import sys
import time


def run(*, quick: bool = False) -> None:
    for statement in (
        "pass",
        "import attache",
        "from attache import Client",
        "from attache.client.opening import open_package",
    ):
        seconds = min(_seconds(statement) for _ in range(3 if quick else 7))
        print(f"{statement:<52} {seconds * 1000:7.0f} ms")


def _seconds(statement: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - started
