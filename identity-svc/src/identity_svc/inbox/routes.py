"""/api/v1/me/messages."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from chassis.auth import Citizen
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import Forbidden, Unauthenticated
from chassis.http.route import TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import language_of, problems
from identity_svc.inbox import queries, usecases
from identity_svc.inbox.errors import MessageNotFound
from identity_svc.inbox.schemas import MessageOut

router = APIRouter(route_class=TransactionRoute, prefix="/api/v1/me/messages", tags=["inbox"])


@router.get("", responses=problems(Unauthenticated, Forbidden))
async def list_messages(
    request: Request,
    actor: Citizen,
    session: ReadSession,
    page: PageQuery,
    unread: Annotated[bool | None, Query(description="Only unread, or only read ones")] = None,
) -> Page[MessageOut]:
    """The caller's messages, newest first."""
    language = language_of(request.headers.get("accept-language"))
    window = await queries.list_messages(session, actor, page, unread=unread)
    return page_of(window, [MessageOut.of(message, language) for message in window.rows])


@router.post(
    "/{message_id}/reading", responses=problems(Unauthenticated, Forbidden, MessageNotFound)
)
async def read_message(
    message_id: UUID, request: Request, actor: Citizen, session: WriteSession
) -> MessageOut:
    """Mark a message as read; again changes nothing."""
    message = await usecases.read_message(session, actor, message_id)
    return MessageOut.of(message, language_of(request.headers.get("accept-language")))
