"""The routes of the room, with what only the rooms above can add."""

from fastapi import APIRouter, Depends, Request

from case_svc.cases.routes import applying, calendar, handling, reading, tasks
from case_svc.cases.usecases.showing import MoreActions


def case_routes(*, more_actions: MoreActions) -> APIRouter:
    async def offer(request: Request) -> None:
        request.state.more_actions = more_actions

    whole = APIRouter(dependencies=[Depends(offer)])
    for router in (applying, reading, handling, tasks, calendar):
        whole.include_router(router.router)
    return whole
