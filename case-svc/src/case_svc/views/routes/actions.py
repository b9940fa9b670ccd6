"""What routes that act on a case share: who acts, on which version, and how it is answered."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from case_svc.views.schemas.case import CaseOut, case_out
from case_svc.views.schemas.clocks import TimingOut, timing_out
from case_svc.views.usecases.clock import show_clocks
from case_svc.views.usecases.detail import MoreActions, show_case
from chassis.auth import Actor, Citizen, SignedIn, Staff
from chassis.database.sessions import WriteSession
from chassis.http.route import TransactionRoute
from chassis.preconditions import OptionalMatch, set_tag


def case_routes(*routers: APIRouter, more_actions: MoreActions) -> APIRouter:
    """These routers, with the actions that only the rooms above can add to a case."""

    async def offer(request: Request) -> None:
        request.state.more_actions = more_actions

    router = APIRouter(route_class=TransactionRoute, dependencies=[Depends(offer)])
    for each in routers:
        router.include_router(each)
    return router


async def more_actions(request: Request) -> MoreActions:
    offered: MoreActions = request.state.more_actions
    return offered


More = Annotated[MoreActions, Depends(more_actions)]


@dataclass
class CaseAction:
    """One request that acts on a case; a subclass for each kind of actor states the permission."""

    case_id: UUID
    actor: Actor
    match: OptionalMatch
    session: WriteSession
    response: Response
    more: More

    async def answer(self) -> CaseOut:
        """The case as this actor may see it now, as GET shows it."""
        view = await show_case(self.session, self.actor, self.case_id, self.more)
        set_tag(self.response, view.detail.case.version)
        self.response.headers["Content-Location"] = f"/api/v1/cases/{self.case_id}"
        return case_out(view)

    async def answer_clocks(self) -> TimingOut:
        """The clocks of the case, as GET shows them."""
        view = await show_clocks(self.session, self.actor, self.case_id)
        set_tag(self.response, view.timed.case.version)
        self.response.headers["Content-Location"] = f"/api/v1/cases/{self.case_id}/clock"
        return timing_out(view)


@dataclass
class StaffCaseAction(CaseAction):
    actor: Staff


@dataclass
class CitizenCaseAction(CaseAction):
    actor: Citizen


@dataclass
class PartyCaseAction(CaseAction):
    """Officers too are let in, to be told that only the applicant may do this."""

    actor: SignedIn


StaffAction = Annotated[StaffCaseAction, Depends()]
CitizenAction = Annotated[CitizenCaseAction, Depends()]
PartyAction = Annotated[PartyCaseAction, Depends()]
