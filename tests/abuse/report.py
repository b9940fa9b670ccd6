"""What came of it: a line per role, the findings with their curl, and what was never reached."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

LONGEST = 1500


def line(tally: dict[str, Any]) -> str:
    phases = ", ".join(f"{count} {name}" for name, count in tally["phases"].items())
    return (
        f"{tally['role']}: {tally['requests']} requests ({phases}),"
        f" {len(tally['findings'])} findings"
    )


def unfinished(role: str, seed: int, why: str) -> dict[str, Any]:
    return {
        "role": role,
        "seed": seed,
        "requests": 0,
        "answers": {},
        "phases": {},
        "findings": [],
        "troubles": [f"the run broke off: {why}"],
    }


def show(tallies: list[dict[str, Any]]) -> int:
    console = Console(highlight=False, width=160)
    table = Table("Role", "Requests", "Operations", "with 2xx", "2xx", "4xx", "5xx", "Findings")
    for one in tallies:
        answers = {name: _by_class(counted) for name, counted in one["answers"].items()}
        total = sum(answers.values(), Counter())
        table.add_row(
            one["role"],
            str(one["requests"]),
            str(len(answers)),
            str(sum(counted["2xx"] > 0 for counted in answers.values())),
            *(str(total[name]) for name in ("2xx", "4xx", "5xx")),
            str(len(one["findings"])),
        )
    console.print(table)
    _findings(console, tallies)
    _never(console, tallies)
    broken = any(one["findings"] or one["troubles"] for one in tallies)
    total = sum(one["requests"] for one in tallies)
    console.print(f"{total} requests, {sum(len(one['findings']) for one in tallies)} findings")
    return 1 if broken else 0


def _findings(console: Console, tallies: list[dict[str, Any]]) -> None:
    """Once each, with the roles that met it."""
    roles: dict[tuple[str, str], list[str]] = {}
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for tally in tallies:
        for one in tally["findings"]:
            key = (one["operation"], f"{one['title']} {one['message']}"[:80])
            roles.setdefault(key, []).append(tally["role"])
            first.setdefault(key, one)
        for trouble in tally["troubles"]:
            console.print(f"[red]{tally['role']}[/]: {trouble}", markup=True)
    for key, one in sorted(first.items()):
        console.print(f"\n{one['operation']} ({', '.join(roles[key])})", style="bold")
        told = " ".join(one["message"].split())
        console.print(f"  {one['title']}: {told}", markup=False, soft_wrap=True)
        console.print(f"  {one['curl'][:LONGEST]}", markup=False, soft_wrap=True)


def _never(console: Console, tallies: list[dict[str, Any]]) -> None:
    """2xx share of each operation over all roles; those that never answered 2xx by name."""
    every: dict[str, Counter[str]] = {}
    for tally in tallies:
        for name, counted in tally["answers"].items():
            every.setdefault(name, Counter()).update(_by_class(counted))
    console.print("\n2xx share by operation, all roles:")
    for name, counted in sorted(every.items()):
        share = counted["2xx"] / max(1, counted.total())
        console.print(f"  {share:6.1%} of {counted.total():>5}  {name}")
    never = [name for name, counted in sorted(every.items()) if not counted["2xx"]]
    console.print(f"\nNever answered 2xx for any role ({len(never)}):")
    for name in never:
        console.print(f"  {name}")


def _by_class(counted: dict[str, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for status, times in counted.items():
        # A redirect is what sign-in promises, and 304 what a reader who holds the answer wants.
        kind = 2 if int(status) // 100 == 3 else int(status) // 100
        found[f"{kind}xx"] += times
    return found
