"""`make fuzz`: every role against the whole API; exit 1 when a promise is broken."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.stranger.journey import Network

from onenet.console import Reporter
from onenet.story.run import platform_of_its_own

from . import report
from .cast import HOME, ROLES, THIRD
from .hostile import hostile
from .world import World, prepare

SECONDS = 90
MOST = 100_000
UNLIMITED = ("READ_RATE", "WRITE_RATE", "ENTRY_RATE", "PROGRESS_RATE")
"""The limits are tested elsewhere; here they would hide what lies behind them."""


def main() -> int:
    chosen = arguments()
    if chosen.into:
        return one_role(chosen)
    print(f"Seed {chosen.seed}; again with: make fuzz SEED={chosen.seed}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onenet-fuzz-")))
        if chosen.at:
            base_url, samples = chosen.at, chosen.samples
        else:
            os.environ.update({f"ONENET_{name}": "0" for name in UNLIMITED})
            base_url, samples = stack.enter_context(platform_of_its_own(Reporter()))
        tallies = [
            in_own_process(chosen, role, base_url, samples, folder / f"{role}.json")
            for role in chosen.role or ROLES
        ]
        held = [] if chosen.role else asyncio.run(hostile(base_url))
    failed = report.show(tallies)
    if not chosen.role:
        print(f"Hostile HTTP: {len(held)} findings", *held, sep="\n  ")
    return 1 if failed or held else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--role", action="append", choices=ROLES)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--max", type=int, default=MOST, help="requests per role")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="per role")
    parser.add_argument("--at", help="a platform that runs, with --samples")
    parser.add_argument("--samples", type=Path)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def in_own_process(
    chosen: argparse.Namespace, role: str, base_url: str, samples: Path, into: Path
) -> dict[str, Any]:
    """The generator keeps hooks and checks per process, so every role has one."""
    words = ["--role", role, "--seed", str(chosen.seed), "--max", str(chosen.max)]
    words += ["--seconds", str(chosen.seconds), "--at", base_url, "--samples", str(samples)]
    command = [sys.executable, "-m", "tests.abuse", *words, "--into", str(into)]
    try:
        subprocess.run(command, check=True, timeout=chosen.seconds + 120)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return report.unfinished(role, chosen.seed, str(error))
    tally: dict[str, Any] = json.loads(into.read_text(encoding="utf-8"))
    print(report.line(tally), flush=True)
    return tally


def one_role(chosen: argparse.Namespace) -> int:
    from . import fuzzing, seeds  # registers checks, which only the role's own process may

    role = chosen.role[0]
    # By then the admin of the home department has done to its items what can be done.
    world = prepare(
        Network.at(chosen.at, chosen.samples), THIRD if role == "platform_admin" else HOME
    )
    visitor = world.cast[role]
    known = seeds.names(world, visitor, role)
    tally = fuzzing.Tally(role, chosen.seed)
    fuzzing.fuzz(
        visitor,
        tally,
        known=known,
        filled=seeds.bodies(world, visitor),
        secret=world.victim_numbers if role != "platform_admin" else (),
        spared=spared(world, role),
        seconds=chosen.seconds,
        most=chosen.max,
    )
    chosen.into.write_text(json.dumps(tally.plain(), ensure_ascii=False), encoding="utf-8")
    return 0


def spared(world: World, role: str) -> tuple[str, ...]:
    """The role's own account, and what everybody signs in with."""
    username = (world.cast[role].account or {}).get("username")
    staff = world.cast["platform_admin"].every("/orgs/staff")
    own = [one["staff_id"] for one in staff if one["username"] == username]
    system = world.cast["department_system"].account or {}
    return (*own, "onenet-web", str(system["client_id"]))


if __name__ == "__main__":
    sys.exit(main())
