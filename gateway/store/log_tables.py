"""The tables of the exchange log. A partial tile is a prefix of the full tile, so one row, updated in place, holds all
its widths.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Integer
from sqlalchemy import Table as CoreTable
from sqlmodel import Field

from gateway.store.columns import binary, instant
from gateway.store.table import Table

# SQLite's row id must be an INTEGER; it has 64 bits.
_INDEX = BigInteger().with_variant(Integer(), "sqlite")


class LogEntryRow(Table, table=True):
    """An entry. `actor`, `package` and `partner` are the leaf's pseudonymous ids, for searches.

    There is no SQL index: searches use `gateway.store.log_blocks.candidates`.
    """

    __tablename__ = "log_entry"

    entry_index: int = Field(primary_key=True, sa_type=_INDEX, sa_column_kwargs={"autoincrement": False})
    leaf: bytes = binary()
    code: str
    at: datetime = instant()
    actor: str
    package: str | None
    partner: str | None
    outcome: str | None
    request: str | None
    """The outcome and the request id (as a pseudonym) from the private side; None after a purge."""
    private_sealed: bytes | None = binary(nullable=True)
    """The openings (gateway.exchange_log.leaf.Opening), sealed at rest; None after a purge."""


class LogBlockRow(Table, table=True):
    """A full block of entries (gateway.store.log_blocks), and its first and last instant."""

    __tablename__ = "log_block"

    block: int = Field(primary_key=True, sa_type=_INDEX, sa_column_kwargs={"autoincrement": False})
    first_at: datetime = instant()
    last_at: datetime = instant()


class LogListingRow(Table, table=True):
    """The entries of a full block that have `term` in the column `kind`."""

    __tablename__ = "log_listing"
    __table_args__ = ({"sqlite_with_rowid": False},)

    block: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(primary_key=True)
    term: str = Field(primary_key=True)
    members: bytes = binary()


class LogTileRow(Table, table=True):
    """A tile of hashes with its present width."""

    __tablename__ = "log_tile"

    level: int = Field(primary_key=True)
    tile_index: int = Field(primary_key=True, sa_type=BigInteger)
    hashes: bytes = binary()


class LogHeadRow(Table, table=True):
    """The single row with the size and the checkpoint of the log."""

    __tablename__ = "log_head"

    head: int = Field(primary_key=True)
    size: int = Field(sa_type=BigInteger)
    checkpoint: bytes = binary()
    """The signed note."""


THE_HEAD = 1


def _core(table: type[Table]) -> CoreTable:
    return table.metadata.tables[str(table.__tablename__)]


LOG_ENTRY = _core(LogEntryRow)
LOG_BLOCK = _core(LogBlockRow)
LOG_LISTING = _core(LogListingRow)
LOG_TILE = _core(LogTileRow)
LOG_HEAD = _core(LogHeadRow)
