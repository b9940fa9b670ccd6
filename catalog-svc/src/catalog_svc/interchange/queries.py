"""Imports that an actor may see, the next one to work on, and what an export reads."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.interchange.errors import ImportNotFound
from catalog_svc.interchange.models import ImportChunk, ImportJob, ImportRejection
from catalog_svc.items.models import Item, ItemVersion
from catalog_svc.items.queries import public
from catalog_svc.items.rules.lifecycle import Status
from chassis.auth import Actor
from chassis.pagination import PageRequest, Window, paginate


def visible_to(actor: Actor) -> Select[ImportJob]:
    """The platform sees all imports, a department's administrator only his own."""
    statement = select(ImportJob)
    return (
        statement
        if actor.has("platform_admin")
        else statement.where(ImportJob.actor_id == actor.id)
    )


async def get_job(session: AsyncSession, actor: Actor, import_id: UUID) -> ImportJob:
    statement = visible_to(actor).where(ImportJob.import_id == import_id)
    job = (await session.scalars(statement)).one_or_none()
    if job is None:
        raise ImportNotFound(import_id=import_id)
    return job


async def jobs_page(session: AsyncSession, actor: Actor, page: PageRequest) -> Window:
    return await paginate(session, visible_to(actor), [(ImportJob.import_id, "desc")], page)


async def rejections_page(session: AsyncSession, job: ImportJob, page: PageRequest) -> Window:
    statement = select(ImportRejection).where(ImportRejection.import_id == job.import_id)
    return await paginate(session, statement, [(ImportRejection.line, "asc")], page)


async def next_job(session: AsyncSession) -> ImportJob | None:
    """The oldest unfinished import that no other worker has locked."""
    statement = (
        select(ImportJob)
        .where(ImportJob.status.in_(["queued", "running"]))
        .order_by(ImportJob.import_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def chunk(session: AsyncSession, job: ImportJob) -> ImportChunk:
    return await session.get_one(ImportChunk, (job.import_id, job.next_chunk))


async def exported_rows(session: AsyncSession, after: UUID | None, limit: int) -> Sequence[Item]:
    """The next public items by id, cancelled items left out."""
    statement = public().where(Item.status != Status.CANCELLED)
    if after is not None:
        statement = statement.where(Item.item_id > after)
    return (await session.scalars(statement.order_by(Item.item_id).limit(limit))).all()


async def exported_guides(
    session: AsyncSession, items: Sequence[Item]
) -> dict[UUID, dict[str, Any]]:
    """The published guides of these items."""
    statement = (
        select(ItemVersion)
        .join(Item, and_(Item.item_id == ItemVersion.item_id, Item.version == ItemVersion.version))
        .where(ItemVersion.item_id.in_([item.item_id for item in items]))
    )
    return {version.item_id: version.guide for version in await session.scalars(statement)}
