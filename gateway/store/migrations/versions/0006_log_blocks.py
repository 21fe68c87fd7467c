"""Searches of the log by listings of full blocks, in place of an index for each column.
The start lists what there is.
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0006"
down_revision = "0005"

_INDEX = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "log_block",
        sa.Column("block", _INDEX, autoincrement=False, nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("block"),
    )
    op.create_table(
        "log_listing",
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("term", AutoString(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("block", "kind", "term"),
        sqlite_with_rowid=False,
    )
    for column in ("actor", "code", "outcome", "package", "partner", "request", "time"):
        op.drop_index(f"log_entry_by_{column}", "log_entry")
