"""Routes that are answered before FastAPI's router is asked, dependencies in order (0017)."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isasyncgenfunction, iscoroutinefunction
from re import Pattern
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, ValidationError
from starlette.types import Message, Receive, Scope, Send

from chassis.idempotency import Answer

# Where an argument of a dependency comes from: what another gave, or one of these.
_REQUEST, _RESPONSE, _BODY = "request", "response", "body"
# How many queries a route remembers: first pages, not every cursor.
_QUERIES = 256
_LONG = 100


class StraightRoute(APIRoute):
    """Give it to a router whose routes are asked most; it promises coroutines and pydantic models.

    A good plain request is answered as FastAPI would, at a third of the price. Whatever is unusual
    goes FastAPI's own way, from the start: no dependency runs before the input is known to be good.
    """


class _Ready(Answer):
    """An answer that is JSON already."""

    def render(self, content: Any) -> bytes:
        return bytes(content)


@dataclass(frozen=True)
class _Step:
    """One dependency: arguments from other steps, by name, and those from path and query."""

    call: Any
    opens: bool
    sources: Mapping[str, Any]
    path: Sequence[Any]
    query: Sequence[Any]


@dataclass(frozen=True)
class _Plan:
    route: APIRoute
    pattern: Pattern[str]
    status: int
    body: type[BaseModel] | None
    steps: Sequence[_Step]
    adds: bool  # whether a step is given the answer's status and headers
    queries: dict[bytes, list[Mapping[str, Any]]] = field(default_factory=dict)


Plans = Mapping[tuple[str, int], Sequence[_Plan]]


def install(app: FastAPI) -> None:
    """Put the short way before the router of an application that has all its routes."""
    plans: dict[tuple[str, int], list[_Plan]] = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        plan = _plan(route, context) if isinstance(route, StraightRoute) else None
        if plan is not None:
            for method in context.methods or ():
                plans.setdefault((method, str(context.path).count("/")), []).append(plan)
    ordinary = app.router.middleware_stack

    async def straight(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            found = _find(plans, scope)
            if found is not None:
                request = Request(scope, receive)
                answer = await _answer(request, *found)
                if answer is not None:
                    await answer(scope, receive, send)
                    return
                receive = _again(request, receive)
        await ordinary(scope, receive, send)

    app.router.middleware_stack = straight


def _find(plans: Plans, scope: Scope) -> tuple[_Plan, dict[str, str]] | None:
    path: str = scope["path"]
    for plan in plans.get((scope["method"], path.count("/")), ()):
        match = plan.pattern.match(path)
        if match is not None:
            return plan, match.groupdict()
    return None


async def _answer(request: Request, plan: _Plan, path: Mapping[str, str]) -> Response | None:
    """None when the input is not plain and good."""
    found: dict[Any, Any] = {_REQUEST: request}
    if plan.body is not None:
        found[_BODY] = await _body(request, plan.body)
        if found[_BODY] is None:
            return None
    given = _parameters(plan, path, request)
    if given is None:
        return None
    request.scope["route"] = plan.route
    return await _in_order(plan, found, given)


def _parameters(
    plan: _Plan, path: Mapping[str, str], request: Request
) -> list[Mapping[str, Any]] | None:
    """For each step what it is given from path and query; None when one of them is not good.

    Clients ask with few different queries, and reading one takes longer than most statements.
    """
    query = request.scope["query_string"]
    asked = plan.queries.get(query)
    if asked is None:
        read = [request_params_to_args(one.query, request.query_params) for one in plan.steps]
        if any(wrong for _, wrong in read):
            return None
        asked = [values for values, _ in read]
        if len(query) < _LONG and len(plan.queries) < _QUERIES and all(map(_is_fixed, asked)):
            plan.queries[query] = asked
    given: list[Mapping[str, Any]] = []
    for step, values in zip(plan.steps, asked, strict=True):
        named = {field.name: field.validate(path[field.alias]) for field in step.path}
        if any(wrong for _, wrong in named.values()):
            return None
        given.append({**values, **{name: value for name, (value, _) in named.items()}})
    return given


def _is_fixed(values: Mapping[str, Any]) -> bool:
    """Whether nobody can change the values for who comes next."""
    return all(isinstance(one, Hashable) for one in values.values())


async def _body(request: Request, model: type[BaseModel]) -> BaseModel | None:
    if request.headers.get("content-type") != "application/json":
        return None
    try:
        return model.model_validate_json(await request.body())
    except ValidationError:
        return None


async def _in_order(
    plan: _Plan, found: dict[Any, Any], given: Sequence[Mapping[str, Any]]
) -> Response:
    """What a dependency opened ends before the first byte leaves: a commit may yet fail."""
    headers = found[_RESPONSE] = _plain_headers(plan) if plan.adds else None
    opened = None
    try:
        for step, values in zip(plan.steps, given, strict=True):
            arguments = {name: found[source] for name, source in step.sources.items()}
            if step.opens:
                opened = step.call(**arguments, **values)
                found[step.call] = await anext(opened)
            else:
                found[step.call] = await step.call(**arguments, **values)
        answer = _rendered(plan, found[plan.steps[-1].call], headers)
    except BaseException as error:
        if opened is not None:
            await opened.athrow(error)
        raise
    if opened is not None:
        await anext(opened, None)
    return answer


def _plain_headers(plan: _Plan) -> Response:
    headers = Response(status_code=plan.status)
    del headers.headers["content-length"]
    return headers


def _rendered(plan: _Plan, result: Any, headers: Response | None) -> Response:
    if isinstance(result, Response):
        return result
    content = result.__pydantic_serializer__.to_json(result, by_alias=True)
    if headers is None:
        return _Ready(content, plan.status)
    answer = _Ready(content, headers.status_code)
    answer.headers.raw.extend(headers.headers.raw)
    return answer


def _again(request: Request, receive: Receive) -> Receive:
    """The body once more for the router, when it was read."""
    bodies = [request._body] if hasattr(request, "_body") else []  # noqa: SLF001 - it is kept there

    async def replay() -> Message:
        if bodies:
            return {"type": "http.request", "body": bodies.pop(), "more_body": False}
        return await receive()

    return replay


def _plan(route: APIRoute, context: Any) -> _Plan | None:
    """Each dependency once, after those it rests on; None when there is more to it than that."""
    dependant: Dependant = context.dependant
    steps: dict[Any, _Step] = {}
    if len(dependant.body_params) > 1 or _takes_model(dependant):
        return None
    body = dependant.body_params[0] if dependant.body_params else None
    model: Any = body.field_info.annotation if body else None
    if model is not None and not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    good = _gather(dependant, steps, {body.name: _BODY} if body else {})
    if not good or sum(one.opens for one in steps.values()) > 1:
        return None
    adds = any(_RESPONSE in one.sources.values() for one in steps.values())
    status = context.status_code or 200
    return _Plan(route, context.path_regex, status, model, [*steps.values()], adds)


def _gather(dependant: Dependant, steps: dict[Any, _Step], sources: dict[str, Any]) -> bool:
    if dependant.request_param_name:
        sources[dependant.request_param_name] = _REQUEST
    if dependant.response_param_name:
        sources[dependant.response_param_name] = _RESPONSE
    for one in dependant.dependencies:
        if not _is_plain(one) or not _gather(one, steps, {}):
            return False
        if one.name is not None:
            sources[one.name] = one.call
    call = dependant.call
    if call not in steps:
        opens = isasyncgenfunction(call)
        steps[call] = _Step(call, opens, sources, dependant.path_params, dependant.query_params)
    return iscoroutinefunction(call) or isasyncgenfunction(call)


def _is_plain(one: Dependant) -> bool:
    unusual = one.header_params or one.cookie_params or one.body_params or _takes_model(one)
    ends_in_time = not isasyncgenfunction(one.call) or one.scope == "function"
    return not unusual and one.use_cache and ends_in_time


def _takes_model(one: Dependant) -> bool:
    kinds = (field.field_info.annotation for field in one.path_params)
    return any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in kinds)
