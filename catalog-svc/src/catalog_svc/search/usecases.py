"""Keep the index in step: called by whoever changes an item, in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import cast, delete
from sqlalchemy.dialects.postgresql import TSVECTOR, insert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.search import tokens
from catalog_svc.search.models import SearchEntry


@dataclass(frozen=True)
class Entry:
    """`standing` sorts equals: what is open for application comes first."""

    item_id: UUID
    title: str
    body: str
    filters: Sequence[str]
    standing: int


async def index_entries(session: AsyncSession, entries: Sequence[Entry]) -> None:
    """Write or rewrite these rows of the index."""
    if not entries:
        return
    statement = insert(SearchEntry).values([_row(entry) for entry in entries])
    fresh = {
        name: statement.excluded[name]
        for name in ("title", "standing", "title_tsv", "body_tsv", "pairs_tsv")
    }
    await session.execute(statement.on_conflict_do_update(index_elements=["item_id"], set_=fresh))


async def forget_entry(session: AsyncSession, item_id: UUID) -> None:
    await session.execute(delete(SearchEntry).where(SearchEntry.item_id == item_id))


def vectors(entry: Entry) -> dict[str, str]:
    """The words of the three columns as tsvector literals."""
    title_words = tokens.with_aliases(entry.title)
    spelled = [f"p:{text}" for text in tokens.pinyin(entry.title)]
    body_words = tokens.with_aliases(entry.body)
    return {
        "title_tsv": tokens.vector([*title_words, *spelled, *entry.filters]),
        "body_tsv": tokens.vector([*title_words, *body_words, *entry.filters]),
        "pairs_tsv": tokens.vector([*tokens.pairs(entry.title), *entry.filters]),
    }


def _row(entry: Entry) -> dict[str, object]:
    return {
        "item_id": entry.item_id,
        "title": "".join(tokens.runs(entry.title)),
        "standing": entry.standing,
        **{name: cast(text, TSVECTOR) for name, text in vectors(entry).items()},
    }
