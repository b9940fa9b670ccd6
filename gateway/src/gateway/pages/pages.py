"""Start page, guide, progress, indicators and API documents, rendered on the server.

They work without a script; everything a service said is escaped by the templates.
"""

import json
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from jinja2 import Environment, PackageLoader
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from chassis.errors import NotFound, ServiceError
from gateway.context import context_of
from gateway.errors import DocumentNotReady
from gateway.openapi.documents import Documents
from gateway.proxy.bodies import RequestBody
from gateway.proxy.upstreams import Upstreams

FOLDER = files("gateway") / "pages"
STYLE = str(FOLDER / "static/style.css")
# The words of the pages, and of the states of a case, in both languages.
WORDS = json.loads((FOLDER / "texts.json").read_text("utf-8"))
MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_FORM_BYTES = 4096
_OK = 200
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Vary": "accept-language",
}
_NOT_SENT = (b"authorization", b"cookie", b"if-none-match", b"range", b"accept-encoding", b"accept")


class Page(NamedTuple):
    status: int
    template: str
    content: dict[str, Any]


def words(request: Request) -> dict[str, Any]:
    language = context_of(request.scope).language
    return {
        "t": WORDS["texts"][language],
        "status_words": WORDS["status_words"][language],
        "language": "zh-CN" if language == "zh" else "en",
    }


templates = Jinja2Templates(
    env=Environment(
        loader=PackageLoader("gateway", "pages/templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    ),
    context_processors=[words],
)


def page(render: Callable[[Request], Awaitable[Page]]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that shows what `render` returns; a failure is a page as well."""

    async def endpoint(request: Request) -> Response:
        context = context_of(request.scope)
        try:
            status, template, content = await render(request)
        except ServiceError as error:
            language = context.language
            content = {"title": error.title(language), "detail": error.detail(language)}
            status, template = error.status, "failure.html"
        headers = {
            **_HEADERS,
            "Content-Language": "zh-CN" if context.language == "zh" else "en",
            "Cache-Control": "no-store" if context.path == "/progress" else "no-cache",
        }
        return templates.TemplateResponse(request, template, content, status, headers)

    return endpoint


class Pages:
    def __init__(self, upstreams: Upstreams, documents: Documents) -> None:
        self.upstreams = upstreams
        self.documents = documents

    def routes(self) -> list[Route]:
        return [
            Route("/", page(self.start)),
            Route("/guide/{item_id:path}", page(self.guide)),
            Route("/progress", page(self.progress), methods=["GET", "POST"]),
            Route("/performance", page(self.performance)),
            Route("/docs", page(self.docs)),
            Route("/static/style.css", style),
            Route("/static/{name:path}", page(missing)),
        ]

    async def start(self, request: Request) -> Page:
        query = {name: request.query_params.get(name, "") for name in ("q", "after")}
        parameters = {name: value for name, value in query.items() if value}
        status, answer = await self._ask(request, "catalog", "/api/v1/items", parameters)
        content = {
            "q": query["q"],
            "items": answer.get("data", []),
            "next": answer.get("next"),
            "problem": None if status == _OK else answer,
        }
        return Page(status, "start.html", content)

    async def guide(self, request: Request) -> Page:
        try:
            item_id = UUID(request.path_params["item_id"])
        except ValueError:
            raise NotFound from None
        status, item = await self._ask(request, "catalog", f"/api/v1/items/{item_id}", {})
        if status != _OK:
            raise NotFound
        return Page(_OK, "guide.html", {"item": item})

    async def progress(self, request: Request) -> Page:
        """The query code is posted, so that it stands in no history and no log."""
        query = {"case_no": "", "query_code": ""}
        if request.method != "POST":
            content = {"query": query, "progress": None, "problem": None}
            return Page(_OK, "progress.html", content)
        # Starlette's `form()` knows neither a limit nor a deadline.
        context = context_of(request.scope)
        seconds = self.upstreams.seconds(context)
        body = RequestBody(context, request.receive, limit=MAX_FORM_BYTES, seconds=seconds)
        form = parse_qs((await body.whole()).decode("utf-8", "replace"))
        query = {name: form.get(name, [""])[0].strip() for name in query}
        status, answer = await self._ask(request, "case", "/api/v1/progress", query)
        shown, problem = (answer, None) if status == _OK else (None, answer)
        content = {"query": query, "progress": shown, "problem": problem}
        return Page(status, "progress.html", content)

    async def performance(self, request: Request) -> Page:
        names = ("region", "department", "period")
        query = {name: request.query_params.get(name, "") for name in names}
        parameters = {name: value for name, value in query.items() if value}
        path = "/api/v1/public/performance"
        status, answer = await self._ask(request, "case", path, parameters)
        content = {
            "query": query,
            "rows": answer.get("indicators", []),
            "problem": None if status == _OK else answer,
        }
        return Page(status, "performance.html", content)

    async def docs(self, _: Request) -> Page:
        document = self.documents.openapi
        if document is None:
            missing = ", ".join(self.documents.missing("openapi"))
            raise DocumentNotReady(missing=missing, retry_after=2)
        by_tag: dict[str, list[Any]] = {tag["name"]: [] for tag in document["tags"]}
        for path, operations in document["paths"].items():
            for method in ("get", "post", "put", "patch", "delete"):
                if method in operations:
                    operation = operations[method]
                    by_tag[operation["tags"][0]].append((method, path, operation))
        filled = {tag: operations for tag, operations in by_tag.items() if operations}
        return Page(_OK, "docs.html", {"document": document, "by_tag": filled})

    async def _ask(
        self, request: Request, service: str, path: str, parameters: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        """The service's answer as anybody would get it."""
        context = context_of(request.scope)
        derived = context.derive_get(path, urlencode(parameters).encode(), *_NOT_SENT)
        answer = await self.upstreams.fetch(derived, service, MAX_ANSWER_BYTES)
        try:
            content = json.loads(answer.body or b"")
        except ValueError:
            content = {}
        return answer.status, content if isinstance(content, dict) else {}


async def style(_: Request) -> Response:
    return FileResponse(STYLE, headers={"Cache-Control": "public, max-age=3600"})


async def missing(_: Request) -> Page:
    raise NotFound
