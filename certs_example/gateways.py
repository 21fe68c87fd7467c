"""The example gateways on disk: for each, its settings as TOML, what its listeners trust, and the token issuer's keys.

ROOT/trust/ca/<participant>.pem     every participant's CA
     trust/crl/<participant>.crl    and its (empty) revocation list
     issuer/jwks.json               the token issuer's public keys
     <participant>/gateway.toml     the settings; `attache-gateway --config` reads them
     <participant>/state/           what the gateway writes
     locks/<participant>            the checkpoint lock, apart from the database
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from certs_example.exchange import ExampleParticipant
from certs_example.tokens import IssuerKey, issuer_jwks, mint_token, new_issuer_key

ISSUER = "https://login.example"


@dataclass(frozen=True)
class ExampleIssuer:
    """The agencies' token issuer of the example."""

    key: IssuerKey = field(default_factory=lambda: new_issuer_key("example-1"), repr=False)

    def token(self, audience: str, subject: str, roles: Iterable[str], now: datetime, posts: Iterable[str] = ()) -> str:
        """An access token for one gateway, good for 15 minutes."""
        return mint_token(
            self.key, issuer=ISSUER, audience=audience, subject=subject, roles=roles, now=now, posts=posts
        )


@dataclass(frozen=True)
class ExampleGateway:
    """Where one gateway lives."""

    participant: str
    config: Path
    authority: Path
    """The CA certificate that its clients trust."""

    @property
    def audience(self) -> str:
        """What access tokens for it name."""
        return f"https://{self.participant}.attache.example"


def make_gateway(
    root: Path,
    participants: Mapping[str, ExampleParticipant],
    participant: str,
    *,
    issuer: ExampleIssuer,
    policies: Path,
    agency_port: int = 0,
    exchange_port: int = 0,
    more: Mapping[str, str | int] | None = None,
) -> ExampleGateway:
    """Put down what one gateway needs to start; `participants` lie under `root` already."""
    trust_everybody(root / "trust", participants)
    own = participants[participant]
    gateway = ExampleGateway(participant, own.folder / "gateway.toml", own.folder / "certificates" / "authority.pem")
    (root / "issuer").mkdir(exist_ok=True)
    (root / "issuer" / "jwks.json").write_bytes(issuer_jwks([issuer.key]))
    (root / "locks").mkdir(mode=0o700, exist_ok=True)
    settings: dict[str, str | int] = {
        "participant": participant,
        "post": own.profile.post.value,
        "state_dir": str(own.folder / "state"),
        "keys_dir": str(own.folder / "keys"),
        "passphrase_file": str(own.folder / "keys" / "passphrase"),
        "descriptors_dir": str(root / "descriptors"),
        "policies_dir": str(policies),
        "checkpoint_lock_file": str(root / "locks" / participant),
        "agency_port": agency_port,
        "agency_certificate_file": str(own.folder / "certificates" / "tls-server.pem"),
        "agency_key_file": str(own.folder / "keys" / "tls-server.pem"),
        "exchange_port": exchange_port,
        "exchange_certificate_file": str(own.folder / "certificates" / "tls-server.pem"),
        "exchange_key_file": str(own.folder / "keys" / "tls-server.pem"),
        "exchange_ca_dir": str(root / "trust" / "ca"),
        "exchange_crl_dir": str(root / "trust" / "crl"),
        "client_certificate_file": str(own.folder / "certificates" / "tls-client.pem"),
        "client_key_file": str(own.folder / "keys" / "tls-client.pem"),
        "token_issuer": ISSUER,
        "token_audience": gateway.audience,
        "token_jwks_file": str(root / "issuer" / "jwks.json"),
        **(more or {}),
    }
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()]
    gateway.config.write_text("\n".join(lines) + "\n", "utf-8")
    return gateway


def trust_everybody(folder: Path, participants: Mapping[str, ExampleParticipant]) -> None:
    """The CAs and revocation lists of all participants, where a listener finds them."""
    for kind, suffix, name in (("ca", "pem", "authority.pem"), ("crl", "crl", "authority.crl")):
        (folder / kind).mkdir(mode=0o700, parents=True, exist_ok=True)
        for participant, made in participants.items():
            content = (made.folder / "certificates" / name).read_bytes()
            (folder / kind / f"{participant}.{suffix}").write_bytes(content)
