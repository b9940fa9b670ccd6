"""Find items in three stages, each a bounded index read: title words, all words, substrings.

A page is filled from the best stage that still has rows; the cursor holds stage, score and item.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, cast, false, func, not_, or_, select
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.search.models import SearchEntry
from catalog_svc.search.rules import tokens
from chassis.pagination import (
    COUNT_LIMIT,
    BadCursor,
    Key,
    PageRequest,
    Window,
    decode_cursor,
    encode_cursor,
    paginate,
)

# A common word matches thousands of items; nobody reads past the first few hundred.
CANDIDATES: Final = 500
_LONGEST_TITLE: Final = 200
_STAGES: Final = 3


@dataclass(frozen=True)
class Search:
    """What to look for; an item must carry every token in `filters`."""

    text: str | None
    filters: Sequence[str]


class Match(NamedTuple):
    stage: int
    score: int
    item_id: UUID


async def find(session: AsyncSession, search: Search, page: PageRequest) -> Window:
    """Ids of the matching items: the best match first, or by rank when no words are given."""
    text = (search.text or "").strip()
    if text:
        return await find_by_words(session, text, search.filters, page)
    statement = select(SearchEntry.item_id)
    if search.filters:
        statement = statement.where(_contains(SearchEntry.title_tsv, search.filters))
    keys: list[Key] = [(SearchEntry.rank, "desc"), (SearchEntry.item_id, "asc")]
    return await paginate(session, statement, keys, page)


async def find_by_words(
    session: AsyncSession, text: str, filters: Sequence[str], page: PageRequest
) -> Window:
    stages = _stages(text, filters)
    last = _last_match(page.after)
    matches: list[Match] = []
    for number in range(last.stage if last else 0, len(stages)):
        after = last if last and last.stage == number else None
        statement = _ranked(text, stages[: number + 1], after)
        rows = await session.execute(statement.limit(page.limit + 1 - len(matches)))
        matches += [Match(number, score, item_id) for item_id, score in rows]
        if len(matches) > page.limit:
            break
    cursor = encode_cursor(matches[page.limit - 1]) if len(matches) > page.limit else None
    count = None
    if page.count:
        counted = (
            select(SearchEntry.item_id).where(or_(false(), *stages)).limit(COUNT_LIMIT).subquery()
        )
        count = await session.scalar(select(func.count()).select_from(counted))
    return Window([match.item_id for match in matches[: page.limit]], cursor, count)


def _stages(text: str, filters: Sequence[str]) -> list[ColumnElement[bool]]:
    """The condition of each stage; a text without any word matches nothing."""
    runs = tokens.runs(text)
    if not runs:
        return []
    words = [
        # A Latin word may also be the beginning of pinyin or of initials.
        tokens.lexeme(word)
        if tokens.is_chinese(word)
        else f"{tokens.lexeme(word)} | {tokens.lexeme('p:' + word)}:*"
        for word in tokens.query_words(text)
    ]
    pairs = [tokens.lexeme(pair) for run in runs for pair in tokens.query_pairs(run)]
    return [
        _contains(SearchEntry.title_tsv, filters, words),
        _contains(SearchEntry.body_tsv, filters, words),
        and_(
            _contains(SearchEntry.pairs_tsv, filters, pairs),
            *(func.strpos(SearchEntry.title, run) > 0 for run in runs),
        ),
    ]


def _contains(
    column: Any, filters: Sequence[str], terms: Sequence[str] = ()
) -> ColumnElement[bool]:
    """Whether a tsvector has all filter tokens and satisfies all terms of a tsquery."""
    query = tokens.all_of([*terms, *map(tokens.lexeme, filters)])
    condition: ColumnElement[bool] = column.bool_op("@@")(cast(query, TSQUERY))
    return condition


def _ranked(
    text: str, stages: Sequence[ColumnElement[bool]], after: Match | None
) -> Select[UUID, int]:
    """Items of the last of these stages that no earlier stage has, best score first.

    The score: the whole title, then its beginning, then anywhere in it; then the rank; then the
    shorter title.
    """
    *earlier, own = stages
    candidates = (
        select(SearchEntry.item_id, SearchEntry.title, SearchEntry.rank)
        .where(own, *(not_(stage) for stage in earlier))
        .limit(CANDIDATES)
        .subquery()
    )
    title, words = candidates.c.title, "".join(tokens.runs(text))
    closeness = case(
        (title == words, 4000),
        (func.starts_with(title, words), 2000),
        (func.strpos(title, words) > 0, 1000),
        else_=0,
    )
    length = func.least(func.char_length(title), _LONGEST_TITLE)
    score = (closeness + candidates.c.rank * 300 - length).label("score")
    scored = select(candidates.c.item_id, score).subquery()
    statement = select(scored.c.item_id, scored.c.score)
    if after is not None:
        tied = and_(scored.c.score == after.score, scored.c.item_id > after.item_id)
        statement = statement.where(or_(scored.c.score < after.score, tied))
    return statement.order_by(scored.c.score.desc(), scored.c.item_id)


def _last_match(after: str | None) -> Match | None:
    if after is None:
        return None
    match = Match(*decode_cursor(after, (int, int, UUID)))
    if match.stage not in range(_STAGES):
        raise BadCursor
    return match
