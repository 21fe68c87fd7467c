"""Everything that an operator may set: one frozen `Settings`, read once at start.

A setting comes from the environment (`ATTACHE_GATEWAY_` and its name in capitals) or from a TOML file; the environment
wins. An unknown name, in either, refuses the start. Secrets are never values here, only paths of files.
`docs/operations.md` holds one row for each setting.
"""

import os
import stat
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from attache.errors import Misconfigured
from attache.package.values import ParticipantId
from attache.vocabulary import Post

PREFIX = "ATTACHE_GATEWAY_"
MIB = 1 << 20
MAX_SECRET_BYTES = 4096
MAX_PARTS = 256
"""What policy decides at once (gateway.policy.request)."""

Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[int, Field(ge=1)]
Bytes = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1, max_length=512)]


def _setting(meaning: str, default: Any = ...) -> Any:
    return Field(default=default, description=meaning)


def _under_state(name: str, meaning: str) -> Any:
    """A path that is below `state_dir` unless it is set."""
    return Field(
        default_factory=lambda settings: settings["state_dir"] / name,
        description=meaning,
        json_schema_extra={"shown": f"<state_dir>/{name}"},
    )


class Settings(BaseSettings):
    """The configuration of one gateway. Cheap to pass around; nothing here is opened or created."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    # Who we are
    participant: ParticipantId = _setting("Our id as a participant.")
    post: Post = _setting("The post that we belong to.")

    individual_desks: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")], ...] = _setting(
        "Our desks that are one person each: TLP:RED is read there and nowhere else.", ()
    )

    # Where things are
    state_dir: Path = _setting("Folder of everything that the gateway writes. Mode 0700.")
    database_url: str = Field(
        default_factory=lambda settings: f"sqlite:///{settings['state_dir'] / 'gateway.sqlite3'}",
        description="Where the database is, as `sqlite:///path`.",
        json_schema_extra={"shown": "sqlite:///<state_dir>/gateway.sqlite3"},
    )
    blobs_dir: Path = _under_state("blobs", "Folder of the sealed parts.")
    keys_dir: Path = _under_state("keys", "Folder of our private keys, encrypted under the passphrase.")
    passphrase_file: Path = _setting(
        "File with the passphrase of our private keys. Mode 0600; keep it apart from them."
    )
    descriptors_dir: Path = _under_state("descriptors", "Folder of the participant descriptors, ours among them.")
    policies_dir: Path = _under_state("policies", "Folder of the policy set.")
    checkpoint_lock_file: Path = _under_state(
        "checkpoint.lock",
        "Newest signed checkpoint; keep it off the database's backups, so that a restored database is noticed.",
    )
    key_shelf_file: Path = _under_state(
        "data-keys.sqlite3",
        "The packages' data keys; back it up apart from the database, and keep those backups for a short time only.",
    )

    # The agency listener
    agency_host: Text = _setting("Address of the agency API.", "127.0.0.1")
    agency_port: Port = _setting("Port of the agency API; 0 takes a free one.", 8443)
    agency_certificate_file: Path = _under_state("tls/agency.crt", "PEM certificate chain of the agency API.")
    agency_key_file: Path = _under_state("tls/agency.key", "PEM private key of the agency API. Mode 0600.")
    agency_client_ca_dir: Path = _under_state(
        "tls/agency-ca", "Folder of the CAs (PEM) whose client certificates bind access tokens; may be absent."
    )

    # The exchange listener
    exchange_host: Text = _setting("Address of the exchange API.", "127.0.0.1")
    exchange_port: Port = _setting("Port of the exchange API; 0 takes a free one.", 9443)
    exchange_certificate_file: Path = _under_state("tls/exchange.crt", "PEM certificate chain of the exchange API.")
    exchange_key_file: Path = _under_state("tls/exchange.key", "PEM private key of the exchange API. Mode 0600.")
    exchange_ca_dir: Path = _under_state("tls/ca", "Folder of the participants' CA certificates (PEM).")
    exchange_crl_dir: Path = _under_state(
        "tls/crl", "Folder of those CAs' revocation lists (PEM). A CA without a current list lets nobody in."
    )
    crl_reload_seconds: Seconds = _setting("How often both folders are looked at for changes.", 10)

    # Connecting to partners
    client_certificate_file: Path = _under_state("tls/client.crt", "PEM certificate chain that delivery connects with.")
    client_key_file: Path = _under_state("tls/client.key", "PEM private key that delivery connects with. Mode 0600.")

    # Access tokens
    token_issuer: Text = _setting("The `iss` of access tokens.")
    token_audience: Text = _setting("The `aud` that access tokens for this gateway name.")
    token_jwks_file: Path = _under_state("tls/jwks.json", "The issuer's public keys, a JWK set.")
    token_cache_entries: Count = _setting("Verified tokens that are remembered.", 10_000)
    clock_skew_seconds: Annotated[int, Field(ge=0, le=300)] = _setting("How far another clock may be from ours.", 60)

    # Limits
    max_json_bytes: Bytes = _setting("A JSON body.", MIB)
    max_body_bytes: Bytes = _setting("Any body that is held in memory as a whole.", 8 * MIB)
    inline_package_bytes: Bytes = _setting("A package whose parts come in the same request.", 4 * MIB)
    max_part_bytes: Bytes = _setting("One streamed part.", 16 * 1024 * MIB)
    max_content_bytes: Bytes = _setting("A part that is looked into: JSON or STIX. Larger ones are refused.", 8 * MIB)
    max_parts: Annotated[int, Field(ge=1, le=MAX_PARTS)] = _setting(
        f"Parts in one package, at most {MAX_PARTS}.", MAX_PARTS
    )
    max_recipients: Count = _setting("Recipients of one package.", 64)
    agency_requests_per_minute: Count = _setting("Requests of one caller of the agency API, on average.", 1200)
    exchange_requests_per_minute: Count = _setting("Requests of one participant to the exchange API, on average.", 6000)
    request_burst: Count = _setting("Requests that may come at once before the average counts.", 100)
    header_timeout_seconds: Seconds = _setting("Time in which a request's header has to be there.", 10)
    body_timeout_seconds: Seconds = _setting("Time in which a JSON body has to be there.", 20)
    part_idle_seconds: Seconds = _setting("Longest pause within a streamed part.", 30)
    max_connections: Count = _setting("Open connections for each listener; more are answered 429.", 512)
    keep_alive_seconds: Seconds = _setting("Idle time after which a connection is closed.", 15)
    shutdown_grace_seconds: Seconds = _setting("Time that running requests get at shutdown.", 10)

    # Delivery
    delivery_backoff_base_seconds: Seconds = _setting("Pause after the first failed attempt; it doubles.", 2)
    delivery_backoff_max_seconds: Seconds = _setting("Longest pause between two attempts.", 4 * 3600)
    delivery_deadline_seconds: Seconds = _setting("Age at which a package becomes undeliverable.", 7 * 86400)
    delivery_lease_seconds: Seconds = _setting("Time for which one worker owns a delivery.", 120)
    delivery_timeout_seconds: Seconds = _setting("Longest silence of a partner within a request.", 30)

    # Retention
    retention_days: Count = _setting(
        "How long a package of ours is kept after its last recipient's life of it has ended,"
        " where it says nothing itself.",
        3650,
    )
    arrival_deadline_seconds: Seconds = _setting(
        "Age at which a package that was announced to us and never came whole is given up.", 7 * 86400
    )

    # Witnesses
    witness_cadence_seconds: Seconds = _setting(
        "How often our newest checkpoint goes to each partner to be cosigned, besides with each package.", 300
    )
    witness_max_age_seconds: Annotated[int, Field(ge=0)] = _setting(
        "Age of the newest cosignature beyond which nothing is released; 0: releases do not depend on it.", 0
    )
    self_check_seconds: Seconds = _setting(
        "Pause between two passes in which the gateway compares its log with itself and every record with the log.",
        3600,
    )
    witness_alarm_stops_release: bool = _setting(
        "Whether a witness that has seen another history of our log stops all releases,"
        " until a security officer clears it.",
        True,
    )

    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "Least severe log lines that are written.", "info"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- the base's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the base's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the base's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before what the file says; nothing else is read."""
        return env_settings, init_settings

    @field_validator("database_url")
    @classmethod
    def _holds_no_password(cls, url: str) -> str:
        if urlsplit(url).password is not None:
            raise ValueError("holds a password: a database file has none")
        return url

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.inline_package_bytes > self.max_body_bytes:
            raise ValueError("inline_package_bytes exceeds max_body_bytes")
        if self.delivery_backoff_base_seconds > self.delivery_backoff_max_seconds:
            raise ValueError("delivery_backoff_base_seconds exceeds delivery_backoff_max_seconds")
        if self.delivery_timeout_seconds >= self.delivery_lease_seconds:
            raise ValueError(
                "delivery_timeout_seconds reaches delivery_lease_seconds: a lease would end within a request"
            )
        return self


