"""A small client of the one-network API.

It signs in as a person does, renews its token, and repeats lost requests without doing anything
twice.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from chassis.clock import new_id
from onenet.failures import NotAnswering, SignInFailed, Unexpected

CLIENT_ID: Final = "onenet-web"
REDIRECT_URI: Final = "http://127.0.0.1:1/callback"
SCOPES: Final = "openid profile cases offline_access"
TIMEOUT: Final = httpx.Timeout(60, connect=5)
FRESH_SECONDS: Final = 30
HOPS: Final = 8
TRIES: Final = 6
BUSY: Final = (429, 503)


class SignInForm(HTMLParser):
    """The form of the sign-in page: its address and its fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.action = values.get("action") or ""
        elif tag == "input" and values.get("name"):
            self.fields[str(values["name"])] = values.get("value") or ""


@dataclass
class SignedIn(httpx.Auth):
    """OpenID code flow with PKCE through the sign-in page, as an httpx authentication.

    The same object serves synchronous and asynchronous clients.
    """

    base_url: str
    username: str
    password: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires: float = 0
    requires_response_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if time.monotonic() > self.expires - FRESH_SECONDS:
            yield from self._renew()
        request.headers["Authorization"] = f"Bearer {self.access_token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            yield from self._renew()
            request.headers["Authorization"] = f"Bearer {self.access_token}"
            yield request

    def _renew(self) -> Generator[httpx.Request, httpx.Response, None]:
        if self.refresh_token:
            answer = yield self.token_request(
                {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
            )
            self.refresh_token = ""
            if answer.is_success:
                self._keep(answer)
                return
        yield from self._sign_in()

    def _sign_in(self) -> Generator[httpx.Request, httpx.Response, None]:
        verifier = secrets.token_urlsafe(48)
        cookies = httpx.Cookies()
        state = secrets.token_urlsafe(16)
        page = yield from self.follow(self.authorization_request(verifier, state), cookies)
        answer = yield from self.submitted(page, cookies)
        code = self.code_of(answer, state)
        answer = yield self.token_request(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": REDIRECT_URI,
                "code_verifier": verifier,
            }
        )
        if not answer.is_success:
            raise SignInFailed(self.username, f"no token: {answer.status_code} {answer.text[:200]}")
        self._keep(answer)

    def submitted(
        self, page: httpx.Response, cookies: httpx.Cookies
    ) -> Generator[httpx.Request, httpx.Response, httpx.Response]:
        """Fill in the sign-in page and send it."""
        form = SignInForm(page.text)
        if page.status_code != httpx.codes.OK or not form.action:
            raise SignInFailed(self.username, f"no sign-in page: {page.status_code}")
        filled = {**form.fields, "username": self.username, "password": self.password}
        request = httpx.Request("POST", urljoin(str(page.url), form.action), data=filled)
        return (yield from self.follow(request, cookies))

    def authorization_request(self, verifier: str, state: str) -> httpx.Request:
        digest = hashlib.sha256(verifier.encode()).digest()
        return httpx.Request(
            "GET",
            f"{self.base_url}/oauth2/authorize",
            params={
                "response_type": "code",
                "client_id": CLIENT_ID,
                "redirect_uri": REDIRECT_URI,
                "scope": SCOPES,
                "state": state,
                "nonce": secrets.token_urlsafe(16),
                "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
                "code_challenge_method": "S256",
            },
        )

    def follow(
        self, request: httpx.Request, cookies: httpx.Cookies
    ) -> Generator[httpx.Request, httpx.Response, httpx.Response]:
        """Follow redirects up to a page, or to the redirect that returns to the client."""
        for _ in range(HOPS):
            cookies.set_cookie_header(request)
            answer = yield request
            cookies.extract_cookies(answer)
            target = urljoin(str(request.url), answer.headers.get("location", ""))
            if not answer.has_redirect_location or target.startswith(REDIRECT_URI):
                return answer
            request = httpx.Request("GET", target)
        raise SignInFailed(self.username, "the sign-in page redirects in circles")

    def code_of(self, answer: httpx.Response, state: str) -> str:
        if not answer.has_redirect_location:
            raise SignInFailed(self.username, f"the page answered {answer.status_code}")
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        if "code" not in query:
            raise SignInFailed(self.username, query.get("error", ["no code"])[0])
        if query.get("state") != [state]:
            raise SignInFailed(self.username, "the answer belongs to another sign-in")
        return query["code"][0]

    def token_request(self, fields: Mapping[str, str]) -> httpx.Request:
        return httpx.Request(
            "POST", f"{self.base_url}/oauth2/token", data={"client_id": CLIENT_ID, **fields}
        )

    def _keep(self, answer: httpx.Response) -> None:
        token = answer.json()
        self.access_token = token["access_token"]
        self.refresh_token = token.get("refresh_token", "")
        self.expires = time.monotonic() + float(token["expires_in"])


@dataclass
class Network:
    """The API as an account sees it, or the public when there is no account."""

    http: httpx.Client

    @classmethod
    def at(cls, base_url: str, auth: SignedIn | None = None) -> "Network":
        return cls(httpx.Client(base_url=base_url, auth=auth, timeout=TIMEOUT))

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request and return the answer, whatever its status.

        A POST carries an Idempotency-Key, so that it can be repeated when it was cut off or the
        platform was busy.
        """
        headers = dict(options.pop("headers", {}))
        if method == "POST":
            headers.setdefault("Idempotency-Key", str(new_id()))
        for attempt in range(1, TRIES + 1):
            try:
                answer = self.http.request(method, path, headers=headers, **options)
            except httpx.TransportError:
                if attempt == TRIES:
                    raise NotAnswering(str(self.http.base_url).rstrip("/")) from None
                time.sleep(0.2 * attempt)
                continue
            if answer.status_code not in BUSY or attempt == TRIES:
                return answer
            time.sleep(_pause(answer, attempt))
        raise AssertionError("unreachable")

    def get(self, path: str, **options: Any) -> Any:
        return promised(self.send("GET", path, **options), httpx.codes.OK).json()

    def post(self, path: str, body: Any, *, status: int = 201, **options: Any) -> Any:
        return promised(self.send("POST", path, json=body, **options), status).json()


def _pause(answer: httpx.Response, attempt: int) -> float:
    try:
        return min(float(answer.headers["retry-after"]), 30)
    except (KeyError, ValueError):
        return 0.3 * attempt


def promised(answer: httpx.Response, *statuses: int) -> httpx.Response:
    """The answer if it has one of these statuses; raises Unexpected otherwise."""
    if answer.status_code not in statuses:
        request = answer.request
        raise Unexpected(
            f"{request.method} {request.url.path} was to answer"
            f" {' or '.join(map(str, statuses))} and answered {answer.status_code}:"
            f" {answer.text[:600]}"
        )
    return answer


def is_there(base_url: str) -> bool:
    """Whether a platform answers at the address and is ready."""
    try:
        return httpx.get(f"{base_url}/readyz", timeout=5).is_success
    except httpx.HTTPError:
        return False
