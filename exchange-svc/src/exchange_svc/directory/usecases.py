"""Publish a resource, change its entry, find it for sharing."""

from typing import Any

from sqlalchemy import func, select

from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession
from chassis.errors import Forbidden
from chassis.preconditions import ensure_match
from exchange_svc.directory import queries
from exchange_svc.directory.errors import BadCategory, ResourceNotFound, TermsIncomplete
from exchange_svc.directory.models import PUBLISHED, Resource
from exchange_svc.directory.rules import terms
from exchange_svc.directory.rules.terms import ShareType


async def publish_resource(session: WriteSession, actor: Actor, entry: dict[str, Any]) -> Resource:
    if actor.department is None:
        raise Forbidden
    if not terms.is_category(entry["category"]):
        raise BadCategory
    # The lock serialises publications in a category, so that their numbers are consecutive.
    lock = func.hashtextextended(f"resource|{entry['category']}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(lock)))
    number = await queries.next_number(session, entry["category"])
    resource = Resource(
        **entry,
        code=terms.compose(entry["category"], number),
        number=number,
        provider_code=actor.department,
        status=PUBLISHED,
        published_at=clock.now(),
        version=1,
    )
    _complete_terms(resource)
    session.add(resource)
    await session.flush()
    return resource


async def change_resource(
    session: WriteSession, actor: Actor, code: str, changes: dict[str, Any], *, match: str
) -> Resource:
    resource = await queries.get_resource(session, actor, code, for_update=True)
    if resource.provider_code != actor.department:
        raise Forbidden
    ensure_match(match, resource.version)
    for name, value in changes.items():
        setattr(resource, name, value)
    _complete_terms(resource)
    resource.version += 1
    await session.flush()
    return resource


async def shared_resource(session: WriteSession, actor: Actor, code: str) -> Resource:
    """The published resource; a revoked one is not found, even by its own department."""
    resource = await queries.get_resource(session, actor, code)
    if resource.status != PUBLISHED:
        raise ResourceNotFound(code=code)
    return resource


def _complete_terms(resource: Resource) -> None:
    """Fill in the condition of unconditional sharing; raises TermsIncomplete."""
    share_type = ShareType(resource.share_type)
    resource.share_condition = terms.condition_of(share_type, resource.share_condition)
    missing = terms.lacking(share_type, resource.share_condition, resource.legal_basis)
    if missing is not None:
        raise TermsIncomplete(missing)
