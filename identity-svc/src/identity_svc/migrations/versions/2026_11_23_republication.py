"""Republications that were asked for.

Revision ID: 80b3682e03cc
Revises: e100b8d6bd05
"""

import sqlalchemy as sa
from alembic import op

revision = "80b3682e03cc"
down_revision = "e100b8d6bd05"
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
