"""Start page, guide, progress, indicators and API documents, rendered on the server."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader

from chassis.errors import NotFound
from gateway.call import Call
from gateway.errors import UpstreamAway
from gateway.openapi.documents import Documents
from gateway.openapi.merging import merged_openapi
from gateway.pages.texts import TEXTS
from gateway.proxy.forwarding import Upstreams, opened

POLICY = (
    b"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    b"frame-ancestors 'none'"
)
STYLE = (files("gateway") / "pages/static/style.css").read_bytes()
templates = Environment(loader=PackageLoader("gateway", "pages/templates"), autoescape=True)

Rendered = tuple[int, str, dict[str, Any]]
Page = Callable[[Call, Upstreams, Documents], Awaitable[Rendered]]


async def serve(call: Call, upstreams: Upstreams, documents: Documents) -> None:
    """Render the page of this path; everything a service said is escaped."""
    if call.path == "/static/style.css":
        await call.answer(200, STYLE, "text/css", [(b"cache-control", b"public, max-age=3600")])
        return
    if call.method not in {"GET", "HEAD"}:
        raise NotFound
    page = _guide if call.path.startswith("/guide/") else PAGES.get(call.path)
    if page is None:
        raise NotFound
    status, template, content = await page(call, upstreams, documents)
    text = templates.get_template(template).render(
        t=TEXTS[call.language], language="zh-CN" if call.language == "zh" else "en", **content
    )
    headers = [
        (b"content-security-policy", POLICY),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"vary", b"accept-language"),
    ]
    await call.answer(status, text.encode(), "text/html; charset=utf-8", headers)


async def _start(call: Call, upstreams: Upstreams, _: Documents) -> Rendered:
    asked = {name: call.parameter(name) for name in ("q", "after") if call.parameter(name)}
    status, found = await _ask(call, upstreams, "catalog", "/api/v1/items", asked)
    items = found.get("data", [])
    return (
        200,
        "start.html",
        {
            "q": asked.get("q", ""),
            "items": items,
            "next": found.get("next"),
            "failed": status != 200,  # noqa: PLR2004 - OK
        },
    )


async def _guide(call: Call, upstreams: Upstreams, _: Documents) -> Rendered:
    item_id = call.path.removeprefix("/guide/")
    if "/" in item_id:
        raise NotFound
    status, item = await _ask(call, upstreams, "catalog", f"/api/v1/items/{item_id}", {})
    if status != 200:  # noqa: PLR2004 - OK
        raise NotFound
    return 200, "guide.html", {"item": item}


async def _progress(call: Call, upstreams: Upstreams, _: Documents) -> Rendered:
    asked = {name: call.parameter(name) for name in ("case_no", "query_code")}
    if not any(asked.values()):
        return 200, "progress.html", {"asked": asked, "found": None, "status": 0}
    status, found = await _ask(call, upstreams, "case", "/api/v1/progress", asked)
    shown = found if status == 200 else None  # noqa: PLR2004 - OK
    return (
        200,
        "progress.html",
        {"asked": asked, "found": shown, "status": status, "problem": found},
    )


async def _performance(call: Call, upstreams: Upstreams, _: Documents) -> Rendered:
    status, found = await _ask(call, upstreams, "case", "/api/v1/public/performance", {})
    rows = found.get("indicators") or found.get("data") or []
    return (
        status,
        "performance.html",
        {"rows": rows, "suffix": "zh" if call.language == "zh" else "en"},
    )


async def _docs(_: Call, upstreams: Upstreams, documents: Documents) -> Rendered:
    if len(documents.openapi) < len(upstreams.settings.upstreams()):
        raise UpstreamAway(retry_after=2)
    document = merged_openapi(documents.openapi, upstreams.settings.issuer)
    return (
        200,
        "docs.html",
        {"document": document, "methods": ("get", "post", "put", "patch", "delete")},
    )


async def _ask(
    call: Call, upstreams: Upstreams, service: str, path: str, parameters: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    """The service's answer as the reader would get it, without a token."""
    asked = replace(
        call, path=path, raw_path=path.encode(), query=urlencode(parameters).encode(), method="GET"
    ).without("authorization", "cookie", "if-none-match", "range")
    async with upstreams.place(service), opened(asked, upstreams, service) as response:
        body = await response.content.read()
    try:
        content = json.loads(body)
    except ValueError:
        content = {}
    return response.status, content if isinstance(content, dict) else {}


PAGES: dict[str, Page] = {
    "/": _start,
    "/progress": _progress,
    "/performance": _performance,
    "/docs": _docs,
}
