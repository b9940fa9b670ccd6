"""What most routes of the room share: how a case is answered, and what upper rooms add to it."""

from typing import Annotated

from fastapi import Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import Case
from case_svc.cases.schemas.shapes import CaseOut
from case_svc.cases.schemas.showing import case_out
from case_svc.cases.usecases.showing import CaseView, MoreActions, show_case
from chassis.auth import Actor
from chassis.preconditions import set_tag


async def more_actions(request: Request) -> MoreActions:
    """What `main.py` passed in: the actions of the rooms above."""
    found: MoreActions = request.state.more_actions
    return found


More = Annotated[MoreActions, Depends(more_actions)]


async def answer(
    session: AsyncSession, actor: Actor, case: Case, response: Response, more: MoreActions
) -> CaseOut:
    """The case as this actor may see it now, with its tag."""
    return answer_with(await show_case(session, actor, case, more), response)


def answer_with(view: CaseView, response: Response) -> CaseOut:
    set_tag(response, view.case.version)
    return case_out(view)
