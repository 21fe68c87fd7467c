"""One invocation: its options and environment, and the clients made from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from attache.client.home import Home, load_descriptors, load_home
from attache.client.mailbox import Mailbox
from attache.client.sync import Client
from attache.errors import Misconfigured
from attache.participant import Descriptor


@dataclass
class Session:
    """The global options. `client_options` is for tests, which pass a transport."""

    url: str | None = None
    token_file: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    home: Path | None = None
    descriptors: Path | None = None
    passphrase_file: Path | None = None
    client_options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def client(self) -> Client:
        """A client of the agency API."""
        return Client(
            self.url,
            token_file=self.token_file,
            ca=self.ca,
            certificate=self.certificate,
            key=self.key,
            **self.client_options,
        )

    def mailbox(self, gateway: str, folder: Path) -> Mailbox:
        """The mailbox of this participant at a partner's gateway."""
        return Mailbox(self.own_home(), gateway, folder, url=self.url, **self.client_options)

    def own_home(self) -> Home:
        """The home folder of the options; raises Misconfigured if none is named."""
        if self.home is None:
            raise Misconfigured("misconfigured", "name the folder of your keys: --home, or ATTACHE_HOME")
        passphrase = self.passphrase_file.read_bytes().removesuffix(b"\n") if self.passphrase_file else None
        return load_home(self.home, passphrase=passphrase, descriptors=self.descriptors)

    def known_descriptors(self) -> Mapping[str, Descriptor]:
        """The pinned descriptors of the folder in the options; reads no private keys."""
        return load_descriptors(self.descriptors) if self.descriptors is not None else {}


def session_of(ctx: typer.Context) -> Session:
    """The session that the root command stored in the context."""
    session: Session = ctx.obj
    return session
