"""One metadata for all tables of the case service."""

from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import inspect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.instrumentation import ClassManager

from chassis.db import new_base

_Row = TypeVar("_Row", bound=DeclarativeBase)


class Base(DeclarativeBase):
    metadata = new_base().metadata


@cache
def _manager(kind: type[DeclarativeBase]) -> ClassManager[Any]:
    return inspect(kind).class_manager


def new_row(kind: type[_Row], /, **values: Any) -> _Row:
    """As the class makes it, but without an event for each attribute: nobody listens to them."""
    row: Any = _manager(kind).new_instance()
    vars(row).update(values)
    made: _Row = row
    return made


@cache
def _shown(kind: type[_Row]) -> type[_Row]:
    own = {name: one for name, one in vars(kind).items() if isinstance(one, property)}
    shown: Any = type(f"Shown{kind.__name__}", (), own)
    return cast("type[_Row]", shown)


def shown_row(kind: type[_Row], values: dict[str, Any], /) -> _Row:
    """A row to be read only: its columns and properties, without what the ORM does for each."""
    row: _Row = object.__new__(_shown(kind))
    row.__dict__ = values
    return row
