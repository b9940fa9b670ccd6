"""The present state of all that others copy, published once more, page by page."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import cast, delete, insert, inspect, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock, signing
from chassis.database.sessions import WriteSession
from chassis.database.tables import republication
from chassis.service import Copied, Service

PAGE = 1000


async def request_republication(session: WriteSession, service: Service) -> None:
    """Have everything published again from the beginning, signing keys first."""
    if service.signs:
        await signing.publish_keys(session)
    fresh = {"after": None, "published": 0, "requested_at": clock.now(), "finished_at": None}
    await session.execute(delete(republication))
    for copied in service.republish:
        await session.execute(insert(republication).values(name=copied.name, **fresh))


async def progress(session: AsyncSession) -> Sequence[Any]:
    """The rows of the last republication: how far each kind has come."""
    return (await session.execute(select(republication).order_by(republication.c.name))).all()


async def republish_page(session: WriteSession, kinds: Sequence[Copied]) -> bool:
    """Publish the next rows again; False when nothing is left."""
    unfinished = select(republication).where(
        republication.c.finished_at.is_(None),
        republication.c.name.in_([copied.name for copied in kinds]),
    )
    turn = unfinished.order_by("name").limit(1).with_for_update()
    state = (await session.execute(turn)).one_or_none()
    if state is None:
        return False
    copied = next(copied for copied in kinds if copied.name == state.name)
    key = inspect(copied.rows).primary_key[0]
    page = select(copied.rows).order_by(key).limit(PAGE)
    if state.after is not None:
        page = page.where(key > cast(state.after, key.type))
    rows = (await session.scalars(page)).all()
    for row in rows:
        await copied.publish(session, row)
    values = {
        "after": str(inspect(rows[-1]).identity[0]) if rows else state.after,
        "published": state.published + len(rows),
        "finished_at": None if len(rows) == PAGE else clock.now(),
    }
    done = update(republication).where(republication.c.name == copied.name)
    await session.execute(done.values(values))
    return True
