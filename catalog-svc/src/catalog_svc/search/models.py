"""The search index: one row per public item, written in the transaction that changes the item."""

from uuid import UUID

from sqlalchemy import Index, SmallInteger, Text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from catalog_svc.tables import Base


class SearchEntry(Base):
    """Filter tokens (`R:511602000000`) are stored with the words, so one index serves both.

    `rank` orders results that match equally well: items open for application come first.
    """

    __tablename__ = "search_entry"

    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    rank: Mapped[int] = mapped_column(SmallInteger)
    title_tsv: Mapped[str] = mapped_column(TSVECTOR)
    body_tsv: Mapped[str] = mapped_column(TSVECTOR)
    pairs_tsv: Mapped[str] = mapped_column(TSVECTOR)

    __table_args__ = (
        Index("ix_search_entry_title", "title_tsv", postgresql_using="gin"),
        Index("ix_search_entry_body", "body_tsv", postgresql_using="gin"),
        Index("ix_search_entry_pairs", "pairs_tsv", postgresql_using="gin"),
        Index("ix_search_entry_rank", rank.desc(), "item_id"),
    )
