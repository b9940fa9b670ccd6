"""Tokens: what they say, and everything that must not give one."""

import asyncio
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import func, select

from chassis import clock
from identity_svc.login.models import AuthorizationCode, RefreshToken, SignInAttempt
from identity_svc.login.usecases.keys import delete_old

from .factories import (
    admin,
    claims_of,
    code_form,
    get_code,
    make_department,
    make_person,
    make_regions,
    make_staff,
    make_system,
    refresh,
    sign_in,
)

TOKEN = "/oauth2/token"


@pytest.fixture
async def person(client):
    await make_regions(client)
    return await make_person(client)


@pytest.fixture
async def system(client):
    return await make_system(client, await make_department(client))


@pytest.fixture
async def own_keys(client, process):
    """The service trusts its own keys, as its background fetch arranges in a real process."""
    before = dict(process.keys.keys)
    for key in (await client.get("/.well-known/jwks.json")).json()["keys"]:
        if key["kid"].startswith("identity-"):
            process.keys.keys[key["kid"]] = ECKey.import_key(key)
    yield
    process.keys.keys.clear()
    process.keys.keys.update(before)


def bearer(tokens):
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def is_active(client, system, token):
    form = {key: system[key] for key in ("client_id", "client_secret")} | {"token": token}
    answer = await client.post("/oauth2/introspect", data=form)
    assert answer.status_code == 200, answer.text
    return answer.json()["active"]


class TestCode:
    async def test_citizen_token_says_what_services_need_and_no_name(self, client, person):
        tokens = await sign_in(client, person["mobile"])
        assert tokens["token_type"] == "Bearer"
        assert tokens["expires_in"] == 900
        keys = KeySet.import_key_set((await client.get("/.well-known/jwks.json")).json())
        decoded = jwt.decode(tokens["access_token"], keys, algorithms=["ES256"])
        assert decoded.header["typ"] == "at+jwt"
        assert decoded.header["kid"].startswith("identity-")
        claims = decoded.claims
        assert claims["exp"] - claims["iat"] == 900
        assert claims["jti"]
        expected = {
            "iss": "http://onenet.test",
            "sub": person["person_id"],
            "aud": "onenet",
            "client_id": "onenet-web",
            "scope": "openid profile cases offline_access",
            "kind": "citizen",
            "level": "L2",
            "department": None,
            "region": None,
            "roles": [],
            "post": None,
        }
        assert expected.items() <= claims.items()
        assert claims.keys() - expected.keys() == {"iat", "exp", "jti"}

    async def test_staff_token_says_department_region_and_roles(self, client):
        department = await make_department(client)
        staff = await make_staff(client, department, roles=["decider", "clerk"])
        claims = claims_of((await sign_in(client, staff["username"]))["access_token"])
        assert claims["kind"] == "staff"
        assert claims["department"] == department
        assert claims["region"] == "511602000000"
        assert claims["roles"] == ["clerk", "decider"]
        assert claims["post"] == "窗口受理岗"
        assert claims["level"] is None

    async def test_identity_token_names_the_person_for_scope_profile(self, client, person):
        claims = claims_of((await sign_in(client, person["mobile"]))["id_token"])
        assert (claims["aud"], claims["nonce"]) == ("onenet-web", "n-1")
        assert (claims["name"], claims["acr"]) == (person["name"], "L2")
        plain = await sign_in(client, person["mobile"], scope="openid", nonce=None)
        assert "name" not in claims_of(plain["id_token"])
        assert "refresh_token" not in plain
        assert "id_token" not in await sign_in(client, person["mobile"], scope="cases")

    async def test_answers_are_not_stored(self, client, person):
        code = await get_code(client, person["mobile"])
        answer = await client.post(TOKEN, data=code_form(code))
        assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        "changes",
        [
            {"code": "wrong"},
            {"code": None},
            {"code_verifier": "w" * 64},
            {"code_verifier": None},
            {"redirect_uri": "http://127.0.0.1:5173/other"},
            {"redirect_uri": None},
        ],
    )
    async def test_anything_else_gives_nothing(self, client, person, changes):
        code = await get_code(client, person["mobile"])
        answer = await client.post(TOKEN, data=code_form(code, **changes))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert (await client.post(TOKEN, data=code_form(code))).status_code == 200

    async def test_code_runs_out(self, client, person, freeze):
        code = await get_code(client, person["mobile"])
        with freeze(clock.now() + timedelta(seconds=61)):
            answer = await client.post(TOKEN, data=code_form(code))
        assert answer.json()["error"] == "invalid_grant"

    async def test_code_of_another_client_gives_nothing(self, client, person, system):
        code = await get_code(client, person["mobile"])
        form = code_form(code, client_id=system["client_id"], client_secret=system["client_secret"])
        assert (await client.post(TOKEN, data=form)).json()["error"] == "invalid_grant"

    async def test_replayed_code_revokes_what_it_gave(self, client, person, system):
        code = await get_code(client, person["mobile"])
        tokens = (await client.post(TOKEN, data=code_form(code))).json()
        assert await is_active(client, system, tokens["access_token"])
        replay = await client.post(TOKEN, data=code_form(code))
        assert replay.json()["error"] == "invalid_grant"
        assert not await is_active(client, system, tokens["access_token"])
        assert (await refresh(client, tokens["refresh_token"])).status_code == 400

    async def test_code_posted_twice_at_once_gives_one_answer(self, concurrent_client):
        person = await make_person(concurrent_client)
        code = await get_code(concurrent_client, person["mobile"])
        answers = await asyncio.gather(
            *(concurrent_client.post(TOKEN, data=code_form(code)) for _ in range(3))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400]


