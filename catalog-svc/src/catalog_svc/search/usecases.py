"""Keep the index in step with the items, in the transaction that changes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import cast, delete
from sqlalchemy.dialects.postgresql import TSVECTOR, insert

from catalog_svc.search.models import SearchEntry
from catalog_svc.search.rules import tokens
from chassis.database.sessions import WriteSession


@dataclass(frozen=True)
class Entry:
    """What the index holds of one item; `rank` orders entries that match equally well."""

    item_id: UUID
    title: str
    body: str
    filters: Sequence[str]
    rank: int


async def index_entries(session: WriteSession, entries: Sequence[Entry]) -> None:
    """Insert these entries, or replace them where they exist."""
    if not entries:
        return
    rows = [
        {
            "item_id": entry.item_id,
            "title": "".join(tokens.runs(entry.title)),
            "rank": entry.rank,
            **{name: cast(text, TSVECTOR) for name, text in vectors(entry).items()},
        }
        for entry in entries
    ]
    statement = insert(SearchEntry).values(rows)
    replaced = {name: statement.excluded[name] for name in rows[0] if name != "item_id"}
    await session.execute(
        statement.on_conflict_do_update(index_elements=["item_id"], set_=replaced)
    )


async def delete_entries(session: WriteSession, item_ids: Sequence[UUID]) -> None:
    if item_ids:
        await session.execute(delete(SearchEntry).where(SearchEntry.item_id.in_(item_ids)))


def vectors(entry: Entry) -> dict[str, str]:
    """The words of the three columns as tsvector literals."""
    title_words = tokens.with_aliases(entry.title)
    spellings = [f"p:{text}" for text in tokens.pinyin(entry.title)]
    body_words = tokens.with_aliases(entry.body)
    return {
        "title_tsv": tokens.vector([*title_words, *spellings, *entry.filters]),
        "body_tsv": tokens.vector([*title_words, *body_words, *entry.filters]),
        "pairs_tsv": tokens.vector([*tokens.pairs(entry.title), *entry.filters]),
    }
