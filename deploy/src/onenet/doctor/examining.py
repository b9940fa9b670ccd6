"""All examinations of a platform, printed as a table or as JSON."""

import asyncio
import json
from collections import Counter
from dataclasses import asdict
from typing import Final

from rich.table import Table

from onenet.console import Reporter
from onenet.doctor import bus, databases, front
from onenet.doctor.findings import Examination, Finding, State
from onenet.endpoints import Endpoints
from onenet.failures import Unexpected

EXAMINATIONS: Final[tuple[Examination, ...]] = (
    front.examine_gateway,
    databases.examine,
    bus.examine,
    front.examine_calendar,
)
_COLOURS: Final = {State.GOOD: "green", State.NOTICE: "yellow", State.WRONG: "red"}


def examine(reporter: Reporter, endpoints: Endpoints, *, as_json: bool) -> None:
    """Raises Unexpected when something is wrong; a notice alone is no failure."""
    found = asyncio.run(findings_of(endpoints))
    if as_json:
        print(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1))
    else:
        print_findings(reporter, found)
    if any(one.state is State.WRONG for one in found):
        raise Unexpected("Something is wrong: see above.")


async def findings_of(endpoints: Endpoints) -> list[Finding]:
    """One after another, to put little load on a platform that may be in trouble."""
    found: list[Finding] = []
    for examination in EXAMINATIONS:
        found += await examination(endpoints)
    return found


def print_findings(reporter: Reporter, found: list[Finding]) -> None:
    table = Table("", "Part", "What", "Found", box=None)
    for one in found:
        colour = _COLOURS[one.state]
        table.add_row(f"[{colour}]{one.state}[/]", one.part, one.what, one.found)
    reporter.console.print(table)
    for one in found:
        if one.do:
            reporter.say(f"{one.part}, {one.what}: {one.found}. {one.do}")
    counts = Counter(one.state for one in found)
    reporter.say(", ".join(f"{counts[state]} {state}" for state in State))
