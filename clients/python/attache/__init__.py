"""attache: the SDK of the exchange, and the wire protocol that both sides speak.

Names are imported when they are first used, so that `import attache` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attache.client.aio import AsyncClient
    from attache.client.submission import Part, Recipient, Submission
    from attache.client.sync import Client
    from attache.errors import AttacheError

__all__ = ["AsyncClient", "AttacheError", "Client", "Part", "Recipient", "Submission"]

_HOMES = {
    "AsyncClient": "attache.client.aio",
    "AttacheError": "attache.errors",
    "Client": "attache.client.sync",
    "Part": "attache.client.submission",
    "Recipient": "attache.client.submission",
    "Submission": "attache.client.submission",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
