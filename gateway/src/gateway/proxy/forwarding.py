"""Forwarding: streamed both ways, with deadlines, limits and careful retries."""

import aiohttp
import structlog
from aiohttp import ClientResponse
from starlette.types import Message, Receive, Scope, Send

from chassis.errors import NotFound
from gateway.context import SMALL_BODY_BYTES, ClientGone, RequestContext, context_of
from gateway.errors import DeadlineExceeded, OutcomeUnknown, UpstreamUnavailable
from gateway.proxy.bodies import RequestBody, read_body
from gateway.proxy.deadline import Deadline
from gateway.proxy.headers import response_headers
from gateway.proxy.routing import service_of
from gateway.proxy.upstreams import FAILURES, SAFE, Upstreams

_BODILESS = frozenset({204, 304})
# Personal answers are kept by no browser or proxy unless the service says so.
_NO_STORE = (b"cache-control", b"no-store")
log = structlog.get_logger()


class Forwarding:
    """Sends every path that is not the gateway's own to its service and the answer back."""

    def __init__(self, upstreams: Upstreams) -> None:
        self.upstreams = upstreams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        service = service_of(context.path)
        if service is None:
            raise NotFound
        context.route = service
        try:
            await self.forward(context, service, receive, send)
        except DeadlineExceeded:
            FAILURES.labels(service, "late").inc()
            raise
        except aiohttp.ClientError as error:
            FAILURES.labels(service, "broken").inc()
            if context.status:  # the answer has begun, so all that is left is to cut it off
                log.warning("answer_broken", service=service, kind=type(error).__name__)
                raise ClientGone from error
            unknown = UpstreamUnavailable if context.method in SAFE else OutcomeUnknown
            raise unknown(retry_after=1) from error

    async def forward(
        self, context: RequestContext, service: str, receive: Receive, send: Send
    ) -> None:
        upstreams = self.upstreams
        seconds, limit = upstreams.seconds(context), upstreams.longest_body(context)
        body = await read_body(context, receive, limit=limit, seconds=seconds)
        streams = isinstance(body, RequestBody)
        limits = upstreams.upload_limits if streams else upstreams.limits
        with limits.place(service, context.client), Deadline(context, receive, seconds) as deadline:
            request = upstreams.request(context, seconds, body)
            response = await upstreams.send(service, request)
            try:
                await pass_back(context, response, send, deadline)
            finally:
                response.release()


async def pass_back(
    context: RequestContext, response: ClientResponse, send: Send, deadline: Deadline
) -> None:
    """Unchanged but for its framing; a small answer only once it is there as a whole."""
    headers = response_headers(response.raw_headers)
    bodiless = response.status in _BODILESS
    if bodiless:
        headers = [header for header in headers if header[0] != b"content-length"]
    if context.claims is not None and not any(name == b"cache-control" for name, _ in headers):
        headers.append(_NO_STORE)
    start: Message = {"type": "http.response.start", "status": response.status, "headers": headers}
    length = response.content_length
    if bodiless or context.method == "HEAD" or (length or SMALL_BODY_BYTES + 1) <= SMALL_BODY_BYTES:
        body = await response.content.read()
        await send(start)
    else:
        await send(start)
        while body := await response.content.readany():
            deadline.extend(len(body))
            await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": body})