def load_settings(file: Path | None = None) -> Settings:
    """The settings of the environment and of the TOML `file`; raises Misconfigured naming what cannot be used."""
    _refuse_unknown_variables(os.environ)
    try:
        return Settings(**(_read_toml(file) if file else {}))
    except ValidationError as error:
        raise Misconfigured(detail=_faults(error)) from None


def read_secret(path: Path) -> bytes:
    """The content of a secret file without the newline at its end.

    Raises Misconfigured if it is absent, empty, larger than 4 KiB, or open to anybody but its owner.
    """
    verify_secret_file(path)
    with path.open("rb") as file:
        secret = file.read(MAX_SECRET_BYTES + 1)
    secret = secret.removesuffix(b"\n").removesuffix(b"\r")
    if not 0 < len(secret) <= MAX_SECRET_BYTES:
        raise Misconfigured(detail=f"{path} is empty or larger than {MAX_SECRET_BYTES} bytes")
    return secret


def verify_secret_file(path: Path) -> None:
    """Raise Misconfigured unless the file can be read, and by nobody but its owner."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise Misconfigured(detail=f"{path}: {error.strerror}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise Misconfigured(detail=f"{path} is open to others: chmod 600")


def render_settings_table() -> str:
    """The table of `docs/operations.md`: variable, default, meaning."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_shown_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows]) + "\n"


def _refuse_unknown_variables(names: Iterable[str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(name for name in names if name.upper().startswith(PREFIX) and name not in known)
    if unknown:
        raise Misconfigured(detail=f"unknown settings: {', '.join(unknown)}")


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise Misconfigured(detail=f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise Misconfigured(detail=f"{file} is not TOML: {error}") from None


def _faults(error: ValidationError) -> str:
    """Names and reasons, never values: a misplaced secret must not reach a terminal or a log."""
    faults = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in faults)


def _shown_default(field: Any) -> str:
    if field.is_required():
        return "required"
    shown = field.json_schema_extra["shown"] if field.json_schema_extra else field.default
    return f"`{shown}`"


if __name__ == "__main__":
    print(render_settings_table(), end="")  # noqa: T201 -- the table goes to standard output
