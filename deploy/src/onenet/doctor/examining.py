"""All examinations of one platform, told as a table or as JSON."""

import asyncio
import json
from collections import Counter
from dataclasses import asdict
from typing import Final

from rich.table import Table

from onenet.doctor import bus, databases, front
from onenet.doctor.findings import Examination, Finding, State
from onenet.failures import Unexpected
from onenet.places import Places
from onenet.telling import Teller

EXAMINATIONS: Final[tuple[Examination, ...]] = (
    front.examine_gateway,
    databases.examine,
    bus.examine,
    front.examine_calendar,
)
_COLOURS: Final = {State.GOOD: "green", State.NOTICE: "yellow", State.WRONG: "red"}


def examine(teller: Teller, places: Places, *, as_json: bool) -> None:
    """Raises Unexpected when something is wrong; a notice alone is no failure."""
    found = asyncio.run(findings_of(places))
    if as_json:
        print(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1))
    else:
        _tell(teller, found)
    if any(one.state is State.WRONG for one in found):
        raise Unexpected("Something is wrong: see above.")


async def findings_of(places: Places) -> list[Finding]:
    """One after another: an examination must not weigh on a platform that is in trouble."""
    found: list[Finding] = []
    for examination in EXAMINATIONS:
        found += await examination(places)
    return found


def _tell(teller: Teller, found: list[Finding]) -> None:
    table = Table("", "Part", "What", "Found", box=None)
    for one in found:
        colour = _COLOURS[one.state]
        table.add_row(f"[{colour}]{one.state}[/]", one.part, one.what, one.found)
    teller.console.print(table)
    for one in found:
        if one.do:
            teller.say(f"{one.part}, {one.what}: {one.found}. {one.do}")
    counts = Counter(one.state for one in found)
    teller.say(", ".join(f"{counts[state]} {state}" for state in State))
