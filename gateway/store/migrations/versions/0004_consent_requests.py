"""Requests for consent, and what was answered."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "consent_request",
        *(_text(name) for name in ("holder", "request_id", "originator", "package_id", "recipient", "state")),
        _text("asked_by"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts_sealed", sa.LargeBinary(), nullable=False),
        _text("consent_id"),
        sa.Column("refusal_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("holder", "request_id"),
    )
    op.create_index("consent_request_by_id", "consent_request", ["request_id"])
    op.create_index("consent_by_holder", "consent", ["holder", "consent_id"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, AutoString(), nullable=False)
