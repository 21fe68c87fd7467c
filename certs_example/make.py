"""Make the example exchange: `python -m certs_example.make DIR [--port PARTICIPANT=PORT ...]`."""

import argparse
import sys
from pathlib import Path

from attache import clock
from attache.participant import fingerprint_words
from certs_example.exchange import FAST_COST, PROFILES, make_exchange


def main(arguments: list[str]) -> int:
    """Make all six participants under DIR and print their fingerprints in words."""
    parser = argparse.ArgumentParser(prog="python -m certs_example.make", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the exchange is made; must be new")
    parser.add_argument(
        "--port",
        action="append",
        default=[],
        metavar="PARTICIPANT=PORT",
        help="the port of a participant's exchange API on 127.0.0.1; repeat for each gateway",
    )
    parser.add_argument("--scrypt-cost", type=int, default=FAST_COST, metavar="N", help="a power of two")
    given = parser.parse_args(arguments)
    ports = dict(pair.split("=", 1) for pair in given.port)
    if unknown := ports.keys() - {profile.participant for profile in PROFILES}:
        parser.error(f"unknown participant: {', '.join(sorted(unknown))}")
    if not all(port.isdigit() for port in ports.values()):
        parser.error("a port is a number")
    if (given.folder / "descriptors").exists():
        parser.error(f"{given.folder} holds an exchange already")
    numbered = {name: int(port) for name, port in ports.items()}
    for name, made in make_exchange(given.folder, now=clock.now(), ports=numbered, cost=given.scrypt_cost).items():
        print(f"{name}\n{fingerprint_words(made.descriptor.sha256)}".replace("\n", "\n    "))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
