"""The local copy of items: newer revisions win, every guide version stays."""

import pytest
from sqlalchemy import func, select

from case_svc.items.errors import ItemNotFound
from case_svc.items.models import Item, ItemVersion
from case_svc.items.queries import get_guide
from chassis import clock

from ..factories import guide


async def test_each_published_version_is_kept(world, session):
    item_id = await world.item()
    await world.item(item_id=item_id, content=guide(correction_days=7))
    item = await session.get(Item, item_id)
    assert (item.version, item.revision) == (2, 2)
    assert (await get_guide(session, item_id, 1))["correction_days"] == 30
    assert (await get_guide(session, item_id, 2))["correction_days"] == 7


async def test_older_revision_changes_nothing_but_its_guide_is_kept(world, session):
    item_id = await world.item(revision=7, version=3)
    await world.item(item_id=item_id, revision=6, version=2, name="旧名")
    item = await session.get(Item, item_id, populate_existing=True)
    assert (item.name, item.version) == ("最低生活保障", 3)
    assert await get_guide(session, item_id, 2)


async def test_published_version_is_immutable(world, session):
    item_id = await world.item()
    await world.item(item_id=item_id, version=1, content=guide(correction_days=1))
    assert (await get_guide(session, item_id, 1))["correction_days"] == 30


@pytest.mark.parametrize("status", ["suspended", "resumed", "cancelled"])
async def test_standing_follows(world, session, status):
    item_id = await world.item()
    await world.item(item_id=item_id, version=1, status=status)
    item = await session.get(Item, item_id, populate_existing=True)
    assert item.status == status


async def test_listed_item_has_no_guide(world, session):
    item_id = clock.new_id()
    content = {
        "item_id": str(item_id),
        "revision": 1,
        "version": 0,
        "status": "listed",
        "item_code": "X",
        "task_code": None,
        "name": "登记",
        "task_type": "07",
        "department": {"code": "D", "name": "局"},
        "region": {"code": "511602", "name": "广安区"},
        "guide": None,
    }
    await world.tell("catalog.item.published.v1", content)
    item = await session.get(Item, item_id)
    assert item.region_code == "511602000000"
    count = select(func.count()).select_from(ItemVersion).where(ItemVersion.item_id == item_id)
    assert await session.scalar(count) == 0
    with pytest.raises(ItemNotFound):
        await get_guide(session, item_id, 0)
