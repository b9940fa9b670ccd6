"""`make matrix`: draw the authorisation matrix on a platform of its own and write the table."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.stranger.journey import Network

from onenet.console import Reporter
from onenet.story.run import platform_of_its_own

from . import matrix, paths, table
from .world import prepare

INTO = Path(__file__).parents[2] / "docs" / "authorisation-matrix.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make matrix", description=__doc__)
    parser.add_argument("--at", help="a platform that runs, with --samples")
    parser.add_argument("--samples", type=Path)
    chosen = parser.parse_args()
    with ExitStack() as stack:
        at, samples = chosen.at, chosen.samples
        if not at:
            at, samples = stack.enter_context(platform_of_its_own(Reporter()))
        world = prepare(Network.at(at, samples))
        missing = paths.unnamed(world.network.http.get("/openapi.json").json())
        if missing:
            print(*missing, sep="\n")
            return 1
        drawn = matrix.draw(world)
        events = table.clear_fields(world.network.http.get("/asyncapi.json").json())
    print(*drawn.differences, sep="\n")
    text = table.document(drawn, events)
    print(text)
    INTO.write_text(text, encoding="utf-8")
    print(f"{len(drawn.differences)} differences; written: {INTO}")
    return 1 if drawn.differences else 0


if __name__ == "__main__":
    sys.exit(main())
