"""What a submission rests on, in one statement: the item, the applicant's files, the calendar."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.queries.calendar import NAME
from case_svc.items.errors import ItemNotFound
from case_svc.items.models import Item
from case_svc.tables import new_row
from chassis.auth import Actor
from chassis.clock import today
from chassis.idempotency import ground, ground_row

# How far ahead of its start a period may end: 45 working days and a year of special procedures.
YEARS_AHEAD = 3
_ITEM = [column.name for column in Item.__table__.columns]
_FIND = ground(
    f"""
SELECT {", ".join(_ITEM)},
  ({NAME.format(first="asked.first_year", last="asked.last_year")}) AS calendar, ARRAY(
  SELECT file_id FROM stored_file
  WHERE file_id = ANY(asked.files::uuid[]) AND uploader_id = asked.applicant) AS owned
FROM item WHERE item_id = asked.item""",  # noqa: S608 - built from our own models
    first_year="int",
    last_year="int",
    item="uuid",
    files="text",
    applicant="uuid",
)


@dataclass(frozen=True)
class Ground:
    """`owned`: which of the given files the applicant uploaded; `calendar`: name, first, last."""

    item: Item
    owned: Collection[UUID]
    calendar: tuple[str, int, int]


async def read_ground(
    session: AsyncSession, actor: Actor, item_id: UUID, files: Sequence[UUID]
) -> Ground:
    year = today().year
    years = (year, year + YEARS_AHEAD)
    wanted = f"{{{','.join(map(str, files))}}}"
    row = await ground_row(session, _FIND, *years, item_id, wanted, actor.id)
    if row is None:
        raise ItemNotFound(item_id=item_id)
    item = new_row(Item, **{name: row[name] for name in _ITEM})
    return Ground(item, row["owned"], (row["calendar"], *years))
