"""The redacted copies of parts."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0003"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "redacted_part",
        sa.Column("package_id", AutoString(), nullable=False),
        sa.Column("recipient", AutoString(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("blob_id", AutoString(), nullable=False),
        sa.Column("ciphertext_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sealed_part_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["package.package_id"]),
        sa.PrimaryKeyConstraint("package_id", "recipient", "number"),
    )
    op.create_index("redacted_part_by_blob", "redacted_part", ["blob_id"])
