"""Routes for browsers: authorize, sign in, sign out; and pushed authorization requests."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Anyone
from chassis.database.sessions import ReadSession, WriteSession, process_of, transaction
from chassis.http.route import Outcome, StagedRoute, TransactionRoute
from chassis.problems import language_of
from chassis.process import Process
from identity_svc.login import pages
from identity_svc.login.errors import InvalidClient, InvalidRequest, OAuthError
from identity_svc.login.routes.forms import (
    NO_STORE,
    answers_oauth,
    describe_parameters,
    form_of,
    oauth_error,
    oauth_errors,
    unique_parameters,
)
from identity_svc.login.rules.redirects import is_allowed, origin_of, with_parameters
from identity_svc.login.usecases import authorization, clients, tokens
from identity_svc.login.usecases.authorization import REQUEST_URI, AuthorizationRequest, Pause
from identity_svc.settings import rules

router = APIRouter(
    route_class=TransactionRoute,
    prefix="/oauth2",
    tags=["sign-in"],
    responses=oauth_errors(400, 401, page=True),
)
staged = APIRouter(
    route_class=StagedRoute,
    prefix="/oauth2",
    tags=["sign-in"],
    responses=oauth_errors(400, 401, page=True),
)

_REST = "response_type redirect_uri code_challenge code_challenge_method"
_REQUIRED = f"client_id {_REST}"
_OPTIONAL = "scope state nonce prompt response_mode"
_SIGN_OUT = "id_token_hint post_logout_redirect_uri state"
_ONWARD: dict[int | str, dict[str, Any]] = {303: {"description": "Redirect to the client"}}
_PAGE = {"content": {"text/html": {"schema": {"type": "string"}}}}
_REFUSED: dict[int | str, dict[str, Any]] = {
    403: {"description": "The form was sent from another site", **_PAGE},
    429: {"description": "Too many failed attempts; Retry-After says how long to wait", **_PAGE},
}


@router.get(
    "/authorize",
    response_class=RedirectResponse,
    status_code=303,
    openapi_extra=describe_parameters("query", "client_id", f"{_REST} {_OPTIONAL} request_uri"),
)
async def authorize(request: Request, actor: Anyone, session: ReadSession) -> Response:
    """Begin a sign-in (code, PKCE with S256); redirects to the sign-in page.

    While client and redirect address are not verified, errors are shown here; after that they are
    sent to the client by redirect.
    """
    try:
        return await _begin(session, unique_parameters(request.query_params.multi_items()))
    except OAuthError as error:
        return _error_answer(request, error)


@router.post(
    "/authorize",
    response_class=RedirectResponse,
    status_code=303,
    openapi_extra=describe_parameters("form", _REQUIRED, _OPTIONAL),
)
async def authorize_by_form(request: Request, actor: Anyone, session: ReadSession) -> Response:
    """The same, with the parameters in a form (OpenID Connect Core 3.1.2.1)."""
    try:
        return await _begin(session, await form_of(request))
    except OAuthError as error:
        return _error_answer(request, error)


async def _begin(session: AsyncSession, parameters: dict[str, str]) -> Response:
    vault, settings = process_of(session).vault, rules(session)
    if "request_uri" in parameters:
        pushed = parameters["request_uri"].removeprefix(REQUEST_URI)
        requested = authorization.open_request(vault, pushed)
        if requested.client_id != parameters.get("client_id"):
            raise InvalidRequest("request_uri was pushed by another client")
    else:
        client = await authorization.client_of(session, parameters)
        try:
            requested = authorization.check_request(client, parameters)
        except OAuthError as error:
            answer = {
                "error": error.error,
                "error_description": error.description,
                "state": parameters.get("state"),
                "iss": settings.issuer,
            }
            return _redirect(with_parameters(parameters["redirect_uri"], answer))
    sealed = authorization.seal_request(vault, requested, seconds=settings.sign_in_page_seconds)
    return _redirect(with_parameters("/oauth2/login", {"request": sealed}))


@router.post(
    "/par",
    status_code=201,
    openapi_extra=describe_parameters("form", _REQUIRED, f"{_OPTIONAL} client_secret"),
)
@answers_oauth
async def push_request(request: Request, actor: Anyone, session: ReadSession) -> Response:
    """Push an authorization request (RFC 9126); the answer is its `request_uri` for `authorize`."""
    form = await form_of(request)
    client = await clients.authenticate(session, form, request.headers.get("authorization"))
    if "request_uri" in form:
        raise InvalidRequest("request_uri cannot be pushed")
    parameters = form | {"client_id": client.client_id}
    await authorization.client_of(session, parameters)
    requested = authorization.check_request(client, parameters)
    seconds = rules(session).pushed_request_seconds
    sealed = authorization.seal_request(process_of(session).vault, requested, seconds=seconds)
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
        requested = authorization.open_request(process_of(session).vault, request)
    except OAuthError as error:
        return _error_answer(http, error)
    return _sign_in_page(http, requested, request)


@staged.post(
    "/login",
    response_class=HTMLResponse,
    openapi_extra=describe_parameters("form", "request username password"),
    responses=_ONWARD | _REFUSED,
)
async def sign_in(request: Request, actor: Anyone, outcome: Outcome) -> Response:
    """Verify name and password: 303 to the client, or the page again with the reason.

    Failed attempts are recorded; after too many of them the page answers 429.
    """
    if request.headers.get("sec-fetch-site") == "cross-site":
        return _notice(request, "foreign", status=403)
    process: Process = request.app.state.process
    try:
        form = await form_of(request)
        sealed, username = form.get("request", ""), form.get("username", "")
        requested = authorization.open_request(process.vault, sealed)
    except OAuthError as error:
        return _error_answer(request, error)
    address = request.client.host if request.client else "unknown"
    async with transaction(process) as session:
        attempt = await authorization.begin_sign_in(session, username=username, address=address)
    if isinstance(attempt, Pause):
        return _sign_in_page(request, requested, sealed, username=username, pause=attempt.seconds)
    account_id = await authorization.account_with_password(attempt, form.get("password", ""))
    session = await outcome.begin(actor)
    location = await authorization.finish_sign_in(session, attempt, requested, account_id)
    if location is None:
        return _sign_in_page(request, requested, sealed, username=username, pause=0)
    return _redirect(location)


@router.get(
    "/logout",
    responses=_ONWARD,
    response_class=HTMLResponse,
    openapi_extra=describe_parameters("query", "", _SIGN_OUT),
)
async def sign_out(request: Request, actor: Anyone, session: WriteSession) -> Response:
    """End the sign-in of `id_token_hint`, then redirect to the client or show a notice."""
    try:
        return await _sign_out(
            request, session, unique_parameters(request.query_params.multi_items())
        )
    except OAuthError as error:
        return _error_answer(request, error)


@router.post(
    "/logout",
    responses=_ONWARD,
    response_class=HTMLResponse,
    openapi_extra=describe_parameters("form", "", _SIGN_OUT),
)
async def sign_out_by_form(request: Request, actor: Anyone, session: WriteSession) -> Response:
    """The same, with the parameters in a form."""
    try:
        return await _sign_out(request, session, await form_of(request))
    except OAuthError as error:
        return _error_answer(request, error)


async def _sign_out(
    request: Request, session: WriteSession, parameters: dict[str, str]
) -> Response:
    client = None
    if "id_token_hint" in parameters:
        client = await tokens.sign_out(session, parameters["id_token_hint"])
    back = parameters.get("post_logout_redirect_uri")
    if client is not None and back is not None and is_allowed(back, client.redirect_uris):
        return _redirect(with_parameters(back, {"state": parameters.get("state")}))
    return _notice(request, "signed_out")


def _redirect(address: str) -> Response:
    return RedirectResponse(address, status_code=303, headers=NO_STORE)


def _sign_in_page(
    http: Request,
    requested: AuthorizationRequest,
    sealed: str,
    *,
    username: str = "",
    pause: int | None = None,
) -> Response:
    """`pause` is None before an attempt, 0 after a wrong password, else the seconds to wait."""
    language = language_of(http.headers.get("accept-language"))
    origin = origin_of(requested.redirect_uri)
    headers = pages.headers(language, form_to=origin)
    problem, status = None, 200
    if pause == 0:
        problem, status = "wrong", 401
    elif pause is not None:
        problem, status = "paused", 429
        headers["Retry-After"] = str(pause)
    text = pages.sign_in_page(
        language,
        request=sealed,
        client=origin,
        username=username,
        problem=problem,
        seconds=pause or 0,
    )
    return HTMLResponse(text, status_code=status, headers=headers)


def _notice(
    request: Request, sentence: str, *, status: int = 200, detail: str | None = None
) -> Response:
    language = language_of(request.headers.get("accept-language"))
    text = pages.notice_page(language, sentence, detail)
    return HTMLResponse(text, status_code=status, headers=pages.headers(language))


def _error_answer(request: Request, error: OAuthError) -> Response:
    """A page for a browser, JSON for a program; never a redirect."""
    if "text/html" not in request.headers.get("accept", ""):
        return oauth_error(error)
    status = 400 if isinstance(error, InvalidClient) else error.status
    return _notice(request, "begin_again", status=status, detail=error.description)
