"""All settings of an operator: one frozen `Settings`, read once at the start.

A setting comes from the environment (`ATTACHE_GATEWAY_` and its name in capitals) or from a TOML file; the environment
overrides the file. The gateway does not start with an unknown name in either. A secret is never a value here, only the
path of its file. `docs/operations.md` has one row for each setting.
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
    """A path whose default is below `state_dir`."""
    return Field(
        default_factory=lambda settings: settings["state_dir"] / name,
        description=meaning,
        json_schema_extra={"shown": f"<state_dir>/{name}"},
    )


class Settings(BaseSettings):
    """The configuration of one gateway. It opens and creates no file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    # Who we are
    participant: ParticipantId = _setting("Our id as a participant.")
    post: Post = _setting("The post that we belong to.")

    individual_desks: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")], ...] = _setting(
        "Our desks that are one person each; only these may read TLP:RED.", ()
    )

    # Where things are
    state_dir: Path = _setting("Folder of all files that the gateway writes. Mode 0700.")
    database_url: str = Field(
        default_factory=lambda settings: f"sqlite:///{settings['state_dir'] / 'gateway.sqlite3'}",
        description="The database file, as `sqlite:///path`.",
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
        "Newest signed checkpoint; keep it out of the database's backups,"
        " so that the gateway detects a restored database.",
    )
    key_shelf_file: Path = _under_state(
        "data-keys.sqlite3",
        "Database of the packages' data keys; back it up apart from the main database,"
        " and keep those backups for a short time only.",
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
        "tls/crl",
        "Folder of those CAs' revocation lists (PEM). Certificates of a CA without a current list are refused.",
    )
    crl_reload_seconds: Seconds = _setting("Seconds between two checks of both folders for changes.", 10)

    # Connecting to partners
    client_certificate_file: Path = _under_state("tls/client.crt", "PEM certificate chain that delivery connects with.")
    client_key_file: Path = _under_state("tls/client.key", "PEM private key that delivery connects with. Mode 0600.")

    # Access tokens
    token_issuer: Text = _setting("The `iss` of access tokens.")
    token_audience: Text = _setting("The `aud` of access tokens for this gateway.")
    token_jwks_file: Path = _under_state("tls/jwks.json", "The issuer's public keys, a JWK set.")
    token_cache_entries: Count = _setting("Number of verified tokens that are kept in memory.", 10_000)
    clock_skew_seconds: Annotated[int, Field(ge=0, le=300)] = _setting(
        "Largest accepted difference between another clock and ours.", 60
    )

    # Limits
    max_json_bytes: Bytes = _setting("Largest JSON body.", MIB)
    max_body_bytes: Bytes = _setting("Largest body that is held in memory as a whole.", 8 * MIB)
    inline_package_bytes: Bytes = _setting("Largest package whose parts come in the same request.", 4 * MIB)
    max_part_bytes: Bytes = _setting("Largest streamed part.", 16 * 1024 * MIB)
    max_content_bytes: Bytes = _setting(
        "Largest JSON or STIX part; the gateway reads the content of these, and refuses larger ones.", 8 * MIB
    )
    max_parts: Annotated[int, Field(ge=1, le=MAX_PARTS)] = _setting(
        f"Most parts in one package, {MAX_PARTS} or fewer.", MAX_PARTS
    )
    max_recipients: Count = _setting("Most recipients of one package.", 64)
    agency_requests_per_minute: Count = _setting("Requests of one caller of the agency API, on average.", 1200)
    exchange_requests_per_minute: Count = _setting("Requests of one participant to the exchange API, on average.", 6000)
    request_burst: Count = _setting("Requests that may come at once before the average applies.", 100)
    header_timeout_seconds: Seconds = _setting("Time within which a request's header must be complete.", 10)
    body_timeout_seconds: Seconds = _setting("Time within which a JSON body must be complete.", 20)
    part_idle_seconds: Seconds = _setting("Longest pause within a streamed part.", 30)
    max_connections: Count = _setting(
        "Most open connections of each listener; requests on further ones are answered 429.", 512
    )
    keep_alive_seconds: Seconds = _setting("Idle time after which a connection is closed.", 15)
    shutdown_grace_seconds: Seconds = _setting("Time for running requests to finish at shutdown.", 10)

    # Delivery
    delivery_backoff_base_seconds: Seconds = _setting("Pause after the first failed attempt; it doubles.", 2)
    delivery_backoff_max_seconds: Seconds = _setting("Longest pause between two attempts.", 4 * 3600)
    delivery_deadline_seconds: Seconds = _setting("Age at which a package becomes undeliverable.", 7 * 86400)
    delivery_lease_seconds: Seconds = _setting("Time for which a delivery is leased to one worker.", 120)
    delivery_timeout_seconds: Seconds = _setting("Longest silence of a partner within a request.", 30)

    # Retention
    retention_days: Count = _setting(
        "Time for which a package of ours is kept after its releases to all recipients have ended,"
        " where it states no retention itself.",
        3650,
    )
    arrival_deadline_seconds: Seconds = _setting(
        "Age at which a package that was announced to us and did not arrive completely is given up.", 7 * 86400
    )

    # Witnesses
    witness_cadence_seconds: Seconds = _setting(
        "Seconds between two submissions of our newest checkpoint to each witness;"
        " it is also submitted with each package.",
        300,
    )
    witness_max_age_seconds: Annotated[int, Field(ge=0)] = _setting(
        "Age of the newest cosignature at which releases stop; with 0, releases do not depend on it.", 0
    )
    self_check_seconds: Seconds = _setting(
        "Pause between two passes in which the gateway compares its log with itself and every record with the log.",
        3600,
    )
    witness_alarm_stops_release: bool = _setting(
        "Whether the alarm of a witness that has seen another history of our log stops all releases"
        " until a security officer clears it.",
        True,
    )

    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "Lowest severity of the log lines that are written.", "info"
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
        """The environment first, then the file; nothing else is read."""
        return env_settings, init_settings

    @field_validator("database_url")
    @classmethod
    def _holds_no_password(cls, url: str) -> str:
        if urlsplit(url).password is not None:
            raise ValueError("holds a password")
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
    """The settings from the environment and the TOML `file`; raises Misconfigured,
    naming each setting that is wrong.
    """
    _refuse_unknown_variables(os.environ)
    try:
        return Settings(**(_read_toml(file) if file else {}))
    except ValidationError as error:
        raise Misconfigured(detail=_faults(error)) from None


