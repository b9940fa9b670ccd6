"""Read the sample files beside this module."""

import csv
import json
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

FOLDER: Final = files("onenet.samples")
LEVELS: Final = ("provinces.csv", "cities.csv", "areas.csv")
CODE_DIGITS: Final = 12


def people() -> dict[str, Any]:
    content: dict[str, Any] = _json(FOLDER / "people.json")
    return content


def departments() -> list[dict[str, str]]:
    content: list[dict[str, str]] = _json(FOLDER / "departments.json")
    return content


def guides() -> list[dict[str, Any]]:
    folder = FOLDER / "guides"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".json"))
    return [_json(folder / name) for name in names]


def regions() -> list[dict[str, str]]:
    return list(division_rows(FOLDER / "regions"))


def division_rows(folder: Traversable | Path) -> Iterator[dict[str, str]]:
    """Rows of provinces.csv, cities.csv and areas.csv, upper levels first, codes of 12 digits."""
    for name in LEVELS:
        text = (folder / name).read_text(encoding="utf-8-sig")
        for row in csv.DictReader(text.splitlines()):
            yield {"code": row["code"].strip().ljust(CODE_DIGITS, "0"), "name": row["name"].strip()}


def _json(path: Traversable) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
