"""`make up`: the two example gateways until Ctrl-C, with tokens and commands to try."""

import signal
from pathlib import Path

from certs_example.running import REPOSITORY, ROLES, running_exchange

ROOT = REPOSITORY / "var" / "up"


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running_exchange(ROOT) as exchange:
            for name, gateway in exchange.gateways.items():
                print(f"\n{name}\n  agency API    {gateway.agency_url}/api/v1\n  exchange API  {gateway.exchange_url}")
                print(f"  CA            {shown(gateway.place.authority)}\n  tokens, good for 15 minutes (demo only):")
                for who in ROLES:
                    path = exchange.root / name / f"{who}.token"
                    path.write_text(gateway.token(who))
                    path.chmod(0o600)
                    print(f"    {who:<17}{shown(path)}\n      {path.read_text()}")
            irs_ci = exchange.gateways["irs-ci"]
            base = f"ATTACHE_URL={irs_ci.agency_url} ATTACHE_CA={shown(irs_ci.place.authority)}"
            analyst, auditor = (
                f"ATTACHE_TOKEN_FILE={shown(exchange.root / 'irs-ci' / w)}.token" for w in ("analyst", "auditor")
            )
            print("\nTry, in another terminal:\n")
            print(
                f"  {base} {analyst} \\\n"
                "    .venv/bin/attache submit README.md --to partner-frankfurt=FRANKFURT-LEA --kind expertise \\\n"
                "      --purpose capacity-building --title 'How we trace mixers' --marking TLP:GREEN"
                " --class technical\n"
            )
            print(f"  {base} {analyst} .venv/bin/attache list\n")
            print(f"  {base} {auditor} .venv/bin/attache log entries\n")
            print(f"  {base} {auditor} .venv/bin/attache policy list\n")
            print(f"  {base} {analyst} .venv/bin/attache consents ask --help\n")
            print("Ctrl-C stops both gateways.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("\nstopped")


def shown(path: Path) -> str:
    """The path as seen from the repository's folder."""
    return str(path.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
