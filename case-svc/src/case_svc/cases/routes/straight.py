"""A route whose dependencies are put in order once, not anew with each request (decision 0017)."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, _effective_route_context_var
from pydantic import BaseModel, ValidationError

from chassis.preconditions import Answer

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
# Where an argument of a dependency comes from: what another gave, or one of these.
_REQUEST, _RESPONSE, _BODY = "request", "response", "body"


class _Ready(Answer):
    """An answer that is JSON already."""

    def render(self, content: Any) -> bytes:
        return bytes(content)


@dataclass(frozen=True)
class _Plan:
    endpoint: Any
    body: type[BaseModel]
    dependencies: dict[Any, dict[str, Any]]
    arguments: dict[str, Any]


class StraightRoute(APIRoute):
    """Answers a good JSON body itself; whatever is unusual goes FastAPI's own way, from the start.

    Nothing has been done by then: no dependency runs before the body is known to be good.
    """

    def get_route_handler(self) -> Handler:
        ordinary = super().get_route_handler()
        # FastAPI asks once for the route alone, and once as included, with its routers' parts.
        included = _effective_route_context_var.get()
        plan = _plan((included or self).dependant)
        if plan is None:
            return ordinary

        async def handle(request: Request) -> Response:
            body = await _body(request, plan.body)
            if body is None:
                return await ordinary(request)
            return await _straight(request, plan, body, self.status_code or 200)

        return handle


async def _body(request: Request, model: type[BaseModel]) -> BaseModel | None:
    if request.headers.get("content-type") != "application/json":
        return None
    try:
        return model.model_validate_json(await request.body())
    except ValidationError:
        return None


async def _straight(request: Request, plan: _Plan, body: BaseModel, status: int) -> Response:
    stack: AsyncExitStack = request.scope["fastapi_function_astack"]
    headers = Response()
    del headers.headers["content-length"]
    found: dict[Any, Any] = {_REQUEST: request, _RESPONSE: headers, _BODY: body}
    for call, arguments in plan.dependencies.items():
        given = {name: found[source] for name, source in arguments.items()}
        if isasyncgenfunction(call):
            found[call] = await stack.enter_async_context(asynccontextmanager(call)(**given))
        else:
            found[call] = await call(**given)
    result = await plan.endpoint(**{name: found[one] for name, one in plan.arguments.items()})
    answer = _Ready(result.__pydantic_serializer__.to_json(result), status)
    answer.headers.raw.extend(headers.headers.raw)
    return answer


def _plan(dependant: Dependant) -> _Plan | None:
    """Each dependency once, after those it rests on; None when there is more to it than that."""
    dependencies: dict[Any, dict[str, Any]] = {}
    if len(dependant.body_params) != 1 or not _gather(dependant, dependencies):
        return None
    body = dependant.body_params[0]
    arguments = dependencies.pop(dependant.call) | {body.name: _BODY}
    model = body.field_info.annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    return _Plan(dependant.call, model, dependencies, arguments)


def _gather(dependant: Dependant, found: dict[Any, dict[str, Any]]) -> bool:
    if dependant.path_params or dependant.query_params or dependant.header_params:
        return False
    arguments: dict[str, Any] = {}
    if dependant.request_param_name:
        arguments[dependant.request_param_name] = _REQUEST
    if dependant.response_param_name:
        arguments[dependant.response_param_name] = _RESPONSE
    for one in dependant.dependencies:
        if one.body_params or not one.use_cache or not _gather(one, found):
            return False
        if isasyncgenfunction(one.call) and one.scope != "function":
            return False
        if one.name is not None:
            arguments[one.name] = one.call
    found.setdefault(dependant.call, arguments)
    return iscoroutinefunction(dependant.call) or isasyncgenfunction(dependant.call)
