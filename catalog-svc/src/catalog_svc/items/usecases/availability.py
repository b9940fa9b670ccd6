"""Suspend, resume and cancel items."""

from uuid import UUID

from catalog_svc.items import policies, queries
from catalog_svc.items.rules.lifecycle import Action
from catalog_svc.items.usecases.publishing import Change, announce
from chassis.auth import Actor
from chassis.database.sessions import WriteSession
from chassis.preconditions import ensure_match


async def change_availability(
    session: WriteSession,
    actor: Actor,
    item_id: UUID,
    action: Action,
    *,
    reason: str | None,
    match: str | None,
) -> None:
    """Move the item, and announce the change unless the item was never public."""
    item = await queries.get_any(session, item_id, lock=True)
    policies.ensure_manages(actor, item)
    ensure_match(match, item.revision)
    item.move(action)
    if item.was_never_public:
        await session.flush()
    else:
        guide = await queries.guide_of(session, item)
        await announce(session, [Change(item, action, guide, actor.id, reason)])
