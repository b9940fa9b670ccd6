"""What was rated is told by the case, so that a look at it asks no other table.

Revision ID: c41e07d95b2f
Revises: 8f2d6a41c7b0
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "c41e07d95b2f"
down_revision = "8f2d6a41c7b0"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "case_file",
        sa.Column("rated", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.execute(
        "UPDATE case_file SET rated = given.services FROM"
        " (SELECT case_id, array_agg(service ORDER BY rating_id) AS services FROM rating"
        "  GROUP BY case_id) AS given WHERE given.case_id = case_file.case_id"
    )


def downgrade() -> None:
    op.drop_column("case_file", "rated")
