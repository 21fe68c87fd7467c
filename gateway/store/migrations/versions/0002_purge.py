"""Retention, purge and legal holds."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

from attache.errors import Misconfigured

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Raises Misconfigured where there are entries:
    what is sealed without data keys cannot be sealed anew without opening it.
    """
    if op.get_bind().execute(sa.text("select 1 from log_entry limit 1")).first():
        raise Misconfigured(
            detail="the database is of a version without data keys: begin another gateway, and keep it for reading"
        )
    for table in ("package", "arrival"):
        op.add_column(table, _instant("purge_at", nullable=True))
        op.add_column(table, _instant("purged_at", nullable=True))
        op.create_index(f"{table}_by_purge", table, ["purge_at"])
    op.add_column("release", _text("envelope_sha256", nullable=True))
    op.create_index("release_by_expiry", "release", ["state", "expires_at"])
    op.add_column("consent", sa.Column("package_id", AutoString(), nullable=False, server_default=""))
    op.create_index("consent_by_package", "consent", ["originator", "package_id"])
    op.drop_column("approval", "digest")
    op.add_column(
        "approval", sa.Column("digest_sealed", sa.LargeBinary(), nullable=False, server_default=sa.text("x''"))
    )
    op.create_table(
        "purged",
        _text("originator"),
        _text("package_id"),
        _instant("purged_at"),
        _text("purge_id"),
        _text("blob_ids"),
        _instant("destroyed_at", nullable=True),
        sa.PrimaryKeyConstraint("originator", "package_id"),
    )
    op.create_index("purged_by_end", "purged", ["destroyed_at"])
    op.create_table(
        "purge",
        _text("purge_id"),
        _text("state"),
        _text("packages"),
        _text("ordered_by"),
        _instant("ordered_at"),
        _instant("expires_at"),
        _binary("reasons_sealed"),
        _text("decided_by"),
        _instant("decided_at", nullable=True),
        _binary("decision_sealed", nullable=True),
        sa.PrimaryKeyConstraint("purge_id"),
    )
    op.create_index("purge_by_state", "purge", ["state", "expires_at"])
    op.create_table(
        "hold",
        _text("hold_id"),
        _text("originator"),
        _text("package_id"),
        _text("placed_by"),
        _instant("placed_at"),
        _binary("reasons_sealed"),
        _text("lifted_by"),
        _instant("lifted_at", nullable=True),
        _binary("lifting_sealed", nullable=True),
        sa.PrimaryKeyConstraint("hold_id", "originator", "package_id"),
    )
    op.create_index("hold_by_package", "hold", ["originator", "package_id", "lifted_at"])


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, AutoString(), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _binary(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)
