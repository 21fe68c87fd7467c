"""Lists: how many at once, and where the next page begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader

MAX_LISTED = 200
MAX_PACKAGES_LISTED = 100
"""Each comes with its releases and their decisions."""
MAX_ENTRIES_LISTED = 1000

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of a list, and the cursor of what follows; None at the end.

    A page may hold fewer items than were asked for, even none, and still not be the last: only `next` tells.
    """

    items: tuple[T, ...]
    next: str | None

    def map(self, make: Callable[[T], U]) -> "Page[U]":
        """The page with something made of each item."""
        return Page(tuple(make(item) for item in self.items), self.next)

    def where(self, keep: Callable[[T], object]) -> "Page[T]":
        """The page without the items that `keep` refuses. What follows them is still found."""
        return Page(tuple(item for item in self.items if keep(item)), self.next)


def page_of(found: Sequence[T], size: int, cursor: Callable[[T], str]) -> Page[T]:
    """What a query for at most `size` items found, all of it. The list goes on where the query found as many."""
    return Page(tuple(found), cursor(found[-1]) if len(found) == size else None)


async def read_page(
    agency: Agency,
    limit: int,
    query: Callable[[Reader, int], Sequence[T]],
    cursor: Callable[[T], str],
    most: int = MAX_LISTED,
) -> Page[T]:
    """A page of what the store holds: `query` is given how many items to find, never more than `most`."""
    size = min(limit, most)
    return page_of(await agency.store.read(lambda reader: query(reader, size)), size, cursor)
