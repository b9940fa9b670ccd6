"""Drafts: whatever there is so far; it is checked when it is submitted."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.errors import IllegalMove
from case_svc.cases.models import Case, CaseMaterial
from case_svc.cases.rules.lifecycle import State, possible
from case_svc.cases.usecases.contents import decrypt_json, encrypt_json
from case_svc.cases.usecases.transitions import open_case
from case_svc.intake.rules.applications import Application, SentMaterial, merged
from case_svc.intake.usecases.eligibility import Eligibility, check_eligibility
from chassis.auth import Actor
from chassis.clock import new_id, now


class Submitted(NamedTuple):
    """A new case with what only its applicant gets to know; a draft has no code and no receipt."""

    case: Case
    powers: frozenset[str]
    materials: list[CaseMaterial]
    query_code: str | None = None
    receipt: str | None = None


def new_case(actor: Actor, eligibility: Eligibility) -> Case:
    return Case(
        case_id=new_id(),
        item_id=eligibility.item.item_id,
        person_id=actor.id,
        status=State.DRAFT,
        created_at=now(),
        version=1,
        **eligibility.case_fields(),
    )


async def save_draft(
    session: AsyncSession,
    actor: Actor,
    item_id: UUID,
    company_id: UUID | None,
    application: Application,
) -> Submitted:
    eligibility = await check_eligibility(session, actor, item_id, company_id)
    case = new_case(actor, eligibility)
    case.draft = encrypt_json(session, asdict(application))
    session.add(case)
    return Submitted(case, eligibility.powers, [])


async def change_draft(
    session: AsyncSession, actor: Actor, case_id: UUID, changes: Mapping[str, Any], match: str
) -> None:
    """Form keys and answers are merged (null removes one), materials replace the list."""
    case = await open_case(session, actor, case_id, match)
    if case.state is not State.DRAFT:
        raise IllegalMove(case.state, "PATCH", possible(case.state))
    before = draft_of(session, case)
    after = Application(
        answers=merged(before.answers, changes.get("answers")),
        form=merged(before.form, changes.get("form")),
        materials=before.materials if changes.get("materials") is None else changes["materials"],
    )
    if "on_behalf_of" in changes and changes["on_behalf_of"] != case.company_id:
        company_id = changes["on_behalf_of"]
        eligibility = await check_eligibility(session, actor, case.item_id, company_id)
        case.company_id, case.applicant_type = company_id, eligibility.applicant_type
    case.draft = encrypt_json(session, asdict(after))
    case.version += 1


def draft_of(session: AsyncSession, case: Case) -> Application:
    content = decrypt_json(session, case.draft)
    materials = [
        replace(SentMaterial(**sent), file_id=UUID(sent["file_id"]) if sent["file_id"] else None)
        for sent in content["materials"]
    ]
    return Application(content["answers"], content["form"], materials)
