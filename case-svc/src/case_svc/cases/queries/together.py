"""Reads that share a statement with what others read just now (decision 0026)."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Plain, driver, together
from chassis.pagination import COUNT_LIMIT, PageRequest, Window, encode_cursor

# Of the 64 that one statement may weigh: sixteen cases, sixteen pages.
_WEIGHT = 4
_PLACE = re.compile(r"\$(\d+)::(TIMESTAMP WITH(?:OUT)? TIME ZONE|\w+)")


async def read_together(session: AsyncSession, text: str, values: Sequence[Any]) -> Sequence[Any]:
    """The rows of a statement in plain SQL, found for all who ask the same with other values.

    Each place in it names its type, `$1::UUID`; a row has two more columns at its end.
    """
    return await together(session, _rows, (text, values), apart=text, weight=_WEIGHT)


async def _rows(database: Any, asked: Sequence[tuple[str, Sequence[Any]]]) -> Sequence[list[Any]]:
    columns = zip(*(values for _, values in asked), strict=True)
    answers: list[list[Any]] = [[] for _ in asked]
    for row in await database.fetch(_for_many(asked[0][0]), *map(list, columns)):
        answers[row[-1] - 1].append(row)
    return answers


@lru_cache(maxsize=4096)
def _for_many(text: str) -> str:
    """The statement once for each row of values; its rows keep their order and tell whose."""
    kinds = {int(place): kind for place, kind in _PLACE.findall(text)}
    # Without the SELECT PostgreSQL may plan it anew each time, as it knows how long the arrays are.
    given = ", ".join(f"(SELECT ${place}::{kinds[place]}[])" for place in sorted(kinds))
    names = ", ".join(f"value_{place}" for place in sorted(kinds))
    each = _PLACE.sub(r"asked.value_\1", text)
    one = f"SELECT *, row_number() OVER () AS place FROM ({each}) AS one"  # noqa: S608 - a kept statement
    return (
        "SELECT found.*, asked.number"  # noqa: S608 - a kept statement
        f" FROM unnest({given}) WITH ORDINALITY AS asked({names}, number)"
        f" CROSS JOIN LATERAL ({one}) AS found ORDER BY asked.number, found.place"
    )


async def read_page(
    session: AsyncSession,
    page: PageRequest,
    bounded: Callable[[int], Plain],
    keys: Sequence[str],
    **given: Any,
) -> Window:
    """A page of a kept statement that is ordered and bounded by itself, in plain SQL.

    `bounded` words it for so many rows, as a number: of a value PostgreSQL would not know how few
    they are, and sort them all. `given` are its bind parameters.
    """
    total = None
    if page.count:
        database, most = await driver(session), bounded(COUNT_LIMIT)
        counting = f"SELECT count(*) FROM ({most.text}) AS counted"  # noqa: S608 - a kept statement
        total = await database.fetchval(counting, *most.values(**given))
    found = bounded(page.limit + 1)
    rows = await read_together(session, found.text, found.values(**given))
    cursor = None
    if len(rows) > page.limit:
        cursor = encode_cursor([rows[page.limit - 1][key] for key in keys])
    return Window(rows[: page.limit], cursor, total)
