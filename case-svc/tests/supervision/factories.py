"""Open items with what the figures read of their guides."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.items.models import Item, ItemVersion
from chassis import clock

DEPARTMENT = "11511301008778298W"
REGION = "511602000000"


async def make_item(session: AsyncSession, *, status: str = "open", **guide: Any) -> UUID:
    """A promise item: 20 working days by law, 10 promised, fully online, no visit."""
    item_id = clock.new_id()
    region = guide.pop("region_code", REGION)
    session.add(
        Item(
            item_id=item_id,
            revision=1,
            version=2,
            status=status,
            item_code="512B",
            name="最低生活保障",
            task_type="20",
            department_code=DEPARTMENT,
            department_name="区民政局",
            region_code=region,
            region_name="广安区",
        )
    )
    present: dict[str, Any] = {
        "project_type": "promise",
        "online_applicable": True,
        "online_depth": "IV",
        "visits": 0,
        "legal_limit": {"value": 20, "unit": "working_day", "note": None},
        "promise": {"value": 10, "unit": "working_day", "note": None},
    }
    old = present | {"visits": 9}
    session.add(ItemVersion(item_id=item_id, version=1, guide=old))
    session.add(ItemVersion(item_id=item_id, version=2, guide=present | guide))
    await session.flush()
    return item_id