def read_secret(path: Path) -> bytes:
    """The content of a secret file without the newline at its end.

    Raises Misconfigured if it is absent, empty, larger than 4 KiB, or accessible to others than its owner.
    """
    verify_secret_file(path)
    with path.open("rb") as file:
        secret = file.read(MAX_SECRET_BYTES + 1)
    secret = secret.removesuffix(b"\n").removesuffix(b"\r")
    if not 0 < len(secret) <= MAX_SECRET_BYTES:
        raise Misconfigured(detail=f"{path} is empty or larger than {MAX_SECRET_BYTES} bytes")
    return secret


def verify_secret_file(path: Path) -> None:
    """Raise Misconfigured unless the file can be read, and only its owner has access to it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise Misconfigured(detail=f"{path}: {error.strerror}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise Misconfigured(detail=f"{path} is accessible to other users: chmod 600")


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
    """Each wrong setting and why, without its value: a secret in the wrong place must not reach a terminal or a log."""
    faults = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in faults)


def _shown_default(field: Any) -> str:
    if field.is_required():
        return "required"
    shown = field.json_schema_extra["shown"] if field.json_schema_extra else field.default
    return f"`{shown}`"


if __name__ == "__main__":
    print(render_settings_table(), end="")  # noqa: T201 -- the table goes to standard output
