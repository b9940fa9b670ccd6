"""What an applicant asks before applying: the form, and the materials of her situation."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items import queries
from catalog_svc.items.errors import ItemNotOpen, WrongAnswers
from catalog_svc.items.models import Item
from catalog_svc.items.rules import precheck
from catalog_svc.items.rules.lifecycle import Status
from catalog_svc.items.rules.precheck import Eligibility
from chassis import expressions
from chassis.errors import FieldError


async def open_guide(session: AsyncSession, item_id: UUID) -> tuple[Item, dict[str, Any]]:
    """The guide of an item that is open for application now; raises ItemNotOpen otherwise."""
    item = (await queries.get_public(session, item_id)).item
    guide = await queries.guide_of(session, item)
    if guide is None or item.status != Status.OPEN:
        raise ItemNotOpen(status=item.status)
    return item, guide


async def precheck_item(
    session: AsyncSession, item_id: UUID, answers: Mapping[str, str], applicant_type: str
) -> tuple[Eligibility, list[Mapping[str, Any]]]:
    """Whether these answers allow an application, and the materials they lead to."""
    _, guide = await open_guide(session, item_id)
    wrong = [
        FieldError(
            pointer=f"/answers/{answer.question_id}",
            code=answer.code,
            zh=f"可选：{'、'.join(answer.options) or '–'}",
            en=f"Possible: {', '.join(answer.options) or '–'}",
        )
        for answer in precheck.wrong_answers(guide, answers)
    ]
    if wrong:
        raise WrongAnswers(wrong)
    context = precheck.answers_context(guide, answers, applicant_type)
    return (
        precheck.eligibility(guide, answers, applicant_type, expressions.truth),
        precheck.materials(guide, context, expressions.truth),
    )
