"""One plain way: libraries by their public names, one place that commits, few detours."""

import ast
import re
from pathlib import Path

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from chassis.http.route import StagedRoute, TransactionRoute

from .test_house import ROOT, SERVICES, SOURCES, app_of, tree_of

OWN = ("chassis", "gateway", "catalog_svc", "case_svc", "identity_svc", "exchange_svc", "onenet")
# What only the library itself may extend; `APIRoute.get_route_handler` is documented for it.
NOT_TO_BE_EXTENDED = {
    "AsyncSession",
    "Session",
    "AsyncConnection",
    "Connection",
    "asyncio.Protocol",
    "HttpToolsProtocol",
    "APIRouter",
    "Router",
    "FastAPI",
    "Starlette",
    "JSONResponse",
}
# Routes that work outside a transaction, and why.
STAGED = {
    "POST /api/v1/operations/{service}/dead-letters/{dead_letter_id}/redrive": "a handler runs",
    "POST /api/v1/files": "the file goes to the store",
    "POST /api/v1/identity/registrations": "a password is hashed",
    "POST /api/v1/orgs/staff": "a password is hashed",
    "POST /oauth2/login": "a password is verified",
}
MEASURED = ("chassis", "gateway", "catalog-svc", "case-svc", "identity-svc", "exchange-svc")


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def lines_with(pattern: str, paths=SOURCES) -> list[str]:
    return [
        place(path, number)
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line)
    ]


class TestLibraries:
    def test_no_private_name_is_used(self):
        assert lines_with("SLF001") == []
        assert not re.search(r"src.*SLF001", (ROOT / "pyproject.toml").read_text())

    def test_no_private_module_is_imported(self):
        private = [
            place(path, node.lineno)
            for path in SOURCES
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.split(".")[0] not in OWN
            and (
                re.search(r"^fastapi\.dependencies|^uvicorn\.protocols|\._|^_(?!_)", node.module)
                or any(name.name.startswith("_") for name in node.names)
            )
        ]
        assert private == []

    def test_type_checker_is_silenced_at_most_eight_times(self):
        assert len(lines_with("# type: ignore")) <= 8

    def test_no_session_connection_protocol_or_router_is_extended(self):
        extended = [
            f"{place(path, node.lineno)} {node.name}"
            for path in SOURCES
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.ClassDef)
            for base in node.bases
            if ast.unparse(base).rpartition(".")[2] in NOT_TO_BE_EXTENDED
        ]
        assert extended == []

    def test_server_overrides_nothing_but_start_and_stop(self):
        overridden = {
            method.name
            for path in SOURCES
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.ClassDef)
            and any(ast.unparse(base).rpartition(".")[2] == "Server" for base in node.bases)
            for method in node.body
            if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert overridden <= {"__init__", "startup", "shutdown"}


class TestSessions:
    def test_nobody_commits_by_hand(self):
        """`async with session.begin()` in `chassis.database.sessions` is the one place."""
        running = [path for path in SOURCES if "testing" not in path.parts]
        assert lines_with(r"\.(commit|rollback)\(", running) == []
        assert lines_with(r"session\.begin\(\)") == [
            place(path, number)
            for path in SOURCES
            if path.parts[-3:] == ("chassis", "database", "sessions.py")
            for number, line in enumerate(path.read_text().splitlines(), 1)
            if "session.begin()" in line
        ]

    def test_session_info_holds_the_process_alone(self):
        keys = {
            key
            for path in SOURCES
            for key in re.findall(
                r"""\binfo(?:\.\w+\(|\[|=\{)\s*["'](\w+)["']""", path.read_text(encoding="utf-8")
            )
        }
        assert keys == {"process"}


@pytest.mark.parametrize("package", SERVICES)
class TestRoutes:
    def routes(self, package):
        return [
            (sorted(route.methods or ()), str(route.path), route.original_route)
            for route in iter_route_contexts(app_of(package).routes)
            if isinstance(route.original_route, APIRoute)
        ]

    def test_every_route_has_one_transaction_at_its_edge(self, package):
        other = [
            f"{methods} {path}"
            for methods, path, route in self.routes(package)
            if not isinstance(route, TransactionRoute) and path != "/asyncapi.json"
        ]
        assert other == []

    def test_staged_routes_are_these(self, package):
        staged = {
            f"{methods[0]} {re.sub('/operations/[a-z]+/', '/operations/{service}/', path)}"
            for methods, path, route in self.routes(package)
            if isinstance(route, StagedRoute)
        }
        assert staged <= STAGED.keys()


def test_every_staged_route_on_the_list_exists():
    staged = {
        re.sub("/operations/[a-z]+/", "/operations/{service}/", str(route.path))
        for package in SERVICES
        for route in iter_route_contexts(app_of(package).routes)
        if isinstance(route.original_route, StagedRoute)
    }
    assert staged == {name.partition(" ")[2] for name in STAGED}


@pytest.mark.parametrize("folder", MEASURED)
def test_few_private_helpers_are_called_only_once(folder):
    """A helper that is called once must earn its name: at most 12 % of all functions."""
    functions, once = 0, []
    for path in (path for path in SOURCES if path.relative_to(ROOT).parts[0] == folder):
        tree, text = tree_of(path), path.read_text(encoding="utf-8")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions += 1
                uses = len(re.findall(rf"\b{node.name}\b", text)) - 1
                calls = len(re.findall(rf"\b{node.name}\(", text)) - 1
                if (
                    node.name.startswith("_")
                    and not node.name.startswith("__")
                    and uses == calls == 1
                ):
                    once.append(f"{place(path, node.lineno)} {node.name}")
    assert len(once) / functions <= 0.12, once
