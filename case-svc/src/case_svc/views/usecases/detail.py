"""A case and its history as one actor may see them; an officer's access is recorded."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import policies
from case_svc.cases.queries import powers_of
from case_svc.cases.rules.forms import personal_fields
from case_svc.cases.usecases import decrypt_json
from case_svc.items.queries import get_guide
from case_svc.parties.queries import in_clear
from case_svc.views.queries.detail import Detail, load_detail, until
from case_svc.views.queries.lists import EntryRow, list_entries
from case_svc.views.usecases.footprints import record_access, record_timeline_access
from chassis.auth import Actor
from chassis.pagination import PageRequest, Window
from chassis.vault import mask_id_number, mask_mobile, mask_name, mask_value

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
    session: AsyncSession, actor: Actor, case_id: UUID, more: MoreActions
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
    session: AsyncSession, actor: Actor, case_id: UUID, page: PageRequest
) -> tuple[Window, list[EntryView]]:
    """Officers' names are for colleagues; an officer's access is recorded."""
    await record_timeline_access(session, actor, case_id)
    window, entries = await list_entries(session, case_id, page)
    by_staff = actor.kind == "staff"
    return window, [
        EntryView(entry, in_clear(session, entry.officer_name) if by_staff else None)
        for entry in entries
    ]


async def _content(session: AsyncSession, actor: Actor, detail: Detail, viewer: Viewer) -> Content:
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
