"""Find items in three stages, each a bounded index read: title words, all words, odd substrings.

A page is filled from the best stage that still has rows; the cursor remembers stage, score, row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, cast, false, func, not_, or_, select
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.search import tokens
from catalog_svc.search.models import SearchEntry
from chassis.pagination import (
    COUNT_LIMIT,
    BadCursor,
    PageRequest,
    Window,
    decode_cursor,
    encode_cursor,
    paginate,
)

# A common word matches thousands; nobody reads past the first hundreds (targets, section F).
CANDIDATES: Final = 500
_LONGEST_TITLE: Final = 200


@dataclass(frozen=True)
class Search:
    """What to look for; `filters` are tokens that must all stand in the index row."""

    text: str | None
    filters: Sequence[str]


async def find(session: AsyncSession, search: Search, page: PageRequest) -> Window:
    """Ids of matching items: best match first, or by standing when no words are given."""
    if search.text is None or not search.text.strip():
        return await _listed(session, search.filters, page)
    return await _matching(session, search, page)


async def _listed(session: AsyncSession, filters: Sequence[str], page: PageRequest) -> Window:
    statement = select(SearchEntry.item_id)
    if filters:
        statement = statement.where(_holds(SearchEntry.title_tsv, _quoted(filters)))
    keys: list[Any] = [(SearchEntry.standing, "desc"), (SearchEntry.item_id, "asc")]
    return await paginate(session, statement, keys, page)


async def _matching(session: AsyncSession, search: Search, page: PageRequest) -> Window:
    stages = _stages(search)
    first, score, item_id = _position(page.after)
    found: list[tuple[int, int, UUID]] = []
    for stage in range(first, len(stages)):
        beyond = (score, item_id) if stage == first and item_id is not None else None
        wanted = page.limit + 1 - len(found)
        rows = await _stage_rows(session, search, stages[: stage + 1], beyond, wanted)
        found += [(stage, row.score, row.item_id) for row in rows]
        if len(found) > page.limit:
            break
    rows_of_page = found[: page.limit]
    cursor = encode_cursor(rows_of_page[-1]) if len(found) > page.limit else None
    count = await _count(session, stages) if page.count else None
    return Window([row[2] for row in rows_of_page], cursor, count)


async def _stage_rows(
    session: AsyncSession,
    search: Search,
    stages: Sequence[ColumnElement[bool]],
    beyond: tuple[int, UUID] | None,
    wanted: int,
) -> Sequence[Any]:
    *better, own = stages
    candidates = (
        select(SearchEntry.item_id, SearchEntry.title, SearchEntry.standing)
        .where(own, *(not_(stage) for stage in better))
        .limit(CANDIDATES)
        .subquery()
    )
    scored = select(
        candidates.c.item_id, _score(candidates, "".join(tokens.runs(search.text or "")))
    ).subquery()
    statement = select(scored.c.item_id, scored.c.score)
    if beyond is not None:
        score, item_id = beyond
        later = and_(scored.c.score == score, scored.c.item_id > item_id)
        statement = statement.where(or_(scored.c.score < score, later))
    ordered = statement.order_by(scored.c.score.desc(), scored.c.item_id).limit(wanted)
    return (await session.execute(ordered)).all()


def _score(candidates: Any, asked: str) -> ColumnElement[int]:
    """The whole title, then its beginning, then anywhere; then standing; then the shorter title."""
    title = candidates.c.title
    closeness = case(
        (title == asked, 4000),
        (func.starts_with(title, asked), 2000),
        (func.strpos(title, asked) > 0, 1000),
        else_=0,
    )
    length = func.least(func.char_length(title), _LONGEST_TITLE)
    score: ColumnElement[int] = closeness + candidates.c.standing * 300 - length
    return score.label("score")


def _stages(search: Search) -> list[ColumnElement[bool]]:
    text = search.text or ""
    words = [_word(word) for word in tokens.asked(text)]
    runs = tokens.runs(text)
    if not words:
        return [false()]
    filters = _quoted(search.filters)
    pairs = [tokens.lexeme(pair) for run in runs for pair in tokens.pairs_asked(run)]
    return [
        _holds(SearchEntry.title_tsv, [*words, *filters]),
        _holds(SearchEntry.body_tsv, [*words, *filters]),
        and_(
            _holds(SearchEntry.pairs_tsv, [*pairs, *filters]),
            *(func.strpos(SearchEntry.title, run) > 0 for run in runs),
        ),
    ]


def _word(word: str) -> str:
    """A Latin word may also be the beginning of somebody's pinyin or initials."""
    if tokens.is_chinese(word):
        return tokens.lexeme(word)
    return f"{tokens.lexeme(word)} | {tokens.lexeme('p:' + word)}:*"


def _quoted(filters: Sequence[str]) -> list[str]:
    return [tokens.lexeme(token) for token in filters]


def _holds(column: Any, parts: Sequence[str]) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = column.bool_op("@@")(cast(tokens.every(parts), TSQUERY))
    return condition


def _position(after: str | None) -> tuple[int, int, UUID | None]:
    if after is None:
        return 0, 0, None
    stage, score, item_id = decode_cursor(after, 3)
    good = isinstance(stage, int) and isinstance(score, int) and isinstance(item_id, UUID)
    if not good or not 0 <= stage <= len(SearchEntry.__table__.c):
        raise BadCursor
    return stage, score, item_id


async def _count(session: AsyncSession, stages: Sequence[ColumnElement[bool]]) -> int:
    matching = select(SearchEntry.item_id).where(or_(*stages)).limit(COUNT_LIMIT).subquery()
    return int((await session.execute(select(func.count()).select_from(matching))).scalar_one())
