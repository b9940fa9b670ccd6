"""Indexes in the order in which the queues and an applicant's list are read.

Revision ID: 8f2d6a41c7b0
Revises: 3a5293ce5423
"""

import sqlalchemy as sa
from alembic import op

revision = "8f2d6a41c7b0"
down_revision = "3a5293ce5423"
branch_labels = None
depends_on = None

_PRESENT = sa.text("status IN ('open', 'held')")


def upgrade() -> None:
    op.drop_index("ix_case_task_pool", table_name="case_task")
    op.drop_index("ix_case_task_done_by", table_name="case_task")
    op.create_index(
        "ix_case_task_pool",
        "case_task",
        ["department_code", "due_on", "task_id"],
        postgresql_where=_PRESENT,
    )
    op.create_index(
        "ix_case_task_due", "case_task", ["due_on", "task_id"], postgresql_where=_PRESENT
    )
    op.create_index(
        "ix_case_task_opened_to",
        "case_task",
        ["opened_to"],
        postgresql_where=sa.text("opened_to IS NOT NULL"),
    )
    op.create_index(
        "ix_case_task_done",
        "case_task",
        ["done_by", "done_at", "task_id"],
        postgresql_where=sa.text("status = 'done'"),
    )
    op.create_index(op.f("ix_company_legal_person_id"), "company", ["legal_person_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_company_legal_person_id"), table_name="company")
    for name in ("done", "opened_to", "due", "pool"):
        op.drop_index(f"ix_case_task_{name}", table_name="case_task")
    op.create_index("ix_case_task_done_by", "case_task", ["done_by"])
    op.create_index("ix_case_task_pool", "case_task", ["department_code", "status", "due_on"])
