"""The chassis' own tables; `db.new_base()` copies them into each service's metadata."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = sa.MetaData(naming_convention=NAMING)

_NOW = sa.text("clock_timestamp()")


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=nullable,
        server_default=None if nullable else _NOW,
    )


outbox_event = sa.Table(
    "outbox_event",
    metadata,
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("event_id", sa.Uuid, nullable=False, unique=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("entity", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("envelope", sa.Text, nullable=False),
    _moment("recorded_at"),
    _moment("published_at", nullable=True),
    sa.Column("parked_reason", sa.Text),
    sa.UniqueConstraint("entity", "sequence"),
)
sa.Index(
    "ix_outbox_event_unpublished",
    outbox_event.c.position,
    postgresql_where=sa.and_(
        outbox_event.c.published_at.is_(None), outbox_event.c.parked_reason.is_(None)
    ),
)

outbox_sequence = sa.Table(
    "outbox_sequence",
    metadata,
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
)

inbox_event = sa.Table(
    "inbox_event",
    metadata,
    sa.Column("event_id", sa.Uuid, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    _moment("received_at"),
)

dead_letter = sa.Table(
    "dead_letter",
    metadata,
    sa.Column("dead_letter_id", sa.Uuid, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("deliveries", sa.Integer, nullable=False),
    _moment("parked_at"),
    _moment("redriven_at", nullable=True),
)

republication = sa.Table(
    "republication",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("after", sa.Text),
    sa.Column("published", sa.BigInteger, nullable=False, server_default="0"),
    _moment("requested_at"),
    _moment("finished_at", nullable=True),
)

idempotency_record = sa.Table(
    "idempotency_record",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("answer", sa.LargeBinary, nullable=False),
    _moment("created_at"),
    sa.Index("ix_idempotency_record_created_at", "created_at"),
)

signing_key = sa.Table(
    "signing_key",
    metadata,
    sa.Column("kid", sa.Text, primary_key=True),
    sa.Column("private_key", sa.LargeBinary, nullable=False),
    sa.Column("jwk", JSONB, nullable=False),
    _moment("created_at"),
    _moment("retired_at", nullable=True),
)
