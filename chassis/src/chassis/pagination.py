"""Keyset pages: an opaque cursor holds the sort values of the last row; no offsets, no totals."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import to_json
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import FieldError, Invalid

T = TypeVar("T")
Key = tuple[Any, Literal["asc", "desc"]]
COUNT_LIMIT = 10_000


def _is_none(value: Any) -> bool:
    return value is None


class Page(BaseModel, Generic[T]):
    """`count` stands in the answer only when it was asked for."""

    model_config = ConfigDict(json_schema_extra={"required": ["data", "next"]})

    data: list[T]
    next: str | None
    count: int | None = Field(default=None, exclude_if=_is_none)
    count_is_exact: bool | None = Field(default=None, exclude_if=_is_none)


@dataclass(frozen=True)
class PageRequest:
    limit: int
    after: str | None
    count: bool


async def _page_request(
    limit: Annotated[int, Query(ge=1, le=100, description="Rows per page")] = 20,
    after: Annotated[
        str | None, Query(max_length=2000, description="Cursor of the page before")
    ] = None,
    count: Annotated[bool, Query(description="Count the rows, up to 10,000 exactly")] = False,
) -> PageRequest:
    return PageRequest(limit, after, count)


PageQuery = Annotated[PageRequest, Depends(_page_request)]


@dataclass(frozen=True)
class Window:
    """`rows` as SQLAlchemy gives them, `next` the cursor or none.

    Single entities are unwrapped, several stand as tuples.
    """

    rows: Sequence[Any]
    next: str | None
    count: int | None = None


class BadCursor(Invalid):
    slug = "bad-cursor"
    zh = "翻页标记无效。请从第一页重新开始。"
    en = "The cursor is not valid. Start again from the first page."

    def __init__(self) -> None:
        super().__init__([FieldError("/query/after", "cursor", "翻页标记无效", "not a cursor")])


async def paginate(
    session: AsyncSession,
    statement: Select[*tuple[Any, ...]],
    keys: Sequence[Key],
    page: PageRequest,
) -> Window:
    """One page of `statement` ordered by `keys`; the last key must be unique."""
    total = await _count(session, statement) if page.count else None
    columns = [column for column, _ in keys]
    ordered = statement.order_by(*(c.asc() if way == "asc" else c.desc() for c, way in keys))
    if page.after is not None:
        values = decode_cursor(page.after, [column.type.python_type for column in columns])
        ordered = ordered.where(_beyond(keys, values))
    entities = len(statement.column_descriptions)
    fetched = (await session.execute(ordered.add_columns(*columns).limit(page.limit + 1))).all()
    rows = fetched[: page.limit]
    cursor = encode_cursor(rows[-1][entities:]) if len(fetched) > page.limit else None
    bare = [row[0] if entities == 1 else row[:entities] for row in rows]
    return Window(bare, cursor, total)


def after_of(page: PageRequest, kinds: Sequence[Any]) -> list[Any] | None:
    """The values of the page's cursor, which must be of these types; None for the first page."""
    return None if page.after is None else decode_cursor(page.after, kinds)


def page_of(window: Window, data: list[T]) -> Page[T]:
    return Page[T](data=data, next=window.next, **_counted(window))


def _counted(window: Window) -> dict[str, Any]:
    if window.count is None:
        return {}
    return {"count": window.count, "count_is_exact": window.count < COUNT_LIMIT}


def encode_cursor(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(to_json(tuple(values))).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: Sequence[Any]) -> list[Any]:
    """The values in a cursor; raises BadCursor unless they are of these types."""
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        return list(_reader(tuple(kinds)).validate_json(text, strict=True))
    except ValueError as error:
        raise BadCursor from error


@lru_cache
def _reader(kinds: tuple[Any, ...]) -> TypeAdapter[tuple[Any, ...]]:
    return TypeAdapter(tuple[kinds])  # type: ignore[valid-type]  # known only at run time


async def _count(session: AsyncSession, statement: Select[Any]) -> int:
    inner = statement.order_by(None).limit(COUNT_LIMIT).subquery()
    return int((await session.execute(select(func.count()).select_from(inner))).scalar_one())


def _beyond(keys: Sequence[Key], values: Sequence[Any]) -> ColumnElement[bool]:
    """Rows after the cursor in a mixed order: (a > x) or (a = x and b < y) or …"""
    branches = []
    for place, ((column, way), value) in enumerate(zip(keys, values, strict=True)):
        equal = [k == v for (k, _), v in zip(keys[:place], values[:place], strict=True)]
        branches.append(and_(*equal, column > value if way == "asc" else column < value))
    return or_(*branches)
