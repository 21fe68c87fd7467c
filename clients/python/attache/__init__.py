"""attache: the SDK of the exchange, and the wire protocol that both sides speak.

A name is imported when it is first used, so that `import attache` itself is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attache.client.aio import AsyncClient
    from attache.client.home import Home, load_home
    from attache.client.mailbox import Mailbox
    from attache.client.offline import Report, verify
    from attache.client.opening import open_package
    from attache.client.submission import Field, Part, Recipient, Submission
    from attache.client.sync import Client
    from attache.errors import AttacheError
    from attache.wire.packages import PackageFilter

__all__ = [
    "AsyncClient",
    "AttacheError",
    "Client",
    "Field",
    "Home",
    "Mailbox",
    "PackageFilter",
    "Part",
    "Recipient",
    "Report",
    "Submission",
    "load_home",
    "open_package",
    "verify",
]

_MODULES = {
    "AsyncClient": "attache.client.aio",
    "AttacheError": "attache.errors",
    "Client": "attache.client.sync",
    "Field": "attache.client.submission",
    "Home": "attache.client.home",
    "Mailbox": "attache.client.mailbox",
    "PackageFilter": "attache.wire.packages",
    "Part": "attache.client.submission",
    "Recipient": "attache.client.submission",
    "Report": "attache.client.offline",
    "Submission": "attache.client.submission",
    "load_home": "attache.client.home",
    "open_package": "attache.client.opening",
    "verify": "attache.client.offline",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
