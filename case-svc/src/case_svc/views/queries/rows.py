"""Rows of a view are NamedTuples whose fields are named as the columns they come from."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Bundle, InstrumentedAttribute

from case_svc.tables import Base

R = TypeVar("R")


def columns_of(row: type[tuple[Any, ...]], model: type[Base]) -> list[InstrumentedAttribute[Any]]:
    return [getattr(model, name) for name in row.__annotations__]


def bundle_of(row: type[tuple[Any, ...]], model: type[Base], name: str) -> Bundle[Any]:
    """The columns of one row among those of others in a statement."""
    return Bundle(name, *columns_of(row, model))


async def load_rows(
    session: AsyncSession, row: Callable[..., R], statement: Select[Any]
) -> list[R]:
    return [row(*values) for values in await session.execute(statement)]
