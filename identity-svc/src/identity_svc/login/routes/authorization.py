"""The way through a browser: authorize, sign in, sign out; and requests pushed beforehand."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Anyone
from chassis.db import ReadSession, Session
from chassis.problems import language_of
from identity_svc.login import pages
from identity_svc.login.errors import InvalidClient, InvalidRequest, OAuthError
from identity_svc.login.redirects import is_allowed, origin_of, with_parameters
from identity_svc.login.routes.forms import (
    NO_STORE,
    answers_oauth,
    described,
    form_of,
    oauth_error,
    oauth_errors,
    once,
)
from identity_svc.login.usecases import authorization, clients, tokens
from identity_svc.login.usecases.authorization import REQUEST_URI, AuthorizationRequest, Pause
from identity_svc.settings import rules

router = APIRouter(prefix="/oauth2", tags=["sign-in"], responses=oauth_errors(400, 401, page=True))

_REST = "response_type redirect_uri code_challenge code_challenge_method"
_REQUIRED = f"client_id {_REST}"
_OPTIONAL = "scope state nonce prompt response_mode"
_SIGN_OUT = "id_token_hint post_logout_redirect_uri state"
_ONWARD: dict[int | str, dict[str, Any]] = {303: {"description": "On to the client"}}
_PAGE = {"content": {"text/html": {"schema": {"type": "string"}}}}
_REFUSED: dict[int | str, dict[str, Any]] = {
    403: {"description": "The form was sent from another site", **_PAGE},
    429: {"description": "Too many failed tries; Retry-After says how long to wait", **_PAGE},
}


@router.get(
    "/authorize",
    response_class=RedirectResponse,
    status_code=303,
    openapi_extra=described("query", "client_id", f"{_REST} {_OPTIONAL} request_uri"),
)
async def authorize(request: Request, actor: Anyone, session: ReadSession) -> Response:
    """Begin a sign-in (code, PKCE with S256); leads to the sign-in page.

    Until client and redirect address are known to be good, errors are shown here; after that the
    client is told by redirect.
    """
    try:
        return await _begin(session, once(request.query_params.multi_items()))
    except OAuthError as error:
        return _shown(request, error)


@router.post(
    "/authorize",
    response_class=RedirectResponse,
    status_code=303,
    openapi_extra=described("form", _REQUIRED, _OPTIONAL),
)
async def authorize_by_form(request: Request, actor: Anyone, session: ReadSession) -> Response:
    """The same, with the parameters in a form (OpenID Connect Core 3.1.2.1)."""
    try:
        return await _begin(session, await form_of(request))
    except OAuthError as error:
        return _shown(request, error)


async def _begin(session: AsyncSession, parameters: dict[str, str]) -> Response:
    if "request_uri" in parameters:
        pushed = parameters["request_uri"].removeprefix(REQUEST_URI)
        found = authorization.open_request(session, pushed)
        if found.client_id != parameters.get("client_id"):
            raise InvalidRequest("request_uri was pushed by another client")
        return _to_sign_in(session, found)
    client = await authorization.client_of(session, parameters)
    try:
        found = authorization.check_request(client, parameters)
    except OAuthError as error:
        told = {
            "error": error.error,
            "error_description": error.description,
            "state": parameters.get("state"),
            "iss": rules(session).issuer,
        }
        return _see(with_parameters(parameters["redirect_uri"], told))
    return _to_sign_in(session, found)


def _to_sign_in(session: AsyncSession, found: AuthorizationRequest) -> Response:
    seconds = rules(session).sign_in_page_seconds
    sealed = authorization.seal_request(session, found, seconds=seconds)
    return _see(with_parameters("/oauth2/login", {"request": sealed}))


@router.post(
    "/par",
    status_code=201,
    openapi_extra=described("form", _REQUIRED, f"{_OPTIONAL} client_secret"),
)
@answers_oauth
async def push_request(request: Request, actor: Anyone, session: ReadSession) -> Response:
    """Push an authorization request (RFC 9126); the answer names it for `authorize`."""
    form = await form_of(request)
    client = await clients.authenticate(session, form, request.headers.get("authorization"))
    if "request_uri" in form:
        raise InvalidRequest("request_uri cannot be pushed")
    parameters = form | {"client_id": client.client_id}
    await authorization.client_of(session, parameters)
    found = authorization.check_request(client, parameters)
    seconds = rules(session).pushed_request_seconds
    sealed = authorization.seal_request(session, found, seconds=seconds)
    return JSONResponse(
        {"request_uri": REQUEST_URI + sealed, "expires_in": seconds},
        status_code=201,
        headers=NO_STORE,
    )


@router.get("/login", response_class=HTMLResponse)
async def show_sign_in(
    http: Request, actor: Anyone, session: ReadSession, request: str = ""
) -> Response:
    """The sign-in page: one form with `username`, `password` and the sealed `request`."""
    try:
        found = authorization.open_request(session, request)
    except OAuthError as error:
        return _shown(http, error, page="begin_again")
    return _page(http, found, request)


@router.post(
    "/login",
    response_class=HTMLResponse,
    openapi_extra=described("form", "request username password"),
    responses=_ONWARD | _REFUSED,
)
async def sign_in(request: Request, actor: Anyone, session: Session) -> Response:
    """Check name and password: 303 on to the client, or the page again with the reason.

    Failed tries are kept; too many of them and the page answers 429.
    """
    if request.headers.get("sec-fetch-site") == "cross-site":
        return _notice(request, "foreign", status=403)
    try:
        form = await form_of(request)
        sealed = form.get("request", "")
        found = authorization.open_request(session, sealed)
    except OAuthError as error:
        return _shown(request, error, page="begin_again")
    username = form.get("username", "")
    outcome = await authorization.sign_in(
        session,
        found,
        username=username,
        password=form.get("password", ""),
        address=request.client.host if request.client else "unknown",
    )
    if isinstance(outcome, str):
        return _see(outcome)
    return _page(request, found, sealed, username=username, refused=outcome or Pause(0))


@router.get(
    "/logout",
    responses=_ONWARD,
    response_class=HTMLResponse,
    openapi_extra=described("query", "", _SIGN_OUT),
)
async def sign_out(request: Request, actor: Anyone, session: Session) -> Response:
    """End the sign-in that `id_token_hint` speaks of, then return to the client or say so."""
    try:
        return await _sign_out(request, session, once(request.query_params.multi_items()))
    except OAuthError as error:
        return _shown(request, error)


@router.post(
    "/logout",
    responses=_ONWARD,
    response_class=HTMLResponse,
    openapi_extra=described("form", "", _SIGN_OUT),
)
async def sign_out_by_form(request: Request, actor: Anyone, session: Session) -> Response:
    """The same, with the parameters in a form."""
    try:
        return await _sign_out(request, session, await form_of(request))
    except OAuthError as error:
        return _shown(request, error)


async def _sign_out(
    request: Request, session: AsyncSession, parameters: dict[str, str]
) -> Response:
    client = None
    if "id_token_hint" in parameters:
        client = await tokens.sign_out(session, parameters["id_token_hint"])
    back = parameters.get("post_logout_redirect_uri")
    if client is not None and back is not None and is_allowed(back, client.redirect_uris):
        return _see(with_parameters(back, {"state": parameters.get("state")}))
    return _notice(request, "signed_out")


def _see(address: str) -> Response:
    return RedirectResponse(address, status_code=303, headers=NO_STORE)


def _page(
    http: Request,
    found: AuthorizationRequest,
    sealed: str,
    *,
    username: str = "",
    refused: Pause | None = None,
) -> Response:
    language = language_of(http.headers.get("accept-language"))
    seconds = refused.seconds if refused else 0
    problem = ("paused" if seconds else "wrong") if refused else None
    origin = origin_of(found.redirect_uri)
    text = pages.sign_in_page(
        language, request=sealed, client=origin, username=username, problem=problem, seconds=seconds
    )
    headers = pages.headers(language, form_to=origin)
    if seconds:
        headers["Retry-After"] = str(seconds)
    status = {None: 200, "wrong": 401, "paused": 429}[problem]
    return HTMLResponse(text, status_code=status, headers=headers)


def _notice(
    request: Request, sentence: str, *, status: int = 200, detail: str | None = None
) -> Response:
    language = language_of(request.headers.get("accept-language"))
    text = pages.notice_page(language, sentence, detail)
    return HTMLResponse(text, status_code=status, headers=pages.headers(language))


def _shown(request: Request, error: OAuthError, *, page: str = "begin_again") -> Response:
    """To a person as a page, to a program as JSON; never by redirect."""
    if "text/html" not in request.headers.get("accept", ""):
        return oauth_error(error)
    status = 400 if isinstance(error, InvalidClient) else error.status
    return _notice(request, page, status=status, detail=error.description)