class TestRefresh:
    async def test_each_use_gives_a_new_one(self, client, person):
        tokens = await sign_in(client, person["mobile"])
        second = (await refresh(client, tokens["refresh_token"])).json()
        assert second["refresh_token"] != tokens["refresh_token"]
        third = await refresh(client, second["refresh_token"])
        assert third.status_code == 200
        assert "nonce" not in claims_of(third.json()["id_token"])

    async def test_reuse_ends_the_whole_family(self, client, person, system):
        tokens = await sign_in(client, person["mobile"])
        second = (await refresh(client, tokens["refresh_token"])).json()
        reused = await refresh(client, tokens["refresh_token"])
        assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
        assert (await refresh(client, second["refresh_token"])).status_code == 400
        assert not await is_active(client, system, second["access_token"])

    async def test_reuse_is_committed_though_the_answer_is_an_error(self, concurrent_client):
        person = await make_person(concurrent_client)
        tokens = await sign_in(concurrent_client, person["mobile"])
        second = (await refresh(concurrent_client, tokens["refresh_token"])).json()
        await refresh(concurrent_client, tokens["refresh_token"])
        answer = await refresh(concurrent_client, second["refresh_token"])
        assert answer.status_code == 400

    async def test_scope_can_only_narrow(self, client, person):
        tokens = await sign_in(client, person["mobile"], scope="openid cases offline_access")
        wider = await refresh(client, tokens["refresh_token"], scope="profile")
        assert wider.json()["error"] == "invalid_scope"
        narrow = (await refresh(client, tokens["refresh_token"], scope="cases")).json()
        assert narrow["scope"] == "cases"
        assert "id_token" not in narrow
        again = await refresh(client, narrow["refresh_token"])
        assert again.json()["scope"] == "openid cases offline_access"

    async def test_token_runs_out(self, client, person, freeze):
        tokens = await sign_in(client, person["mobile"])
        with freeze(clock.now() + timedelta(days=31)):
            answer = await refresh(client, tokens["refresh_token"])
        assert answer.json()["error"] == "invalid_grant"

    async def test_sign_in_ends_however_often_it_was_refreshed(self, client, person, freeze):
        token = (await sign_in(client, person["mobile"]))["refresh_token"]
        start = clock.now()
        for day in (29, 58, 87):
            with freeze(start + timedelta(days=day)):
                token = (await refresh(client, token)).json()["refresh_token"]
        with freeze(start + timedelta(days=91)):
            assert (await refresh(client, token)).status_code == 400

    async def test_unknown_and_foreign_tokens_give_nothing(self, client, person, system):
        tokens = await sign_in(client, person["mobile"])
        assert (await refresh(client, "unknown")).json()["error"] == "invalid_grant"
        foreign = await refresh(
            client,
            tokens["refresh_token"],
            client_id=system["client_id"],
            client_secret=system["client_secret"],
        )
        assert foreign.json()["error"] == "invalid_grant"
        assert (await refresh(client, tokens["refresh_token"])).status_code == 200

    async def test_new_level_counts_from_the_next_token(self, client, person):
        tokens = await sign_in(client, person["mobile"])
        await client.post(
            f"/api/v1/identity/people/{person['person_id']}/assurance",
            json={"level": "L3", "ground": "窗口核验"},
            headers=admin(),
        )
        answer = await refresh(client, tokens["refresh_token"])
        assert claims_of(answer.json()["access_token"])["level"] == "L3"


