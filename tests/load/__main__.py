"""`make bench`: every row, a table and a JSON file; exit 1 when a promise is not kept."""

import argparse
import asyncio
import importlib
import json
import os
import pkgutil
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import rows
from .bench import Bench, scratch
from .frame import PROGRAMS, Outcome, Row

VERSIONS = ("uvicorn", "fastapi", "sqlalchemy", "asyncpg", "nats-py", "pydantic")


def main() -> int:
    chosen = arguments()
    every = [one for one in all_rows() if not chosen.rows or one.number in chosen.rows]
    console = Console(highlight=False)
    if chosen.list:
        for one in every:
            console.print(f"{one.number:>3}  {one.title}  about {one.seconds} s")
        return 0
    console.print(f"About {sum(one.seconds for one in every) / 60:.0f} minutes.")
    done, skipped, broken = asyncio.run(measure(every, chosen.rounds, chosen.seconds, console))
    show(console, done, skipped, broken)
    path = chosen.json or Path(".onenet/bench") / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    write(path, done, skipped, broken)
    console.print(f"Written: {path}")
    return 0 if all(one.met for _, one in done) and not broken else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", type=lambda text: [int(n) for n in text.split(",") if n])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def all_rows() -> list[Row]:
    found: list[Row] = []
    for one in pkgutil.iter_modules(rows.__path__):
        found += importlib.import_module(f"{rows.__name__}.{one.name}").ROWS
    return sorted(found, key=lambda row: row.number)


async def measure(every: list[Row], rounds: int, seconds: float, console: Console):
    """One row after another; a row that fails does not stop the rest."""
    done: list[tuple[int, Outcome]] = []
    skipped, broken = dict[str, str](), dict[str, str]()
    for row in every:
        missing = [one for one in row.needs if shutil.which(one) is None]
        if missing:
            wanted = " ".join(PROGRAMS[one] for one in missing)
            skipped[row.title] = f"needs {', '.join(missing)}: apt-get install {wanted}"
            continue
        console.print(f"[bold]{row.number} {row.title}[/] …")
        began = time.monotonic()
        with scratch() as folder:
            try:
                outcomes = await row.measure(Bench(folder, rounds, seconds))
            except Exception as error:
                broken[row.title] = f"{type(error).__name__}: {error}"
                console.print(f"  [red]{broken[row.title]}[/]")
                continue
        done += [(row.number, one) for one in outcomes]
        console.print(f"  {time.monotonic() - began:.0f} s")
    return done, skipped, broken


def show(console: Console, done, skipped, broken) -> None:
    table = Table("#", "What", "Unit", "Ours", "Baseline", "Ratio", "Promise", "", box=None)
    for number, one in done:
        mark = "[green]kept[/]" if one.met else "[red]missed[/]"
        baseline = f"{one.baseline:,.6g}" if one.baseline is not None else ""
        ratio = f"{one.ratio:.3g}" if one.ratio is not None else ""
        figures = (f"{one.ours:,.6g}", baseline, ratio)
        table.add_row(str(number), one.title, one.unit, *figures, one.bound, f"{mark} {one.notes}")
    console.print(table)
    for name, reason in skipped.items():
        console.print(f"Not measured: {name} {reason}")
    for name, reason in broken.items():
        console.print(f"[red]Failed: {name}: {reason}[/]")


def write(path: Path, done, skipped, broken) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    facts = {
        "at": datetime.now(UTC).isoformat(),
        "commit": commit.stdout.strip() or None,
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in VERSIONS},
    }
    outcomes = [{"number": number, **asdict(one)} for number, one in done]
    content = {**facts, "rows": outcomes, "skipped": skipped, "failed": broken}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
