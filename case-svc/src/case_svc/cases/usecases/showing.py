"""A case as one actor may see it; an officer's look is recorded with it."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import policies
from case_svc.cases.applications import personal_fields
from case_svc.cases.lifecycle import State
from case_svc.cases.models import (
    Case,
    CaseCertificate,
    CaseClock,
    CaseInterval,
    CaseMaterial,
    CaseOpinion,
    CaseTask,
)
from case_svc.cases.queries import cases as queries
from case_svc.cases.queries.clocks import until
from case_svc.cases.queries.details import Detail, detail_of
from case_svc.cases.usecases.contents import read_json
from case_svc.cases.usecases.footprints import record_look
from case_svc.cases.usecases.submission import draft_of, query_code_of
from case_svc.items import queries as items
from case_svc.parties import queries as parties
from case_svc.parties.models import Company
from case_svc.parties.queries import Particulars
from chassis.auth import Actor
from chassis.vault import mask_id_number, mask_mobile, mask_name, mask_value

Viewer = Literal["party", "holder", "staff"]
MoreActions = Callable[..., Awaitable[tuple[str, ...]]]


@dataclass(frozen=True)
class Content:
    """Personal data, as far as the viewer may see it."""

    person: Particulars
    company: Company | None
    form: Mapping[str, Any]
    answers: Mapping[str, Any]


@dataclass(frozen=True)
class CaseView:
    case: Case
    viewer: Viewer
    content: Content
    query_code: str | None
    materials: list[CaseMaterial]
    task: CaseTask | None
    clocks: list[CaseClock]
    intervals: list[CaseInterval]
    opinions: list[CaseOpinion]
    certificates: list[CaseCertificate]
    officers: Mapping[UUID, str]
    until: date | None
    actions: list[str]


async def show_case(session: AsyncSession, actor: Actor, case: Case, more: MoreActions) -> CaseView:
    """Parties see all but officers' names; officers see names, the holder of the task all data."""
    return await show(session, actor, await detail_of(session, case), more)


async def show(session: AsyncSession, actor: Actor, detail: Detail, more: MoreActions) -> CaseView:
    """As `show_case`, of a case that was read to be shown."""
    case, task = detail.case, next(iter(detail.tasks), None)
    viewer = _viewer(actor, task)
    return CaseView(
        case=case,
        viewer=viewer,
        content=await _content(session, actor, detail, viewer),
        query_code=query_code_of(session, case) if viewer == "party" else None,
        materials=detail.materials,
        task=task,
        clocks=detail.clocks,
        intervals=detail.intervals,
        opinions=detail.opinions,
        certificates=detail.certificates,
        officers=await _officers(session, case, task, detail.opinions) if viewer != "party" else {},
        until=until(case, detail.clocks),
        actions=[
            *await _actions(session, actor, case, task, detail.materials),
            *await more(session, actor, case),
        ],
    )


async def offers(
    session: AsyncSession,
    actor: Actor,
    case: Case,
    materials: list[CaseMaterial],
    more: MoreActions,
) -> list[str]:
    """What the applicant may do with a new case, named as the routes' last segments."""
    own = await _actions(session, actor, case, None, materials)
    return [*own, *await more(session, actor, case)]


async def _actions(
    session: AsyncSession,
    actor: Actor,
    case: Case,
    task: CaseTask | None,
    materials: list[CaseMaterial],
) -> list[str]:
    if actor.kind == "staff":
        blocked = any(policies.blocks(case, one) for one in materials)
        return policies.staff_actions(actor, case, task, blocked=blocked)
    powers = await queries.powers_of(session, actor, case)
    return policies.applicant_actions(case, powers, owes=queries.owes(materials))


def _viewer(actor: Actor, task: CaseTask | None) -> Viewer:
    if actor.kind == "citizen":
        return "party"
    return "holder" if task is not None and policies.in_hand(actor, task) else "staff"


async def _content(session: AsyncSession, actor: Actor, detail: Detail, viewer: Viewer) -> Content:
    case, content = detail.case, _clear(session, detail)
    if viewer == "party":
        if actor.id == case.person_id:
            return content
        return replace(content, person=_masked_person(content.person))
    guide = await items.get_guide(session, case.item_id, case.item_version)
    personal = personal_fields(guide["form"], content.form)
    seen = ["applicant.name", "applicant.id_number", "applicant.mobile"]
    seen += [f"form.{name}" for name in personal]
    ground = f"{case.item_name}：{'办理' if viewer == 'holder' else '查看（已脱敏）'}"
    await record_look(session, actor, case, seen, ground)
    if viewer == "holder":
        return content
    return Content(
        person=_masked_person(content.person),
        company=content.company,
        form={k: mask(v) if k in personal else v for k, v in content.form.items()},
        answers=content.answers,
    )


def _clear(session: AsyncSession, detail: Detail) -> Content:
    case = detail.case
    if case.state is State.DRAFT and case.draft is not None:
        draft = draft_of(session, case)
        form, answers = dict(draft.form), dict(draft.answers)
    else:
        form, answers = read_json(session, case.form), read_json(session, case.answers)
    return Content(
        person=parties.in_clear(session, detail.person),
        company=detail.company,
        form=form,
        answers=answers,
    )


def mask(value: Any) -> Any:
    """Enough to recognise, not enough to learn."""
    if isinstance(value, list):
        return [mask(one) for one in value]
    if isinstance(value, dict):
        return {name: mask(one) for name, one in value.items()}
    if value is None or isinstance(value, bool):
        return "*"  # its first letter would tell it
    text = str(value)
    if re.fullmatch(r"[0-9]{17}[0-9Xx]", text):
        return mask_id_number(text)
    if re.fullmatch(r"1[0-9]{10}", text):
        return mask_mobile(text)
    return mask_value(text)


def _masked_person(person: Particulars) -> Particulars:
    return Particulars(
        name=mask_name(person.name) if person.name else None,
        id_number=mask_id_number(person.id_number) if person.id_number else None,
        mobile=mask_mobile(person.mobile) if person.mobile else None,
    )


async def _officers(
    session: AsyncSession, case: Case, task: CaseTask | None, opinions: list[CaseOpinion]
) -> dict[UUID, str]:
    known = {case.accepted_by, case.decided_by, task.holder_id if task else None}
    known |= {one.officer_id for one in opinions}
    return await parties.staff_names(session, {one for one in known if one is not None})
