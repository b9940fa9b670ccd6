"""Failures rendered once, as RFC 9457 problem documents in the reader's language."""

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from chassis import errors
from chassis.errors import FieldError, Invalid, ServiceError

MEDIA_TYPE = "application/problem+json"
MAX_BODY_BYTES = 1024 * 1024
# A null character, a number or date out of range; 22000 is the driver's own refusal of a value.
_BAD_VALUES = frozenset({"22000", "22003", "22008", "22021", "22P05"})
log = structlog.get_logger()


class MethodNotAllowed(ServiceError):
    slug = "method-not-allowed"
    status = 405
    title_zh = "方法不支持"
    title_en = "Method not allowed"
    zh = "此地址不支持该方法。可用：{allowed}。"
    en = "This address does not support the method. Use: {allowed}."

    def headers(self) -> dict[str, str]:
        return {"Allow": str(self.values.get("allowed", ""))}


class Unreadable(Invalid):
    slug = "unreadable"
    zh = "请求内容含有无法读取的字符或数值。请检查格式与编码。"
    en = "The request holds characters or numbers that cannot be read. Check format and encoding."

    def __init__(self) -> None:
        super().__init__([FieldError("", "unreadable", "无法读取", "cannot be read")])


# pydantic's error types in the applicant's language; what is missing here keeps pydantic's text.
_ZH: Mapping[str, str] = json.loads(
    files("chassis").joinpath("problems.zh.json").read_text("utf-8")
)


def language_of(accept_language: str | None) -> str:
    """`en` when the header prefers it to Chinese, else `zh`."""
    best, best_quality = "zh", 0.0
    for part in (accept_language or "").split(","):
        tag, _, parameters = part.strip().partition(";")
        word = re.search(r"q\s*=\s*([0-9.]+)", parameters)
        try:
            quality = float(word[1]) if word else 1.0
        except ValueError:
            continue
        primary = tag.strip().lower().split("-")[0]
        if primary in {"zh", "en"} and quality > best_quality:
            best, best_quality = primary, quality
    return best


def document(error: ServiceError, *, language: str, instance: str) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": f"urn:onenet:problem:{error.slug}",
        "title": error.title(language),
        "status": error.status,
        "detail": error.detail(language),
        "instance": instance,
    }
    if isinstance(error, Invalid):
        content["errors"] = [
            {
                "pointer": one.pointer,
                "code": one.code,
                "message": one.zh if language == "zh" else one.en,
            }
            for one in error.errors
        ]
    return content | error.extensions()


def refusal(request: Request, error: ServiceError) -> Response:
    """The problem as an ordinary answer: the transaction commits, the refusal leaves its trace."""
    language = language_of(request.headers.get("accept-language"))
    return JSONResponse(
        document(error, language=language, instance=request.url.path),
        status_code=error.status,
        media_type=MEDIA_TYPE,
        headers={"Content-Language": "zh-CN" if language == "zh" else "en"} | error.headers(),
    )


def problems(*errors: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` for these failures; several of one status share an entry."""
    found: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        entry = found.setdefault(
            error.status,
            {
                "description": "",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        )
        entry["description"] = " / ".join(filter(None, [entry["description"], error.slug]))
    return found


def install(app: FastAPI) -> None:
    """Every failure of the application becomes a problem document."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(PoolTimeout, _database_error)
    app.add_exception_handler(asyncpg.InterfaceError, _database_error)
    app.add_exception_handler(asyncpg.InternalClientError, _database_error)
    app.add_exception_handler(OSError, _database_error)
    app.add_exception_handler(Exception, _unknown_error)


async def _service_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return refusal(request, error)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    whole = any(one["loc"] == ("body",) for one in found)
    if whole and not _is_json(request) and await request.body():
        # A body that was never read as JSON is of the wrong type, whatever it holds.
        return refusal(request, errors.WrongType(allowed="application/json"))
    return refusal(request, Invalid([_field_error(one) for one in found]))


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().endswith("json")


def _field_error(error: Mapping[str, Any]) -> FieldError:
    place, *rest = error["loc"]
    path = rest if place == "body" else [place, *rest]
    if error["type"] == "json_invalid":
        path = []
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
    message = error["msg"]
    return FieldError(pointer, error["type"], _ZH.get(error["type"], message), message)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("allow", (error.headers or {}).get("Allow", ""))
    kinds: dict[int, ServiceError] = {
        400: Unreadable(),
        404: errors.NotFound(),
        405: MethodNotAllowed(allowed=allowed),
        413: errors.TooLarge(limit=MAX_BODY_BYTES),
        415: errors.WrongType(allowed="application/json"),
    }
    return refusal(request, kinds.get(error.status_code, ServiceError()))


async def _database_error(request: Request, error: Exception) -> Response:
    """A lost database is a 503 the client may repeat; a lost race over a constraint is a 409."""
    code = str(getattr(getattr(error, "orig", error), "sqlstate", "") or "")
    lost = isinstance(error, OSError | InterfaceError) or code[:2] in {"08", "53", "57"} or not code
    if code in {"40001", "40P01", "23505", "55P03"}:
        return refusal(request, errors.Conflict())
    if code in _BAD_VALUES:
        log.warning("database_refused_a_value", sqlstate=code, path=request.url.path)
        return refusal(request, Unreadable())
    log.error("database_failed", sqlstate=code, kind=type(error).__name__, path=request.url.path)
    return refusal(request, errors.Unavailable(retry_after=2) if lost else ServiceError())


async def _unknown_error(request: Request, error: Exception) -> Response:
    log.error("failed", path=request.url.path, exc_info=error)
    return refusal(request, ServiceError())
