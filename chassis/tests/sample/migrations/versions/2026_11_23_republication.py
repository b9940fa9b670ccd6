"""Republications that were asked for.

Revision ID: a160b46d09ff
Revises: 6e5759c5dc02
"""

import sqlalchemy as sa
from alembic import op

revision = "a160b46d09ff"
down_revision = "6e5759c5dc02"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "republication",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("published", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_republication")),
    )


def downgrade() -> None:
    op.drop_table("republication")
