"""What one request costs a reader and the database: files and functions run through, statements."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

# How a test's sessions begin and end on its one connection.
_A_TESTS_OWN = ("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL transaction_read_only")
OURS = ("chassis", "gateway", "catalog_svc", "case_svc", "identity_svc", "exchange_svc")


@dataclass
class Journey:
    """Functions of ours that ran, by file; comprehensions belong to their function."""

    functions: set[tuple[str, str]] = field(default_factory=set)

    @property
    def files(self) -> set[str]:
        return {file for file, _ in self.functions}


@contextmanager
def journey() -> Iterator[Journey]:
    """Note each function of ours that is called in this thread meanwhile."""
    travelled = Journey()

    def note(frame: FrameType, what: str, _: Any) -> None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if what == "call" and package in OURS:
            name = frame.f_code.co_qualname
            if "testing" not in frame.f_code.co_filename and not name.endswith(">"):
                travelled.functions.add((frame.f_code.co_filename, name))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield travelled
    finally:
        sys.setprofile(before)


@contextmanager
def statements(engine: AsyncEngine) -> Iterator[list[str]]:
    """The SQL sent meanwhile; BEGIN, COMMIT and savepoints do not count."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(_A_TESTS_OWN):
            sent.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)
