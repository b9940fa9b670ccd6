"""A client of the one-network API that knows nothing but docs/api.md."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

API = "/api/v1"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
SCOPES = "openid profile cases offline_access"


class SignInRefusedError(Exception):
    """The sign-in page was shown again, or an error came back."""


class LoginForm(HTMLParser):
    """The one form of the sign-in page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.forms = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.forms += 1
            self.action = values.get("action") or ""
        elif tag == "input" and values.get("name"):
            self.fields[str(values["name"])] = values.get("value") or ""


def pkce() -> tuple[str, str]:
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def discovery(base_url: str) -> dict[str, Any]:
    answer = httpx.get(f"{base_url}/.well-known/openid-configuration")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def patiently(send: Any) -> httpx.Response:
    """Does as Retry-After says, as a polite client would."""
    answer: httpx.Response = send()
    for _ in range(4):
        if answer.status_code != 429:
            break
        time.sleep(min(float(answer.headers.get("Retry-After", "1")) + 0.2, 62))
        answer = send()
    return answer


def authorization_code(
    base_url: str, username: str, password: str, challenge: str
) -> dict[str, str]:
    """Walks the pages as a browser does, until the redirect to us; returns its query."""
    ours = f"http://127.0.0.1:{secrets.randbelow(20000) + 30000}/callback"
    state = secrets.token_urlsafe(12)
    query = {
        "response_type": "code", "client_id": "onenet-web", "redirect_uri": ours, "scope": SCOPES,
        "state": state, "nonce": secrets.token_urlsafe(12),
        "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    with httpx.Client(timeout=30) as browser:
        endpoint = discovery(base_url)["authorization_endpoint"]
        page = patiently(lambda: browser.get(endpoint, params=query))
        posted = False
        for _ in range(8):
            if page.status_code in (302, 303, 307):
                target = urljoin(str(page.url), page.headers["Location"])
                if target.startswith(ours):
                    back = {k: v[0] for k, v in parse_qs(urlsplit(target).query).items()}
                    assert back["state"] == state
                    return back | {"redirect_uri": ours}
                page = browser.get(target)
                continue
            if posted or page.status_code != 200:
                raise SignInRefusedError(page.status_code, page.text[:500])
            form = LoginForm(page.text)
            assert form.forms == 1, page.text
            filled = form.fields | {"username": username, "password": password}
            to = urljoin(str(page.url), form.action)
            page = patiently(lambda to=to, filled=filled: browser.post(to, data=filled))
            posted = True
    raise SignInRefusedError("the redirects lead nowhere")


def sign_in(base_url: str, username: str, password: str) -> dict[str, Any]:
    """Authorization code with PKCE; the token answer."""
    verifier, challenge = pkce()
    back = authorization_code(base_url, username, password, challenge)
    if "code" not in back:
        raise SignInRefusedError(back)
    answer = httpx.post(
        discovery(base_url)["token_endpoint"],
        data={
            "grant_type": "authorization_code", "client_id": "onenet-web", "code": back["code"],
            "redirect_uri": back["redirect_uri"], "code_verifier": verifier,
        },
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def claims(token: str) -> dict[str, Any]:
    """What a token says, unverified."""
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


class Visitor:
    """Anyone at the door; signed in when he has an account."""

    def __init__(self, http: httpx.Client, account: dict[str, Any] | None = None) -> None:
        self.account = account
        self.http = http
        self.base_url = str(http.base_url).rstrip("/")
        self._token: tuple[str, float] | None = None

    @property
    def token(self) -> str:
        assert self.account is not None
        if self._token is None or time.monotonic() - self._token[1] > 600:
            signed = sign_in(self.base_url, self.account["username"], self.account["password"])
            self._token = (signed["access_token"], time.monotonic())
        return self._token[0]

    def call(self, method: str, path: str, *, polite: bool = True, **more: Any) -> httpx.Response:
        headers = dict(more.pop("headers", None) or {})
        if self.account is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        url = path if path.startswith(("/api/", "/.well-known", "http", "/openapi")) else API + path
        send = lambda: self.http.request(method, url, headers=headers, **more)  # noqa: E731
        return patiently(send) if polite else send()

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.call("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.call("POST", path, **more)

    def read(self, path: str, **more: Any) -> Any:
        return done(self.get(path, **more))

    def do(self, path: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
        return done(self.post(path, json={} if body is None else body, **more), status)

    def upload(
        self, content: bytes = PDF, name: str = "材料.pdf", kind: str = "application/pdf"
    ) -> str:
        answer = self.post("/files", files={"file": (name, content, kind)})
        return str(done(answer, 201)["file_id"])

    def every(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """All rows of a list, page by page."""
        rows: list[dict[str, Any]] = []
        after = None
        while True:
            page = self.read(
                path, params=params | {"limit": 100} | ({"after": after} if after else {})
            )
            rows += page["data"]
            after = page["next"]
            if after is None:
                return rows


def done(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, (
        f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    )
    return answer.json()


def refused(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    """An RFC 9457 problem of one of these statuses."""
    where = f"{answer.request.method} {answer.request.url}"
    assert answer.status_code in statuses, f"{where}: {answer.status_code} {answer.text}"
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json", where
    problem: dict[str, Any] = answer.json()
    assert problem["type"].startswith("urn:onenet:problem:"), problem
    assert problem["status"] == answer.status_code, problem
    assert problem["title"], problem
    assert problem["detail"], problem
    assert "instance" in problem, problem
    for error in problem.get("errors", []):
        assert set(error) >= {"pointer", "code", "message"}, problem
    return problem


def until(look: Any, *, seconds: float = 30, why: str = "it did not come about") -> Any:
    """Looks again and again until there is something; events take their moment."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < end, why
        time.sleep(0.2)
