"""`python -m benchmarks [NAME ...] [--quick]`: all measurements, or those named."""

import argparse
import importlib

NAMES = ("seal_open", "submit", "decision", "log", "store", "audit", "importing")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="smaller sizes, less exact")
    given = parser.parse_args()
    for name in given.names or NAMES:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").run(quick=given.quick)


if __name__ == "__main__":
    main()