class TestUserinfo:
    async def test_tells_the_holder_what_is_known_now(self, client, person, own_keys):
        tokens = await sign_in(client, person["mobile"])
        answer = await client.get("/oauth2/userinfo", headers=bearer(tokens))
        assert answer.json() == {
            "sub": person["person_id"],
            "name": person["name"],
            "kind": "citizen",
            "level": "L2",
            "department": None,
            "region": None,
            "roles": [],
            "post": None,
        }
        posted = await client.post("/oauth2/userinfo", headers=bearer(tokens))
        assert posted.json() == answer.json()

    async def test_scopes_decide(self, client, person, own_keys):
        plain = await sign_in(client, person["mobile"], scope="openid")
        answer = await client.get("/oauth2/userinfo", headers=bearer(plain))
        assert "name" not in answer.json()
        without = await sign_in(client, person["mobile"], scope="cases")
        answer = await client.get("/oauth2/userinfo", headers=bearer(without))
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]

    async def test_revoked_token_is_refused(self, client, person, own_keys):
        tokens = await sign_in(client, person["mobile"])
        form = {"client_id": "onenet-web", "token": tokens["access_token"]}
        await client.post("/oauth2/revoke", data=form)
        answer = await client.get("/oauth2/userinfo", headers=bearer(tokens))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")

    async def test_without_a_token_it_is_401(self, client):
        answer = await client.get("/oauth2/userinfo")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


class TestRevoke:
    @pytest.mark.parametrize("which", ["access_token", "refresh_token"])
    async def test_either_token_ends_the_sign_in(self, client, person, system, which):
        tokens = await sign_in(client, person["mobile"])
        form = {"client_id": "onenet-web", "token": tokens[which]}
        assert (await client.post("/oauth2/revoke", data=form)).status_code == 200
        assert not await is_active(client, system, tokens["access_token"])
        assert not await is_active(client, system, tokens["refresh_token"])

    async def test_of_others_nothing_is_said_and_nothing_done(self, client, person, system):
        tokens = await sign_in(client, person["mobile"])
        foreign = {key: system[key] for key in ("client_id", "client_secret")}
        form = foreign | {"token": tokens["refresh_token"]}
        assert (await client.post("/oauth2/revoke", data=form)).status_code == 200
        assert await is_active(client, system, tokens["refresh_token"])
        unknown = {"client_id": "onenet-web", "token": "unknown"}
        assert (await client.post("/oauth2/revoke", data=unknown)).status_code == 200

    async def test_systems_token_is_left_to_run_out(self, client, system):
        form = {key: system[key] for key in ("client_id", "client_secret")}
        tokens = await client.post(TOKEN, data=form | {"grant_type": "client_credentials"})
        token = tokens.json()["access_token"]
        answer = await client.post("/oauth2/revoke", data=form | {"token": token})
        assert answer.status_code == 200

    async def test_token_must_be_named(self, client):
        answer = await client.post("/oauth2/revoke", data={"client_id": "onenet-web"})
        assert answer.json()["error"] == "invalid_request"


class TestIntrospect:
    async def test_tells_a_system_what_a_token_is(self, client, person, system):
        tokens = await sign_in(client, person["mobile"])
        form = {key: system[key] for key in ("client_id", "client_secret")}
        answer = await client.post(
            "/oauth2/introspect", data=form | {"token": tokens["access_token"]}
        )
        assert answer.json()["active"]
        assert answer.json()["sub"] == person["person_id"]
        answer = await client.post(
            "/oauth2/introspect", data=form | {"token": tokens["refresh_token"]}
        )
        assert answer.json()["client_id"] == "onenet-web"

    async def test_old_and_foreign_tokens_are_not_active(self, client, person, system, freeze):
        tokens = await sign_in(client, person["mobile"])
        assert not await is_active(client, system, "unknown")
        assert not await is_active(client, system, tokens["id_token"])
        with freeze(clock.now() + timedelta(seconds=901)):
            assert not await is_active(client, system, tokens["access_token"])

    async def test_tokens_of_a_closed_client_are_not_active(self, client, system):
        other = await make_system(client, "11511301008778298W")
        form = {key: other[key] for key in ("client_id", "client_secret")}
        answer = await client.post(TOKEN, data=form | {"grant_type": "client_credentials"})
        token = answer.json()["access_token"]
        assert await is_active(client, system, token)
        await client.post(f"/api/v1/identity/clients/{other['client_id']}/closure", headers=admin())
        assert not await is_active(client, system, token)

    async def test_public_client_may_not_ask(self, client):
        form = {"client_id": "onenet-web", "token": "x"}
        answer = await client.post("/oauth2/introspect", data=form)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_issued_token_opens_the_api(client, person, own_keys):
    tokens = await sign_in(client, person["mobile"])
    answer = await client.get("/api/v1/me/profile", headers=bearer(tokens))
    assert answer.json()["person_id"] == person["person_id"]


async def test_what_ran_out_is_forgotten(client, person, session, freeze):
    await sign_in(client, person["mobile"])

    async def left(table):
        return await session.scalar(select(func.count()).select_from(table))

    await delete_old(session)
    assert [await left(t) for t in (AuthorizationCode, RefreshToken, SignInAttempt)] == [1, 1, 1]
    with freeze(clock.now() + timedelta(days=400)):
        await delete_old(session)
    assert [await left(t) for t in (AuthorizationCode, RefreshToken, SignInAttempt)] == [0, 0, 0]
