"""A bad token is refused at the edge, before any service is asked."""

import time

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from .factories import gives, problem


def forged(token):
    header, body, signature = token.removeprefix("Bearer ").split(".")
    key = ECKey.generate_key("P-256")
    claims = {"sub": "0198a4f0-0000-7000-8000-000000000000", "exp": int(time.time()) + 60}
    foreign = jwt.encode({"alg": "ES256", "kid": "identity-test", "typ": "at+jwt"}, claims, key)
    return {
        "empty": "",
        "words": "abc",
        "three words": "a.b.c",
        "cut": f"{header}.{body}",
        "signature": f"{header}.{body}.{signature[:-6]}AAAAAA",
        "unsigned": f"eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{body}.",
        "foreign key": foreign,
        "not ascii": "\xe9\xe9",
    }


async def test_good_tokens_pass_with_their_header(network, token):
    net = await network()
    headers = token()
    assert (await net.client.get("/api/v1/me/cases", headers=headers)).status_code == 200
    assert net.case.seen[0].one("authorization") == headers["Authorization"]


async def test_what_somebody_signed_in_was_told_is_kept_by_nobody(network, token):
    net = await network()
    own = await net.client.get("/api/v1/me/cases", headers=token())
    assert own.headers["cache-control"] == "no-store"
    net.case.answers["/api/v1/tasks"] = gives({"a": 1}, Cache_Control="private, max-age=5")
    said = await net.client.get("/api/v1/tasks", headers=token())
    assert said.headers.get_list("cache-control") == ["private, max-age=5"]
    assert "cache-control" not in (await net.client.get("/api/v1/progress")).headers


@pytest.mark.parametrize("kind", forged("Bearer a.b.c"))
@pytest.mark.parametrize("path", ["/api/v1/me/cases", "/api/v1/items"])
async def test_forged_tokens_are_401(network, token, kind, path):
    net = await network()
    bad = f"Bearer {forged(token()['Authorization'])[kind]}".strip().encode("latin-1")
    found = await net.client.get(path, headers=[(b"authorization", bad)])
    problem(found, 401, "unauthenticated")
    assert found.headers["www-authenticate"].startswith("Bearer ")
    assert 'error="invalid_token"' in found.headers["www-authenticate"]
    assert not net.case.seen
    assert not net.catalog.seen


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 60},
        {"iss": "http://elsewhere"},
        {"aud": "other"},
        {"sub": "not a uuid"},
        {"exp": "soon"},
    ],
)
async def test_tokens_for_another_time_or_place_are_401(network, token, claims):
    net = await network()
    problem(
        await net.client.get("/api/v1/me/cases", headers=token(**claims)), 401, "unauthenticated"
    )
    assert not net.case.seen


async def test_a_token_seen_before_is_refused_once_it_has_expired(network, token):
    net = await network()
    headers = token(exp=int(time.time()) - 4)  # within the leeway of 5 s
    assert (await net.client.get("/api/v1/me/cases", headers=headers)).status_code == 200
    time.sleep(2)  # noqa: ASYNC251 - the clock has to pass for everybody
    problem(await net.client.get("/api/v1/me/cases", headers=headers), 401, "unauthenticated")


async def test_without_a_token_the_service_decides(network):
    net = await network()
    assert (await net.client.get("/api/v1/me/cases")).status_code == 200
    assert net.case.seen[0].all("authorization") == []


async def test_basic_passes_for_the_service_to_judge(network):
    net = await network()
    await net.client.get("/api/v1/me/cases", headers={"Authorization": "Basic eDp5"})
    assert net.case.seen[0].one("authorization") == "Basic eDp5"


async def test_the_sign_in_paths_are_not_touched(network):
    net = await network()
    bad = {"Authorization": "Bearer opaque"}
    assert (await net.client.get("/oauth2/userinfo", headers=bad)).status_code == 200
    assert net.identity.seen[0].one("authorization") == "Bearer opaque"
