"""Rules of the house that import-linter cannot see."""

import ast
import importlib
from pathlib import Path

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from chassis.auth import PERMISSIONS
from chassis.events import TYPE_PATTERN
from chassis.http.application import build_app
from chassis.testing.settings import settings_of

ROOT = Path(__file__).parents[2]
SERVICES = ("catalog_svc", "case_svc", "identity_svc", "exchange_svc")
SOURCES = sorted(
    path
    for path in ROOT.glob("*/src/**/*.py")
    if "versions" not in path.parts and ".venv" not in path.parts
)
FOLDERS = sorted({path.relative_to(ROOT).parts[0] for path in SOURCES})
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
FORBIDDEN_NAMES = {"utils", "helpers", "manager", "data", "info", "common", "misc"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> list[tuple[str, int]]:
    """Name and length of each function, its docstring left out."""
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                text = node.body[0]
                length -= (text.end_lineno or text.lineno) - text.lineno + 1
            found.append((f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", length))
    return found


def code_lines(path: Path) -> int:
    """Lines that are neither blank nor comment nor docstring."""
    text = path.read_text(encoding="utf-8")
    prose = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            first = node.body[0]
            prose |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return sum(
        1
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#") and number not in prose
    )


def app_of(package: str):
    create_service = importlib.import_module(f"{package}.main").create_service
    return build_app(create_service(settings_of(create_service)))


def create(package: str):
    create_service = importlib.import_module(f"{package}.main").create_service
    return create_service(settings_of(create_service))


class TestSize:
    def test_no_function_is_longer_than_fifty_lines(self):
        long = [(n, size) for path in SOURCES for n, size in functions(path) if size > 50]
        assert long == []

    @pytest.mark.parametrize("folder", FOLDERS)
    def test_nine_functions_in_ten_have_at_most_25_lines(self, folder):
        inside = [path for path in SOURCES if path.relative_to(ROOT).parts[0] == folder]
        sizes = sorted(size for path in inside for _, size in functions(path))
        assert sizes[int(len(sizes) * 0.9)] <= 25

    def test_no_file_is_longer_than_400_lines(self):
        tests = [*ROOT.glob("*/tests/**/*.py"), *ROOT.glob("tests/**/*.py")]
        every = [*SOURCES, *(one for one in tests if ".venv" not in one.parts)]
        long = [str(p.relative_to(ROOT)) for p in every if p.read_text().count("\n") > 400]
        assert long == []

    def test_chassis_keeps_its_budget(self):
        inside = [path for path in SOURCES if "chassis" in path.parts and path.stem != "__init__"]
        modules = [path for path in inside if "testing" not in path.parts]
        assert len(modules) <= 36
        assert sum(code_lines(path) for path in modules) <= 2880


class TestNames:
    def test_no_module_is_a_drawer(self):
        found = [str(path.relative_to(ROOT)) for path in SOURCES if path.stem in FORBIDDEN_NAMES]
        assert found == []


@pytest.mark.parametrize("package", SERVICES)
class TestService:
    def test_every_route_states_its_permission(self, package):
        silent = [
            f"{sorted(route.methods)} {route.path}"
            for route in iter_route_contexts(app_of(package).routes)
            if isinstance(route.original_route, APIRoute) and len(permissions(route.dependant)) != 1
        ]
        assert silent == []

    def test_composition_fits_one_screen(self, package):
        path = Path(importlib.import_module(f"{package}.main").__file__)
        assert path.read_text().count("\n") <= 110

    def test_events_are_named_as_facts_of_their_service(self, package):
        service = create(package)
        for event in service.events:
            assert TYPE_PATTERN.match(event.type), event
            assert event.type.startswith(f"{service.name}."), event
            assert event.key in event.model_fields, event

    def test_every_setting_says_what_it_is(self, package):
        fields = type(create(package).settings).model_fields
        assert [name for name, one in fields.items() if not one.description] == []


def permissions(dependant) -> set[str]:
    found = {PERMISSIONS[dependant.call]} if dependant.call in PERMISSIONS else set()
    for inner in dependant.dependencies:
        found |= permissions(inner)
    return found
