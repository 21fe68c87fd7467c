"""Everything that the first version keeps."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0001"
down_revision = None

_INDEX = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "approval",
        _text("approval_id"),
        _text("package_id"),
        _text("recipient"),
        _text("post"),
        _text("state"),
        _text("digest"),
        _text("submitter"),
        _instant("requested_at"),
        _instant("expires_at"),
        _text("decided_by", nullable=True),
        _instant("decided_at", nullable=True),
        _binary("reason_sealed", nullable=True),
        sa.PrimaryKeyConstraint("approval_id"),
    )
    op.create_index("approval_by_package", "approval", ["package_id", "recipient"])
    op.create_index("approval_by_post", "approval", ["state", "post", "requested_at"])
    op.create_table(
        "arrival",
        _text("originator"),
        _text("package_id"),
        _text("state"),
        _binary("frame"),
        _text("frame_sha256"),
        _text("manifest_sha256"),
        _instant("announced_at"),
        _instant("changed_at"),
        _long("log_index"),
        _binary("facts_sealed"),
        _instant("opened_at", nullable=True),
        _text("opened_by"),
        _long("opened_index"),
        sa.PrimaryKeyConstraint("originator", "package_id"),
    )
    op.create_index("arrival_by_change", "arrival", ["changed_at", "package_id"])
    op.create_table(
        "decision",
        _text("decision_id"),
        _text("package_id"),
        _text("recipient"),
        _instant("decided_at"),
        _text("outcome"),
        _text("policy_set_hash"),
        _text("shard_hash"),
        _binary("record_sealed"),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    op.create_index("decision_by_package", "decision", ["package_id", "recipient"])
    op.create_table(
        "idempotency",
        _text("caller"),
        _text("idempotency_key"),
        _text("request_sha256"),
        _text("package_id"),
        _instant("at"),
        sa.PrimaryKeyConstraint("caller", "idempotency_key"),
    )
    op.create_table(
        "log_entry",
        sa.Column("entry_index", _INDEX, autoincrement=False, nullable=False),
        _binary("leaf"),
        _text("code"),
        _instant("at"),
        _text("actor"),
        _text("package", nullable=True),
        _text("partner", nullable=True),
        _text("outcome", nullable=True),
        _text("request", nullable=True),
        _binary("private_sealed", nullable=True),
        sa.PrimaryKeyConstraint("entry_index"),
    )
    op.create_index("log_entry_by_actor", "log_entry", ["actor", "entry_index"])
    op.create_index("log_entry_by_code", "log_entry", ["code", "entry_index"])
    op.create_index("log_entry_by_outcome", "log_entry", ["outcome", "entry_index"])
    op.create_index("log_entry_by_package", "log_entry", ["package", "entry_index"])
    op.create_index("log_entry_by_partner", "log_entry", ["partner", "entry_index"])
    op.create_index("log_entry_by_request", "log_entry", ["request", "entry_index"])
    op.create_index("log_entry_by_time", "log_entry", ["at", "entry_index"])
    op.create_table(
        "log_head",
        _integer("head"),
        _long("size"),
        _binary("checkpoint"),
        sa.PrimaryKeyConstraint("head"),
    )
    op.create_table(
        "log_tile",
        _integer("level"),
        _long("tile_index"),
        _binary("hashes"),
        sa.PrimaryKeyConstraint("level", "tile_index"),
    )
    op.create_table(
        "outbox",
        _text("outbox_id"),
        _text("kind"),
        _text("partner"),
        _text("originator"),
        _text("package_id"),
        _text("subject"),
        _text("state"),
        _instant("created_at"),
        _instant("due_at"),
        _instant("deadline_at"),
        _instant("lease_until"),
        _integer("attempts"),
        _text("problem", nullable=True),
        sa.PrimaryKeyConstraint("outbox_id"),
    )
    op.create_index("outbox_by_due", "outbox", ["state", "due_at", "lease_until"])
    op.create_index("outbox_by_package", "outbox", ["package_id", "partner"])
    op.create_table(
        "package",
        _text("package_id"),
        _text("state"),
        _text("kind"),
        _text("submitter"),
        _instant("created_at"),
        _instant("submitted_at", nullable=True),
        _binary("facts_sealed"),
        sa.PrimaryKeyConstraint("package_id"),
    )
    op.create_index("package_by_submitter", "package", ["submitter", "package_id"])
    op.create_table(
        "participant",
        _text("participant"),
        _text("status"),
        _integer("serial"),
        _binary("descriptor"),
        _instant("admitted_at"),
        _instant("changed_at"),
        sa.PrimaryKeyConstraint("participant"),
    )
    op.create_table(
        "receipt",
        _text("originator"),
        _text("package_id"),
        _text("recipient"),
        _text("receipt"),
        _binary("signed"),
        _instant("at"),
        sa.PrimaryKeyConstraint("originator", "package_id", "recipient", "receipt"),
    )
    op.create_index("receipt_by_package", "receipt", ["package_id", "recipient"])
    op.create_table(
        "submitted_checkpoint",
        _text("participant"),
        _long("size"),
        _binary("note"),
        _instant("submitted_at"),
        _instant("cosigned_at", nullable=True),
        sa.PrimaryKeyConstraint("participant", "size"),
    )
    op.create_table(
        "witness",
        _text("participant"),
        _long("size"),
        _instant("cosigned_at", nullable=True),
        _text("alarm", nullable=True),
        _instant("alarmed_at", nullable=True),
        sa.PrimaryKeyConstraint("participant"),
    )
    op.create_table(
        "witnessed_log",
        _text("origin"),
        _text("participant"),
        _long("size"),
        _binary("note"),
        _instant("cosigned_at"),
        _text("alarm", nullable=True),
        _binary("evidence", nullable=True),
        sa.PrimaryKeyConstraint("origin"),
    )
    op.create_table(
        "arrival_part",
        _text("originator"),
        _text("package_id"),
        _integer("number"),
        _long("ciphertext_bytes"),
        _text("blob_id"),
        _binary("block_hashes"),
        _text("blocks_missing"),
        _text("content"),
        sa.ForeignKeyConstraint(["originator", "package_id"], ["arrival.originator", "arrival.package_id"]),
        sa.PrimaryKeyConstraint("originator", "package_id", "number"),
    )
    op.create_index("arrival_part_by_blob", "arrival_part", ["blob_id"])
    op.create_index("arrival_part_by_content", "arrival_part", ["content"])
    op.create_table(
        "part",
        _text("package_id"),
        _integer("number"),
        _text("blob_id"),
        _long("ciphertext_bytes"),
        _binary("sealed_part_sealed"),
        sa.ForeignKeyConstraint(["package_id"], ["package.package_id"]),
        sa.PrimaryKeyConstraint("package_id", "number"),
    )
    op.create_index("part_by_blob", "part", ["blob_id"])
    op.create_table(
        "release",
        _text("package_id"),
        _text("recipient"),
        _text("state"),
        _text("post"),
        _instant("changed_at"),
        _text("decision_id"),
        _instant("expires_at", nullable=True),
        _binary("frame", nullable=True),
        _text("manifest_sha256", nullable=True),
        _text("part_numbers"),
        _text("problem", nullable=True),
        _binary("manifest_sealed", nullable=True),
        sa.ForeignKeyConstraint(["package_id"], ["package.package_id"]),
        sa.PrimaryKeyConstraint("package_id", "recipient"),
    )
    op.create_table(
        "consent",
        _text("consent_id"),
        _text("originator"),
        _text("holder"),
        _text("recipient"),
        _text("content"),
        _instant("at"),
        _instant("expires_at"),
        _binary("signed_sealed"),
        sa.PrimaryKeyConstraint("consent_id"),
    )
    op.create_index("consent_by_content", "consent", ["content", "holder"])
    op.create_table(
        "officer",
        _text("officer"),
        _text("withdrawn_posts"),
        _text("changed_by"),
        _instant("changed_at"),
        sa.PrimaryKeyConstraint("officer"),
    )
    op.create_table(
        "review",
        _text("package_id"),
        _text("recipient"),
        _text("post"),
        _text("state"),
        _text("submitter"),
        _instant("booked_at"),
        _instant("due_at"),
        _text("reviewed_by"),
        _instant("reviewed_at", nullable=True),
        _binary("note_sealed", nullable=True),
        sa.PrimaryKeyConstraint("package_id", "recipient"),
    )
    op.create_index("review_by_state", "review", ["state", "due_at"])
    op.create_table(
        "policy_file",
        _text("sha256"),
        _binary("content"),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "policy_set",
        _text("policy_sha256"),
        _text("state"),
        _text("files"),
        _integer("cases"),
        _text("proposed_by"),
        _instant("proposed_at"),
        _text("activated_by"),
        _instant("activated_at", nullable=True),
        sa.PrimaryKeyConstraint("policy_sha256"),
    )
    op.create_index("policy_set_by_state", "policy_set", ["state"])
    op.create_index("release_by_recipient", "release", ["recipient", "state", "package_id"])


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, AutoString(), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _binary(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _long(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)
