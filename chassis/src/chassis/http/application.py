"""A service's application: one function from its composition to an ASGI app."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Response
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from chassis import events, preconditions, problems, signing
from chassis.auth import PERMISSIONS, Anyone, TokenKeys, maybe_actor
from chassis.database import migrations
from chassis.errors import Forbidden, PreconditionMissing, ServiceError, Stale, Unauthenticated
from chassis.http import health, idempotency, operations
from chassis.messaging import worker
from chassis.process import Process, open_process
from chassis.service import Service
from chassis.subscriptions import merged
from chassis.telemetry import RequestTelemetry


class FieldProblem(BaseModel):
    pointer: str
    code: str
    message: str


class Problem(BaseModel):
    """RFC 9457; `errors` stands only for invalid input."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldProblem] | None = None


def build_app(service: Service, *, token_keys: TokenKeys | None = None) -> FastAPI:
    """The ASGI app; with `settings.worker` relay, consumers and loops run in the same process."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        process: Process = app.state.process
        async with worker.running(service, process, alone=False):
            yield
        await process.engine.dispose()

    app = FastAPI(
        title=f"One-Network {service.name}",
        version="1",
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
        max_body_size=problems.MAX_BODY_BYTES,  # a route that takes files states its own
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # RequestTelemetry's work
        responses={422: problems.problems(idempotency.KeyReused)[422]},
    )
    process = app.state.process = open_process(service.name, service.settings, keys=token_keys)
    revisions = migrations.head(service.migrations), migrations.older(service.migrations)
    process.ready["database"] = partial(health.database_check, process, *revisions)
    app.add_middleware(RequestTelemetry, service=service.name)
    problems.install(app)
    app.add_exception_handler(preconditions.NotModified, _not_modified)
    for router in (*service.routers, operations.router(service), health.probes):
        app.include_router(router)
    document = describe_events(service)

    @app.get("/asyncapi.json", include_in_schema=False)
    async def asyncapi(_: Anyone) -> dict[str, Any]:
        """The events this service publishes and reads."""
        return document

    _describe_problems(app)
    return app


def describe_events(service: Service) -> dict[str, Any]:
    """AsyncAPI 3 document of what the service publishes and reads."""
    published = list(service.events)
    if service.signs:
        published.append(signing.key_event(service.name))
    return events.asyncapi(service.name, published, list(merged(service.subscriptions)))


def _operation_id(route: APIRoute) -> str:
    method = min(route.methods or {"GET"}).lower()
    return f"{route.name}_{method}" if method == "head" else route.name


async def _not_modified(_: object, error: Exception) -> Response:
    assert isinstance(error, preconditions.NotModified)
    return Response(status_code=304, headers=error.headers)


def _describe_problems(app: FastAPI) -> None:
    plain: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "Problem" not in schemas:
            schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs"))
            schemas["Problem"] = schema
            for route in iter_route_contexts(app.routes):
                for method in route.methods or ():
                    operation = document["paths"].get(route.path, {}).get(method.lower())
                    if operation is not None:
                        _describe_dependencies(operation, method, _calls(route.dependant))
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _describe_dependencies(operation: dict[str, Any], method: str, calls: set[Any]) -> None:
    """What a route's dependencies ask for and answer, which FastAPI cannot see in them."""
    permission = {PERMISSIONS[call] for call in calls & PERMISSIONS.keys()}
    failures: list[type[ServiceError]] = [Unauthenticated] if maybe_actor in calls else []
    if permission and permission != {"public"}:
        operation["security"] = [{"onenet": []}]
        failures += [] if permission == {"signed in"} else [Forbidden]
    must = idempotency.required_key in calls
    if method == "POST":
        _describe_header(operation, "Idempotency-Key", required=must)
        failures += [idempotency.KeyRunning, *([PreconditionMissing] if must else [])]
    if preconditions.MATCHES & calls:
        must = preconditions.required_match in calls
        _describe_header(operation, "If-Match", required=must)
        failures += [Stale, *([PreconditionMissing] if must else [])]
    for status, answer in problems.problems(*failures).items():
        operation["responses"].setdefault(str(status), answer)


def _describe_header(operation: dict[str, Any], name: str, *, required: bool) -> None:
    header = {"name": name, "in": "header", "required": required, "schema": {"type": "string"}}
    operation.setdefault("parameters", []).append(header)


def _calls(dependant: Any) -> set[Any]:
    """A route's function and its dependencies, at any depth."""
    return {dependant.call}.union(*(_calls(inner) for inner in dependant.dependencies))
