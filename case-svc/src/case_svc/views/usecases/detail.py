"""A case and its history as one actor may see them; an officer's access is recorded."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, select

from case_svc.cases import policies
from case_svc.cases.errors import CaseNotFound
from case_svc.cases.events import FootprintRecorded
from case_svc.cases.models import Case, CaseMaterial
from case_svc.cases.queries import powers_of, visible_to
from case_svc.cases.rules.forms import personal_fields
from case_svc.cases.usecases import decrypt_json
from case_svc.files.usecases import FileAccess
from case_svc.items.queries import get_guide
from case_svc.parties.models import Department
from case_svc.parties.queries import in_clear
from case_svc.views.queries.detail import Detail, load_detail, until
from case_svc.views.queries.lists import EntryRow, list_entries
from case_svc.views.queries.rows import columns_of
from chassis.auth import Actor
from chassis.clock import new_id, now
from chassis.database.sessions import WriteSession
from chassis.outbox import record
from chassis.pagination import PageRequest, Window
from chassis.vault import mask_id_number, mask_mobile, mask_name, mask_value


class Accessed(Protocol):
    """Whose data an officer reads, and in which case."""

    @property
    def case_id(self) -> UUID: ...
    @property
    def case_no(self) -> str | None: ...
    @property
    def person_id(self) -> UUID: ...


class AccessedCaseRow(NamedTuple):
    case_id: UUID
    case_no: str | None
    person_id: UUID
    item_name: str


async def record_access(
    session: WriteSession,
    actor: Actor,
    case: Accessed,
    department_name: str | None,
    fields: Sequence[str],
    legal_basis: str,
) -> None:
    assert case.case_no is not None
    await record(
        session,
        FootprintRecorded(
            footprint_id=new_id(),
            person_id=case.person_id,
            at=now(),
            department_code=actor.department,
            department_name=department_name,
            # An officer without a named post is named by role: the holder must see who looked.
            post=actor.post or " ".join(sorted(actor.roles)) or actor.kind,
            actor_id=actor.id,
            fields=list(fields),
            case_id=case.case_id,
            case_no=case.case_no,
            ground=legal_basis,
            version=1,
        ),
    )


async def record_timeline_access(session: WriteSession, actor: Actor, case_id: UUID) -> None:
    """The applicant's and the officers' own words stand in the history of a case."""
    case, department = await _load(session, actor, Case.case_id == case_id, visible_to(actor))
    if actor.kind != "citizen":
        await record_access(session, actor, case, department, ["timeline"], case.item_name)


async def find_file_access(session: WriteSession, actor: Actor, file_id: UUID) -> FileAccess | None:
    """Whoever may see a case may see its files; the access of staff is recorded."""
    statement = (
        select(Case.case_id)
        .join(CaseMaterial, CaseMaterial.case_id == Case.case_id)
        .where(CaseMaterial.file_id == file_id, visible_to(actor))
        .limit(1)
    )
    case_id = await session.scalar(statement)
    return FileAccess(case_id, recorded=actor.kind != "citizen") if case_id else None


async def record_file_access(
    session: WriteSession, actor: Actor, access: FileAccess, file_id: UUID
) -> None:
    """A file is named by its material, not by its own name."""
    case, department = await _load(session, actor, Case.case_id == access.case_id)
    statement = (
        select(CaseMaterial.name)
        .where(CaseMaterial.case_id == case.case_id, CaseMaterial.file_id == file_id)
        .distinct()
        .order_by(CaseMaterial.name)
    )
    fields = [f"material:{name}" for name in await session.scalars(statement)]
    await record_access(session, actor, case, department, fields, case.item_name)


async def _load(
    session: WriteSession, actor: Actor, *conditions: ColumnElement[bool]
) -> tuple[AccessedCaseRow, str | None]:
    """The case, and the name of the department that reads it."""
    department = select(Department.name).where(Department.department_code == actor.department)
    columns = columns_of(AccessedCaseRow, Case)
    statement = select(*columns, department.scalar_subquery()).where(*conditions)
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise CaseNotFound
    *values, name = row
    return AccessedCaseRow._make(values), name


Viewer = Literal["party", "holder", "staff"]


class OfferedCase(Protocol):
    """What the rooms above read of a case to offer their actions."""

    @property
    def case_no(self) -> str | None: ...
    @property
    def rated(self) -> list[str]: ...


# What `main.py` passes in: actions of the rooms above, by the powers of who acts.
MoreActions = Callable[[OfferedCase, frozenset[str]], list[str]]


class Content(NamedTuple):
    """Personal data, as far as the viewer may see it."""

    name: str | None
    id_number: str | None
    mobile: str | None
    form: Mapping[str, Any]
    answers: Mapping[str, Any]


class EntryView(NamedTuple):
    entry: EntryRow
    officer: str | None


class CaseView(NamedTuple):
    detail: Detail
    viewer: Viewer
    content: Content
    query_code: str | None
    holder: str | None
    decider: str | None
    reviewers: list[str | None]
    until: date | None
    actions: list[str]


async def show_case(
    session: WriteSession, actor: Actor, case_id: UUID, more: MoreActions
) -> CaseView:
    """Parties see all but officers' names; officers see names, the holder of the task all data."""
    detail = await load_detail(session, actor, case_id)
    case, task = detail.case, detail.task
    viewer: Viewer = "party"
    if actor.kind != "citizen":
        viewer = "holder" if task is not None and policies.in_hand(actor, task) else "staff"
        blocked = any(policies.blocks(case, material) for material in detail.materials)
        actions = policies.staff_actions(actor, case, task, blocked=blocked)
    else:
        powers = await powers_of(session, actor, case.person_id, case.company_id, case.item_code)
        actions = policies.applicant_actions(case.status, powers, detail.materials)
        actions += more(case, powers)

    def officer(box: bytes | None) -> str | None:
        return in_clear(session, box) if viewer != "party" else None

    return CaseView(
        detail=detail,
        viewer=viewer,
        content=await _content(session, actor, detail, viewer),
        query_code=in_clear(session, case.query_code) if viewer == "party" else None,
        holder=officer(detail.names.holder),
        decider=officer(detail.names.decider),
        reviewers=[officer(opinion.officer_name) for opinion in detail.opinions],
        until=until(case.status, detail.clocks),
        actions=actions,
    )


