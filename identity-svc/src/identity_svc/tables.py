"""The declarative base of this service's tables, the chassis' own tables included."""

from sqlalchemy.orm import DeclarativeBase

from chassis.database.engine import new_base


class Base(DeclarativeBase):
    metadata = new_base().metadata
