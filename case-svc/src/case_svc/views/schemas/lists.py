"""Lines of the applicant's list and of the history, and what anyone may learn of a case."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel

from case_svc.views.queries.lists import OwnCaseRow
from case_svc.views.schemas.case import Moment, NamedOut, links_of
from case_svc.views.usecases.detail import EntryView
from case_svc.views.usecases.progress import ProgressRow


class CaseRowOut(BaseModel):
    """A line of the applicant's list."""

    case_id: UUID
    case_no: str | None
    item_id: UUID
    item_name: str
    department: NamedOut
    company_id: UUID | None
    status: str
    outcome: str | None
    step: str | None
    created_at: Moment
    submitted_at: Moment | None
    ended_at: Moment | None
    links: dict[str, str]


class EntryOut(BaseModel):
    """A line of the history; `officer` only for colleagues."""

    at: Moment
    action: str
    from_status: str | None
    status: str
    step: str | None
    by: str
    department: str | None
    post: str | None
    officer: str | None
    note: str | None


class ProgressOut(BaseModel):
    """Nothing personal: where a case stands and until when."""

    case_no: str
    item_name: str
    department: NamedOut
    status: str
    outcome: str | None
    step: str | None
    due_on: date | None
    submitted_at: Moment
    ended_at: Moment | None


def case_row_out(row: OwnCaseRow) -> CaseRowOut:
    return CaseRowOut(
        **row._asdict(),
        department=NamedOut(code=row.department_code, name=row.department_name),
        links=links_of(row.case_id, row.item_id),
    )


def entry_out(view: EntryView) -> EntryOut:
    row, officer = view
    return EntryOut(**row._asdict(), status=row.to_status, by=row.actor_kind, officer=officer)


def progress_out(row: ProgressRow, due_on: date | None) -> ProgressOut:
    department = NamedOut(code=row.department_code, name=row.department_name)
    return ProgressOut(**row._asdict(), department=department, due_on=due_on)
