"""The filters of the item list as tokens of the search index."""

from collections.abc import Iterator


def filters_of(
    region: str | None,
    department: str | None,
    task_type: str | None,
    audience: str | None,
    theme: str | None,
    *,
    online: bool | None,
) -> list[str]:
    """Theme codes mean different things to persons and to companies; the audience tells which."""
    return list(_tokens(region, department, task_type, audience, theme, online=online))


def _tokens(
    region: str | None,
    department: str | None,
    task_type: str | None,
    audience: str | None,
    theme: str | None,
    *,
    online: bool | None,
) -> Iterator[str]:
    kinds = {None: "H", "natural_person": "HN"}
    for prefix, value in (
        ("R", region),
        ("D", department),
        ("T", task_type),
        ("A", audience),
        (kinds.get(audience, "HL"), theme),
    ):
        if value is not None:
            yield f"{prefix}:{value}"
    if online is not None:
        yield f"O:{int(online)}"
