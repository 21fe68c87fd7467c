"""The analyst's own file number of a package, by its keyed digest. Packages of earlier versions have none."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("package", sa.Column("case_reference_digest", AutoString(), nullable=True))
    op.create_index("package_by_case_reference", "package", ["case_reference_digest", "package_id"])
