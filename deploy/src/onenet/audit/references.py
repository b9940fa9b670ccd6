"""References between services: each pair of questions gives two ordered columns to compare."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

PAGE: Final = 5_000
MOST: Final = 10_000


@dataclass(frozen=True)
class Reference:
    """Every key of `told` must be one of `known`; with `both` also the other way round.

    A question selects one text column named `key`.
    """

    name: str
    told_by: str
    told: str
    known_by: str
    known: str
    both: bool = False


def _versions(table: str, entity: str, version: str = "version") -> str:
    """Question for each row's identity together with its version."""
    key = f"{entity}::text || ' version ' || {version}"
    return f"SELECT DISTINCT {key} AS key FROM {table}"  # noqa: S608 - names of our own tables


def _copy(reader: str, table: str, entity: str, *, of: tuple[str, str, str]) -> Reference:
    """A copy of another service's table: the same entities at the same versions."""
    owner, original, owners_entity = of
    return Reference(
        f"copy of {original} in {reader}",
        *(reader, _versions(table, entity)),
        *(owner, _versions(original, owners_entity)),
        both=True,
    )


_PERSON: Final = ("identity", "person", "id")
_COMPANY: Final = ("identity", "company", "id")
_MANDATE: Final = ("identity", "mandate", "id")
_DEPARTMENT: Final = ("identity", "department", "code")

REFERENCES: Final = (
    Reference(
        "applicants of cases are known persons",
        *("case", "SELECT DISTINCT person_id::text AS key FROM case_file"),
        *("identity", "SELECT id::text AS key FROM person"),
    ),
    Reference(
        "companies of cases are known companies",
        "case",
        "SELECT DISTINCT company_id::text AS key FROM case_file WHERE company_id IS NOT NULL",
        *("identity", "SELECT id::text AS key FROM company"),
    ),
    Reference(
        "guides of cases are published versions",
        *("case", _versions("case_file", "item_id", "item_version") + " WHERE case_no > ''"),
        *("catalog", _versions("item_version", "item_id")),
    ),
    Reference(
        "holders of tasks are known officers",
        "case",
        "SELECT DISTINCT holder_id::text AS key FROM case_task WHERE holder_id IS NOT NULL",
        *("identity", "SELECT id::text AS key FROM staff"),
    ),
    Reference(
        "certificates named in cases are issued",
        *("case", "SELECT code || ' of ' || case_id AS key FROM case_certificate"),
        *("exchange", "SELECT code || ' of ' || case_id AS key FROM certificate"),
    ),
    Reference(
        "certificates belong to granted cases",
        *("exchange", "SELECT DISTINCT case_id::text AS key FROM certificate"),
        *("case", "SELECT case_id::text AS key FROM case_file WHERE outcome = 'granted'"),
    ),
    Reference(
        "claims belong to materials of cases",
        *("exchange", "SELECT claim_id::text AS key FROM claim"),
        *("case", "SELECT claim_id::text AS key FROM case_material WHERE claim_id IS NOT NULL"),
    ),
    Reference(
        "copy of cases in exchange",
        *("exchange", "SELECT case_id::text AS key FROM case_link"),
        *("case", "SELECT case_id::text AS key FROM case_file WHERE case_no IS NOT NULL"),
        both=True,
    ),
    _copy("case", "person", "person_id", of=_PERSON),
    _copy("exchange", "person_copy", "person_id", of=_PERSON),
    _copy("case", "company", "company_id", of=_COMPANY),
    _copy("exchange", "company_copy", "company_id", of=_COMPANY),
    _copy("case", "mandate", "mandate_id", of=_MANDATE),
    _copy("case", "staff_member", "staff_id", of=("identity", "staff", "id")),
    _copy("case", "department", "department_code", of=_DEPARTMENT),
    _copy("catalog", "department_copy", "department_code", of=_DEPARTMENT),
    _copy("catalog", "region_copy", "region_code", of=("identity", "region", "code")),
    Reference(
        "copy of item in case",
        *("case", _versions("item", "item_id", "revision")),
        *("catalog", _versions("item", "item_id", "revision") + " WHERE revision > 0"),
        both=True,
    ),
)


@dataclass(frozen=True)
class Difference:
    """Keys that are missing on the other side, or not copied; at most `MOST` of them."""

    compared: int
    keys: frozenset[str]


async def compare(
    told: "asyncpg.Connection", known: "asyncpg.Connection", of: Reference
) -> Difference:
    """Walk both columns in order, so that memory does not grow with the tables."""
    compared, keys = 0, set[str]()
    # Closed here, because a generator that is not read to its end would keep its transaction open.
    async with (
        aclosing(_ordered(told, of.told)) as ours,
        aclosing(_ordered(known, of.known)) as theirs,
    ):
        key, other = await anext(ours, None), await anext(theirs, None)
        while (key is not None or (of.both and other is not None)) and len(keys) < MOST:
            if key == other:
                compared += 1
                key, other = await anext(ours, None), await anext(theirs, None)
            elif key is None or (other is not None and other < key):
                keys |= {f"not copied: {other}"} if of.both else set()
                other = await anext(theirs, None)
            else:
                keys.add(key)
                key = await anext(ours, None)
    return Difference(compared, frozenset(keys))


async def _ordered(connection: "asyncpg.Connection", question: str) -> AsyncGenerator[str, None]:
    """The column's texts in code point order, a page at a time."""
    async with connection.transaction(readonly=True):
        cursor: Any = connection.cursor(
            f'SELECT key FROM ({question}) asked ORDER BY key COLLATE "C"',  # noqa: S608 - fixed texts
            prefetch=PAGE,
        )
        async for row in cursor:
            yield row["key"]
