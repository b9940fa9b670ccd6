"""What an application in a browser may ask from another origin, and what it may not."""

import pytest

from chassis.testing.settings import ISSUER

from .factories import gives

LOOPBACK = ["http://127.0.0.1:5173", "http://localhost", "http://[::1]:3000"]
FOREIGN = [
    "http://evil.example",
    "https://localhost:1",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://localhost:1/",
    "http://user@localhost",
    "null",
    ISSUER,
]
OPEN = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
    "/oauth2/token",
    "/oauth2/userinfo",
    "/oauth2/revoke",
    "/api/v1/items",
    "/api/v1/me/cases",
    "/api/nowhere",
]
CLOSED = ["/oauth2/authorize", "/oauth2/login", "/oauth2/logout", "/", "/docs", "/livez"]
ALLOW = "access-control-allow-origin"


def preflight(net, path, origin, method="POST"):
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return net.client.options(path, headers=asked)


@pytest.mark.parametrize("origin", LOOPBACK)
async def test_a_loopback_origin_may_read_what_is_open(network, origin):
    net = await network()
    for path in OPEN:
        found = await net.client.get(path, headers={"Origin": origin})
        assert found.headers.get_list(ALLOW) == [origin], path
        assert "Origin" in found.headers.get_list("vary")
        exposed = found.headers["access-control-expose-headers"].split(", ")
        assert {"ETag", "Location", "X-Request-Id", "RateLimit", "RateLimit-Policy"} <= set(exposed)
        assert {"Retry-After", "Idempotency-Replayed", "WWW-Authenticate"} <= set(exposed)
        assert "access-control-allow-credentials" not in found.headers


@pytest.mark.parametrize("path", OPEN)
async def test_a_preflight_is_answered_here(network, path):
    net = await network()
    found = await preflight(net, path, LOOPBACK[0], "PATCH")
    assert (found.status_code, found.content) == (204, b"")
    assert found.headers[ALLOW] == LOOPBACK[0]
    assert "PATCH" in found.headers["access-control-allow-methods"]
    allowed = found.headers["access-control-allow-headers"].lower().split(", ")
    for name in ("authorization", "content-type", "idempotency-key", "if-match", "last-event-id"):
        assert name in allowed
    assert "access-control-allow-credentials" not in found.headers
    assert not any(service.seen for service in net.services.values())


@pytest.mark.parametrize("origin", FOREIGN)
async def test_other_origins_get_nothing(network, origin):
    net = await network()
    for path in ("/api/v1/items", "/oauth2/token"):
        for found in (
            await net.client.get(path, headers={"Origin": origin}),
            await preflight(net, path, origin),
        ):
            assert ALLOW not in found.headers
            assert "access-control-allow-methods" not in found.headers
            assert "Origin" in found.headers.get_list("vary")


@pytest.mark.parametrize("path", CLOSED)
async def test_where_people_sign_in_nobody_else_may_look(network, path):
    net = await network()
    found = await net.client.get(path, headers={"Origin": LOOPBACK[0]})
    assert not any(name.startswith("access-control") for name in found.headers)
    found = await preflight(net, path, LOOPBACK[0])
    assert not any(name.startswith("access-control") for name in found.headers)


async def test_refusals_can_be_read_too(network):
    net = await network(read_rate=0.01, read_burst=1)
    headers = {"Origin": LOOPBACK[0], "Authorization": "Bearer a.b.c"}
    for status in (401, 429):
        found = await net.client.get("/api/v1/me/cases", headers=headers)
        assert (found.status_code, found.headers[ALLOW]) == (status, LOOPBACK[0])


async def test_a_kept_answer_belongs_to_no_origin(network):
    net = await network()
    net.catalog.answers["/api/v1/items/1"] = gives({"a": 1}, Cache_Control="public, max-age=60")
    for origin in (*LOOPBACK, None, FOREIGN[0], LOOPBACK[0]):
        headers = {"Origin": origin} if origin else {}
        found = await net.client.get("/api/v1/items/1", headers=headers)
        assert found.headers.get_list(ALLOW) == ([origin] if origin in LOOPBACK else [])
    (seen,) = net.catalog.seen
    assert seen.all("origin") == []
