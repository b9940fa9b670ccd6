"""Start page, guide, progress, indicators and API documents, rendered on the server.

They work without a script; everything a service said is escaped by the templates.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from jinja2 import Environment, PackageLoader

from chassis.errors import NotFound, ServiceError
from gateway.call import Call
from gateway.errors import MethodNotAllowed, NotYet
from gateway.openapi.documents import Documents
from gateway.pages.texts import STATUS_WORDS, TEXTS
from gateway.proxy.bodies import body_of
from gateway.proxy.forwarding import Upstreams, fetch

POLICY = (
    b"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    b"frame-ancestors 'none'"
)
STYLE = (files("gateway") / "pages/static/style.css").read_bytes()
MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_FORM_BYTES = 4096
_OK = 200
_NOT_SENT = (b"authorization", b"cookie", b"if-none-match", b"range", b"accept-encoding", b"accept")
templates = Environment(
    loader=PackageLoader("gateway", "pages/templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Rendered:
    status: int
    template: str
    content: dict[str, Any]


@dataclass(frozen=True)
class Sources:
    """What pages are made of."""

    upstreams: Upstreams
    documents: Documents


Page = Callable[[Call, Sources], Awaitable[Rendered]]


async def serve(call: Call, upstreams: Upstreams, documents: Documents) -> None:
    """Render the page of this path; a failure is a page as well."""
    allowed = ("GET", "HEAD", "POST") if call.path == "/progress" else ("GET", "HEAD")
    if call.method not in allowed:
        raise MethodNotAllowed(allowed=", ".join(allowed))
    if call.path == "/static/style.css":
        await call.answer(
            _OK, STYLE, "text/css; charset=utf-8", [(b"cache-control", b"public, max-age=3600")]
        )
        return
    try:
        page = _guide if call.path.startswith("/guide/") else PAGES.get(call.path)
        if page is None:
            raise NotFound
        rendered = await page(call, Sources(upstreams, documents))
    except ServiceError as error:
        language = call.language
        content = {"title": error.title(language), "detail": error.detail(language)}
        rendered = Rendered(error.status, "failure.html", content)
    await _answer(call, rendered)


async def _answer(call: Call, rendered: Rendered) -> None:
    language = call.language
    text = templates.get_template(rendered.template).render(
        t=TEXTS[language],
        status_words=STATUS_WORDS[language],
        language="zh-CN" if language == "zh" else "en",
        **rendered.content,
    )
    headers = [
        (b"content-security-policy", POLICY),
        (b"content-language", b"zh-CN" if language == "zh" else b"en"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"cache-control", b"no-store" if call.path == "/progress" else b"no-cache"),
        (b"vary", b"accept-language"),
    ]
    await call.answer(rendered.status, text.encode(), "text/html; charset=utf-8", headers)


async def _start(call: Call, sources: Sources) -> Rendered:
    asked = {name: call.parameter(name) for name in ("q", "after") if call.parameter(name)}
    status, found = await _ask(call, sources, "catalog", "/api/v1/items", asked)
    content = {
        "q": asked.get("q", ""),
        "items": found.get("data", []),
        "next": found.get("next"),
        "problem": None if status == _OK else found,
    }
    return Rendered(_OK if status == _OK else status, "start.html", content)


async def _guide(call: Call, sources: Sources) -> Rendered:
    try:
        item_id = UUID(call.path.removeprefix("/guide/"))
    except ValueError:
        raise NotFound from None
    status, item = await _ask(call, sources, "catalog", f"/api/v1/items/{item_id}", {})
    if status != _OK:
        raise NotFound
    return Rendered(_OK, "guide.html", {"item": item})


async def _progress(call: Call, sources: Sources) -> Rendered:
    """The query code is posted, so that it stands in no history and no log."""
    asked = {"case_no": "", "query_code": ""}
    if call.method != "POST":
        return Rendered(_OK, "progress.html", {"asked": asked, "found": None, "problem": None})
    asked |= {name: values[0].strip() for name, values in (await _form(call, sources)).items()}
    asked = {name: asked[name] for name in ("case_no", "query_code")}
    status, found = await _ask(call, sources, "case", "/api/v1/progress", asked)
    shown, problem = (found, None) if status == _OK else (None, found)
    return Rendered(status, "progress.html", {"asked": asked, "found": shown, "problem": problem})


async def _performance(call: Call, sources: Sources) -> Rendered:
    given = {name: call.parameter(name) for name in ("region", "department", "period")}
    asked = {name: value for name, value in given.items() if value}
    status, found = await _ask(call, sources, "case", "/api/v1/public/performance", asked)
    content = {
        "asked": given,
        "rows": found.get("indicators", []),
        "problem": None if status == _OK else found,
    }
    return Rendered(status, "performance.html", content)


async def _docs(_: Call, sources: Sources) -> Rendered:
    document = sources.documents.openapi
    if document is None:
        raise NotYet(missing=", ".join(sources.documents.missing("openapi")), retry_after=2)
    methods = ("get", "post", "put", "patch", "delete")
    by_tag: dict[str, list[Any]] = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method in methods:
            if method in operations:
                one = operations[method]
                by_tag[one["tags"][0]].append((method, path, one))
    content = {"document": document, "by_tag": {k: v for k, v in by_tag.items() if v}}
    return Rendered(_OK, "docs.html", content)


async def _form(call: Call, sources: Sources) -> dict[str, list[str]]:
    body = body_of(call, MAX_FORM_BYTES, sources.upstreams.seconds(call))
    return parse_qs((await body.whole()).decode("utf-8", "replace")) if body else {}


async def _ask(
    call: Call, sources: Sources, service: str, path: str, parameters: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    """The service's answer as anybody would get it."""
    asked = call.asking(path, urlencode(parameters).encode(), *_NOT_SENT)
    answer = await fetch(asked, sources.upstreams, service, MAX_ANSWER_BYTES)
    try:
        content = json.loads(answer.body or b"")
    except ValueError:
        content = {}
    return answer.status, content if isinstance(content, dict) else {}


PAGES: dict[str, Page] = {
    "/": _start,
    "/progress": _progress,
    "/performance": _performance,
    "/docs": _docs,
}
