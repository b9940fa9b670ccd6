"""One metadata for all tables of the case service."""

from sqlalchemy.orm import DeclarativeBase

from chassis.database.engine import new_base


class Base(DeclarativeBase):
    metadata = new_base().metadata