async def show_timeline(
    session: WriteSession, actor: Actor, case_id: UUID, page: PageRequest
) -> tuple[Window, list[EntryView]]:
    """Officers' names are for colleagues; an officer's access is recorded."""
    await record_timeline_access(session, actor, case_id)
    window, entries = await list_entries(session, case_id, page)
    by_staff = actor.kind == "staff"
    return window, [
        EntryView(entry, in_clear(session, entry.officer_name) if by_staff else None)
        for entry in entries
    ]


async def _content(session: WriteSession, actor: Actor, detail: Detail, viewer: Viewer) -> Content:
    """What is personal is masked for who only looks on, and each access of staff is recorded."""
    case = detail.case
    draft = decrypt_json(session, case.draft)
    form = draft["form"] if draft else decrypt_json(session, case.form)
    answers = draft["answers"] if draft else decrypt_json(session, case.answers)
    name, id_number, mobile = (in_clear(session, box) for box in detail.person)
    masked = viewer == "staff" or (viewer == "party" and actor.id != case.person_id)
    if viewer != "party":
        guide = await get_guide(session, case.item_id, case.item_version)
        personal = personal_fields(guide["form"], form)
        fields = ["applicant.name", "applicant.id_number", "applicant.mobile"]
        fields += [f"form.{name}" for name in personal]
        basis = f"{case.item_name}：{'查看（已脱敏）' if masked else '办理'}"
        await record_access(session, actor, case, detail.names.reader_department, fields, basis)
        if masked:
            form = {k: mask(v) if k in personal else v for k, v in form.items()}
    if masked:
        name = mask_name(name) if name else None
        id_number = mask_id_number(id_number) if id_number else None
        mobile = mask_mobile(mobile) if mobile else None
    return Content(name, id_number, mobile, form, answers)


def mask(value: Any) -> Any:
    """Enough to recognise, not enough to learn."""
    if isinstance(value, list):
        return [mask(member) for member in value]
    if isinstance(value, dict):
        return {name: mask(member) for name, member in value.items()}
    if value is None or isinstance(value, bool):
        return "*"  # its first letter would give it away
    text = str(value)
    if re.fullmatch(r"[0-9]{17}[0-9Xx]", text):
        return mask_id_number(text)
    if re.fullmatch(r"1[0-9]{10}", text):
        return mask_mobile(text)
    return mask_value(text)
