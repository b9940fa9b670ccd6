"""Request data of another department, answer the request, revoke the grant."""

from typing import Any
from uuid import UUID

from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession
from chassis.errors import Forbidden
from chassis.preconditions import ensure_match
from exchange_svc.directory.models import Resource
from exchange_svc.directory.rules.terms import ShareType
from exchange_svc.directory.usecases import shared_resource
from exchange_svc.grants import policies, queries
from exchange_svc.grants.errors import BadPeriod, GrantEnded, IllegalMove, NotShared, UnknownFields
from exchange_svc.grants.models import ACTIVE, REVOKED, Grant, GrantRequest
from exchange_svc.grants.rules import lifecycle
from exchange_svc.grants.rules.lifecycle import Action, State
from exchange_svc.settings import exchange_settings


async def request_grant(session: WriteSession, actor: Actor, wish: dict[str, Any]) -> GrantRequest:
    if actor.department is None:
        raise Forbidden
    resource = await shared_resource(session, actor, wish["resource_code"])
    if not resource.is_shared:
        raise NotShared(basis=resource.legal_basis)
    unknown = sorted(set(wish["fields"]) - resource.field_names())
    if unknown:
        raise UnknownFields(unknown)
    if wish["valid_to"] < max(wish["valid_from"], clock.today()):
        raise BadPeriod
    settings = exchange_settings(session)
    unconditional = resource.share_type == ShareType.UNCONDITIONAL
    request = GrantRequest(
        **wish,
        request_id=clock.new_id(),
        provider_code=resource.provider_code,
        department_code=actor.department,
        state=State.SUBMITTED,
        state_since=clock.now(),
        reply_workdays=settings.share_unconditional_workdays
        if unconditional
        else settings.share_check_workdays,
        submitted_by=actor.id,
        version=1,
    )
    session.add(request)
    await session.flush()
    return request


async def answer_request(
    session: WriteSession,
    actor: Actor,
    request_id: UUID,
    action: Action,
    *,
    reason: str | None,
    match: str | None,
) -> GrantRequest:
    request = await queries.get_request(session, actor, request_id, lock=True)
    state = State(request.state)
    if state not in lifecycle.TURNS:
        raise IllegalMove(state.value, lifecycle.allowed(state))
    policies.ensure_turn(actor, request, lifecycle.TURNS[state])
    ensure_match(match, request.version)
    resource = await session.get_one(Resource, request.resource_code)
    if action is Action.APPROVE and not resource.is_shared:
        raise NotShared(basis=resource.legal_basis)
    unconditional = resource.share_type == ShareType.UNCONDITIONAL
    after = lifecycle.step(state, action, unconditional=unconditional)
    workdays = exchange_settings(session).share_conditional_workdays
    request.state, request.state_since = after, clock.now()
    request.reply_workdays = workdays if after is State.PROVIDER_REVIEWING else None
    request.answered_by, request.reason = actor.id, reason
    request.version += 1
    if after is State.APPROVED:
        session.add(grant_of(request))
    await session.flush()
    return request


def grant_of(request: GrantRequest) -> Grant:
    """The grant that an approved request leads to."""
    return Grant(
        grant_id=clock.new_id(),
        request_id=request.request_id,
        resource_code=request.resource_code,
        provider_code=request.provider_code,
        department_code=request.department_code,
        purpose=request.purpose,
        fields=request.fields,
        quota_per_day=request.quota_per_day,
        valid_from=request.valid_from,
        valid_to=request.valid_to,
        status=ACTIVE,
        granted_at=clock.now(),
        version=1,
    )


async def revoke_grant(
    session: WriteSession, actor: Actor, grant_id: UUID, *, reason: str, match: str | None
) -> Grant:
    """Effective from the next query on."""
    grant = await queries.get_grant(session, actor, grant_id, lock=True)
    policies.ensure_may_revoke(actor, grant)
    ensure_match(match, grant.version)
    if grant.status != ACTIVE:
        raise GrantEnded
    grant.status, grant.reason = REVOKED, reason
    grant.version += 1
    await session.flush()
    return grant
