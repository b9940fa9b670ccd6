"""Who sees what on which path: asked of a running platform and compared with the detail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.stranger.client import Visitor, until
from tests.stranger.people import certificate_code

from .cast import NEXT_TO_THEM, ROLES
from .paths import PATHS, Path
from .rows import Row, known_rows
from .seeds import Bodies, bodies
from .world import World

COLUMNS = (*ROLES, *NEXT_TO_THEM)
UNKNOWN = "01900000-0000-7000-8000-000000000000"
UNKNOWN_OF = {
    "certificate": certificate_code(
        "11511301008778298W001", "11511301008778298W", "2026112300000000"
    )
}
REFUSED = (401, 403)
Seen = frozenset[str] | None
"""Names of the rows a path shows; None when the role is refused altogether."""


@dataclass
class Matrix:
    rows: dict[str, dict[str, Row]]
    addresses: dict[str, tuple[str, str]]
    """Operation → method and path."""
    seen: dict[str, dict[str, Seen]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    refusals: dict[str, set[int]] = field(default_factory=dict)
    """Write → how it was refused on a thing the role cannot see, and on one that is none."""


def draw(world: World) -> Matrix:
    document = world.network.http.get("/openapi.json").json()
    addresses = {
        one["operationId"]: (method.upper(), path)
        for path, operations in document["paths"].items()
        for method, one in operations.items()
    }
    matrix = Matrix(known_rows(world), addresses)
    for operation, path in PATHS.items():
        if operation == "exchange_list_my_footprints":
            _wait_for_footprints(matrix, world)
        if path.way != "act":
            matrix.seen[operation] = {
                role: WAYS[path.way](matrix, operation, path, world.cast[role]) for role in COLUMNS
            }
    compare(matrix)
    _try_writes(matrix, world)
    return matrix


def _wait_for_footprints(matrix: Matrix, world: World) -> None:
    """Looks are told by event; each staff role has looked at these cases by now."""
    for role in ("citizen", "company_agent"):
        seen = (matrix.seen["case_read_case"]["clerk"] or frozenset()) & (
            matrix.seen["case_read_case"][role] or frozenset()
        )
        numbers = {matrix.rows["case"][name]["case_no"] for name in seen}
        until(
            lambda role=role, numbers=numbers: (
                numbers <= {one["case_no"] for one in world.cast[role].every("/me/footprints")}
            ),
            why=f"the looks at {role}'s cases are not told",
        )


def _each(matrix: Matrix, operation: str, path: Path, visitor: Visitor) -> Seen:
    """One row after another, by its id."""
    method, address = matrix.addresses[operation]
    query = f"?{path.query}" if path.query else ""
    statuses = {
        name: visitor.call(method, filled(address, row["id"]) + query).status_code
        for name, row in matrix.rows[path.resource].items()
    }
    _ensure(matrix, operation, set(statuses.values()) <= {200, 401, 403, 404, 409}, str(statuses))
    if set(statuses.values()) <= {401}:
        return None
    return frozenset(name for name, status in statuses.items() if status == 200)


def _stream(matrix: Matrix, operation: str, path: Path, visitor: Visitor) -> Seen:
    """Whether the stream opens; what it says first must be nothing personal."""
    _, address = matrix.addresses[operation]
    headers = {"Authorization": f"Bearer {visitor.token}"} if visitor.account else {}
    opened = set()
    for name, row in matrix.rows[path.resource].items():
        with visitor.http.stream("GET", filled(address, row["id"]), headers=headers) as answer:
            if answer.status_code == 401:
                return None
            if answer.status_code == 200:
                opened.add(name)
    return frozenset(opened)


def _listed(matrix: Matrix, operation: str, path: Path, visitor: Visitor) -> Seen:
    """All pages of the list; the count must be that of its rows."""
    rows = matrix.rows[path.resource]
    _, address = matrix.addresses[operation]
    found: set[str] = set()
    for query in _queries(operation, path, rows):
        answer = visitor.get(_list_address(address, query))
        if answer.status_code in REFUSED:
            return None
        _ensure(matrix, operation, answer.status_code == 200, answer.text[:200])
        page = every_page(visitor, address, query)
        found |= {str(one[path.field]) for one in page if one.get(path.field)}
        _count(matrix, operation, visitor, address, query, len(page))
    name_of = path.field if any(path.field in row for row in rows.values()) else "id"
    return frozenset(name for name, row in rows.items() if row[name_of] in found)


def _queries(operation: str, path: Path, rows: dict[str, Row]) -> list[str]:
    if "{name}" in path.query:
        return [path.query.format(name=row["name"]) for row in rows.values()]
    if operation == "case_read_queue":
        return [f"scope={one}" for one in ("pool", "mine", "done")]
    if operation == "catalog_read_list":
        return ["public_services"]
    return [path.query]


def _list_address(address: str, query: str) -> str:
    if "{kind}" in address:
        return address.format(kind=query) + "?limit=100"
    return f"{address}?limit=100&{query}"


def every_page(visitor: Visitor, address: str, query: str) -> list[dict[str, Any]]:
    rows, after = [], ""
    while True:
        page = visitor.read(_list_address(address, query) + after)
        rows += page["data"]
        if page.get("next") is None:
            return rows
        after = f"&after={page['next']}"


def _count(
    matrix: Matrix, operation: str, visitor: Visitor, address: str, query: str, number: int
) -> None:
    answer = visitor.get(_list_address(address, query) + "&count=true").json()
    if answer.get("count_is_exact"):
        told = f"counts {answer['count']} and lists {number} ({query})"
        _ensure(matrix, operation, answer["count"] == number, told)


def _contained(matrix: Matrix, operation: str, path: Path, visitor: Visitor) -> Seen:
    _, address = matrix.addresses[operation]
    answer = visitor.get(f"{address}?{path.query}")
    if answer.status_code in REFUSED:
        return None
    rows = matrix.rows[path.resource].items()
    return frozenset(name for name, row in rows if row["name"] in answer.text)


def _own(matrix: Matrix, operation: str, path: Path, visitor: Visitor) -> Seen:
    method, address = matrix.addresses[operation]
    answer = visitor.call(method, f"{visitor.base_url}{address}")
    if not answer.is_success:
        return None
    rows = matrix.rows[path.resource].items()
    return frozenset(name for name, row in rows if row["id"] == answer.json()[path.field])


def _coded(matrix: Matrix, operation: str, path: Path, visitor: Visitor) -> Seen:
    _, address = matrix.addresses[operation]
    found = set()
    for name, row in matrix.rows[path.resource].items():
        # A draft has neither number nor code, and wrong ones are counted as guesses.
        wanted = {one: row[one] for one in ("case_no", "query_code") if row[one]}
        if wanted and visitor.get(address, params=wanted).status_code == 200:
            found.add(name)
    return frozenset(found)


def _verified(matrix: Matrix, operation: str, path: Path, visitor: Visitor) -> Seen:
    _, address = matrix.addresses[operation]
    rows = matrix.rows[path.resource].items()
    return frozenset(
        name
        for name, row in rows
        if visitor.read(address, params={"code": row["id"]})["status"] != "unknown"
    )


def _answers(matrix: Matrix, operation: str, path: Path, visitor: Visitor) -> Seen:
    """A path without rows: open to the role, or not."""
    _, address = matrix.addresses[operation]
    place = address.format(department_code="11511301008778298W", region_code="511602000000")
    status = visitor.get(f"{visitor.base_url}{place}").status_code
    return None if status in REFUSED else frozenset({"open"})


WAYS: dict[str, Callable[[Matrix, str, Path, Visitor], Seen]] = {
    "each": _each,
    "stream": _stream,
    "listed": _listed,
    "contained": _contained,
    "own": _own,
    "coded": _coded,
    "verified": _verified,
    "answers": _answers,
}


def filled(address: str, row_id: str) -> str:
    """The address with the row in its first place; what follows is taken as it comes."""
    before, _, rest = address.partition("{")
    _, _, rest = rest.partition("}")
    for name, value in (
        ("{version}", "1"),
        ("{procedure_id}", UNKNOWN),
        ("{action}", "suspension"),
    ):
        rest = rest.replace(name, value)
    return f"{before}{row_id}{rest}"


def _ensure(matrix: Matrix, operation: str, holds: bool, told: str) -> None:
    if not holds:
        matrix.differences.append(f"{operation}: {told}")


def detail_of(resource: str) -> str:
    return next(name for name, path in PATHS.items() if path.resource == resource)


def compare(matrix: Matrix) -> None:
    """No path shows what the detail hides; none that is whole hides what the detail shows."""
    for operation, by_role in matrix.seen.items():
        path = PATHS[operation]
        truth = matrix.seen.get(detail_of(path.resource), {})
        if path.way == "answers" or path.beyond or operation == detail_of(path.resource):
            continue
        for role, seen in by_role.items():
            true = truth[role] or frozenset()
            if seen is None:
                continue
            if seen - true:
                told = f"shows {role} {sorted(seen - true)}, which the detail hides"
                matrix.differences.append(f"{operation}: {told}")
            if path.whole and true - seen:
                told = f"hides from {role} {sorted(true - seen)}, which the detail shows"
                matrix.differences.append(f"{operation}: {told}")
    _compare_files(matrix)


def _compare_files(matrix: Matrix) -> None:
    """The documents of a case are seen by whoever sees the case."""
    for role in COLUMNS:
        files = matrix.seen["case_read_file"][role] or frozenset()
        cases = matrix.seen["case_read_case"][role] or frozenset()
        attached = frozenset(matrix.rows["file"]) & frozenset(matrix.rows["case"])
        if files & attached != cases & attached:
            told = f"{role} sees files of {sorted(files & attached)}, cases {sorted(cases)}"
            matrix.differences.append(f"case_read_file: {told}")


def _try_writes(matrix: Matrix, world: World) -> None:
    """For who cannot see a thing, acting on it is answered as if it did not exist."""
    for role in COLUMNS:
        visitor = world.cast[role]
        known = bodies(world, visitor)
        for operation, path in PATHS.items():
            if path.way == "act" and path.resource and path.resource in HIDDEN_BY:
                _try(matrix, operation, path, visitor, role, known)


# Whose sight decides: a task is seen with its case.
HIDDEN_BY = {
    "case": "case",
    "task": "case",
    "item": "item",
    "managed item": "managed item",
    "certificate": "certificate",
    "resource": "resource",
    "grant": "grant",
    "grant request": "grant request",
    "mandate": "mandate",
    "staff": "staff",
    "client": "client",
}


def _try(
    matrix: Matrix, operation: str, path: Path, visitor: Visitor, role: str, known: Bodies
) -> None:
    method, address = matrix.addresses[operation]
    visible = matrix.seen[detail_of(HIDDEN_BY[path.resource])][role] or frozenset()
    hidden = [name for name in matrix.rows[path.resource] if name not in visible]
    body = known.get(f"{method} {address}", [{}])[0]
    for name in hidden[-1:]:
        real = matrix.rows[path.resource][name]["id"]
        ids = (real, UNKNOWN_OF.get(path.resource) or f"{real[:-4]}9999")
        first, second = (
            _told(visitor.call(method, filled(address, one), json=body, headers={"If-Match": "*"}))
            for one in ids
        )
        matrix.refusals.setdefault(operation, set()).add(first[0])
        told = f"tells {role} that {name} exists: {first}, {second}"
        _ensure(matrix, operation, first == second, told)


def _told(answer: httpx.Response) -> tuple[int, str]:
    try:
        return answer.status_code, str(answer.json().get("type"))
    except ValueError:
        return answer.status_code, ""
