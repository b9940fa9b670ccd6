"""One metadata for all tables of the case service."""

from typing import Any, TypeVar

from sqlalchemy import inspect
from sqlalchemy.orm import DeclarativeBase

from chassis.db import new_base

_Row = TypeVar("_Row", bound=DeclarativeBase)


class Base(DeclarativeBase):
    metadata = new_base().metadata


def new_row(kind: type[_Row], /, **values: Any) -> _Row:
    """As the class makes it, but without an event for each attribute: nobody listens to them."""
    row: Any = inspect(kind).class_manager.new_instance()
    vars(row).update(values)
    made: _Row = row
    return made
