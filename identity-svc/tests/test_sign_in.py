"""The way through the browser: authorize, the sign-in page, throttling, sign-out."""

import asyncio
import base64
import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from chassis import clock
from identity_svc.login.models import SignIn, SignInAttempt

from .factories import (
    CALLBACK,
    PASSWORD,
    authorization_query,
    hidden_fields,
    make_department,
    make_person,
    make_regions,
    make_staff,
    open_sign_in,
    post_sign_in,
    query_of,
    refresh,
    sign_in,
)

AUTHORIZE = "/oauth2/authorize"
HTML = {"Accept": "text/html"}


@pytest.fixture
async def person(client):
    await make_regions(client)
    return await make_person(client)


class TestAuthorize:
    async def test_leads_to_one_form_with_two_fields(self, client):
        answer = await client.get(AUTHORIZE, params=authorization_query())
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/oauth2/login?")
        page = await client.get(answer.headers["location"])
        assert page.text.count("<form") == 1
        for name in ("username", "password"):
            assert f'name="{name}"' in page.text
            assert f'<label for="{name}">' in page.text
        assert '<html lang="zh-CN">' in page.text
        assert hidden_fields(page.text).keys() == {"request"}

    async def test_page_lets_nothing_else_load(self, client):
        answer = await client.get(AUTHORIZE, params=authorization_query())
        page = await client.get(answer.headers["location"])
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self' http://127.0.0.1:5173;" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"

    async def test_page_speaks_english_when_asked(self, client):
        answer = await client.get(AUTHORIZE, params=authorization_query())
        page = await client.get(answer.headers["location"], headers={"Accept-Language": "en"})
        assert '<html lang="en">' in page.text

    async def test_form_works_too(self, client):
        answer = await client.post(AUTHORIZE, data=authorization_query())
        assert answer.status_code == 303
        twice = await client.post(
            AUTHORIZE,
            content="client_id=a&client_id=b",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert twice.status_code == 400

    @pytest.mark.parametrize(
        "changes",
        [
            {"client_id": "nobody"},
            {"client_id": None},
            {"redirect_uri": None},
            {"redirect_uri": "http://127.0.0.1.evil.example/callback"},
            {"redirect_uri": "http://127.0.0.1@evil.example/"},
            {"redirect_uri": "https://evil.example/"},
            {"redirect_uri": "http://127.0.0.1:5173/#x"},
        ],
    )
    async def test_bad_client_or_address_is_never_redirected(self, client, changes):
        answer = await client.get(AUTHORIZE, params=authorization_query(**changes))
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"
        page = await client.get(AUTHORIZE, params=authorization_query(**changes), headers=HTML)
        assert page.status_code == 400
        assert "<!doctype html>" in page.text

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"response_type": None}, "unsupported_response_type"),
            ({"response_mode": "fragment"}, "invalid_request"),
            ({"code_challenge": None}, "invalid_request"),
            ({"code_challenge": "short"}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge_method": None}, "invalid_request"),
            ({"scope": "openid everything"}, "invalid_scope"),
            ({"prompt": "none"}, "login_required"),
            ({"request": "eyJ"}, "request_not_supported"),
            ({"nonce": "n" * 1001}, "invalid_request"),
        ],
    )
    async def test_other_errors_are_told_to_the_client(self, client, changes, error):
        answer = await client.get(AUTHORIZE, params=authorization_query(**changes))
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(CALLBACK)
        told = query_of(answer)
        assert (told["error"], told["state"]) == (error, "s-1")
        assert told["iss"] == "http://onenet.test"

    async def test_parameter_that_stands_twice_is_refused(self, client):
        query = [*authorization_query().items(), ("scope", "openid")]
        assert (await client.get(AUTHORIZE, params=query)).status_code == 400


class TestPushedRequests:
    async def test_pushed_request_opens_the_page(self, client):
        pushed = await client.post("/oauth2/par", data=authorization_query())
        assert pushed.status_code == 201
        uri = pushed.json()["request_uri"]
        assert uri.startswith("urn:ietf:params:oauth:request_uri:")
        query = {"client_id": "onenet-web", "request_uri": uri}
        assert (await client.get(AUTHORIZE, params=query)).status_code == 303
        other = query | {"client_id": "another"}
        assert (await client.get(AUTHORIZE, params=other)).status_code == 400

    async def test_pushed_request_runs_out(self, client, freeze):
        pushed = await client.post("/oauth2/par", data=authorization_query())
        query = {"client_id": "onenet-web", "request_uri": pushed.json()["request_uri"]}
        with freeze(clock.now() + timedelta(seconds=91)):
            assert (await client.get(AUTHORIZE, params=query)).status_code == 400

    @pytest.mark.parametrize(
        ("changes", "status", "error"),
        [
            ({"client_id": "nobody"}, 401, "invalid_client"),
            ({"client_secret": "x"}, 401, "invalid_client"),
            ({"redirect_uri": "https://evil.example/"}, 400, "invalid_request"),
            ({"code_challenge_method": "plain"}, 400, "invalid_request"),
            ({"request_uri": "urn:x"}, 400, "invalid_request"),
        ],
    )
    async def test_bad_request_is_refused_at_once(self, client, changes, status, error):
        answer = await client.post("/oauth2/par", data=authorization_query(**changes))
        assert (answer.status_code, answer.json()["error"]) == (status, error)


class TestPosting:
    async def test_good_password_answers_303_with_a_code(self, client, person, session):
        answer = await post_sign_in(client, person["mobile"])
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(CALLBACK + "?")
        told = query_of(answer)
        assert told.keys() == {"code", "state", "iss"}
        assert (told["state"], told["iss"]) == ("s-1", "http://onenet.test")
        attempt = (await session.scalars(select(SignInAttempt))).one()
        assert attempt.succeeded
        assert str(attempt.account_id) == person["person_id"]

    async def test_wrong_password_shows_the_page_again_and_leaves_a_row(
        self, client, person, session
    ):
        answer = await post_sign_in(client, person["mobile"], "wrong password")
        assert answer.status_code == 401
        assert "用户名或密码不正确" in answer.text
        assert f'value="{person["mobile"]}"' in answer.text
        assert "wrong password" not in answer.text
        form = hidden_fields(answer.text) | {"username": person["mobile"], "password": PASSWORD}
        assert (await client.post("/oauth2/login", data=form)).status_code == 303
        attempts = (await session.scalars(select(SignInAttempt))).all()
        assert sorted(attempt.succeeded for attempt in attempts) == [False, True]

    @pytest.mark.parametrize("username", ["nobody", "", "'; drop table account; --", "x" * 5000])
    async def test_unknown_name_gets_the_same_sentence(self, client, username):
        answer = await post_sign_in(client, username)
        assert answer.status_code == 401
        assert "用户名或密码不正确" in answer.text

    async def test_name_is_escaped_on_the_page(self, client):
        answer = await post_sign_in(client, '"><script>alert(1)</script>')
        assert "<script>" not in answer.text

    async def test_staff_sign_in_on_the_same_page(self, client):
        department = await make_department(client)
        staff = await make_staff(client, department)
        assert (await post_sign_in(client, staff["username"])).status_code == 303

    async def test_page_runs_out(self, client, person, freeze):
        fields = await open_sign_in(client)
        form = fields | {"username": person["mobile"], "password": PASSWORD}
        with freeze(clock.now() + timedelta(seconds=901)):
            answer = await client.post("/oauth2/login", data=form, headers=HTML)
        assert answer.status_code == 400
        assert "已失效" in answer.text

    @pytest.mark.parametrize(
        "sealed", ["", "x", "AAAA", base64.urlsafe_b64encode(json.dumps({}).encode()).decode()]
    )
    async def test_forged_request_is_refused(self, client, person, sealed):
        form = {"request": sealed, "username": person["mobile"], "password": PASSWORD}
        answer = await client.post("/oauth2/login", data=form)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        shown = await client.get("/oauth2/login", params={"request": sealed})
        assert shown.status_code == 400

    async def test_column_of_the_vault_is_no_request(self, client, process):
        box = process.vault.encrypt(json.dumps({"purpose": "x", "ends": 9e9, "request": {}}))
        sealed = base64.urlsafe_b64encode(box).decode()
        assert (await client.get("/oauth2/login", params={"request": sealed})).status_code == 400

    async def test_post_from_another_site_is_refused(self, client, person):
        fields = await open_sign_in(client)
        form = fields | {"username": person["mobile"], "password": PASSWORD}
        answer = await client.post(
            "/oauth2/login", data=form, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert answer.status_code == 403

    async def test_other_body_is_refused(self, client):
        answer = await client.post("/oauth2/login", json={"username": "x"})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


class TestThrottling:
    async def test_sixth_try_must_wait_even_with_the_right_password(self, client, person, freeze):
        for _ in range(5):
            assert (await post_sign_in(client, person["mobile"], "wrong")).status_code == 401
        answer = await post_sign_in(client, person["mobile"])
        assert answer.status_code == 429
        assert 890 <= int(answer.headers["retry-after"]) <= 900
        assert "秒后再试" in answer.text
        with freeze(clock.now() + timedelta(seconds=901)):
            assert (await post_sign_in(client, person["mobile"])).status_code == 303

    async def test_other_names_go_on(self, client, person):
        for _ in range(5):
            await post_sign_in(client, "nobody", "wrong")
        assert (await post_sign_in(client, "nobody", "wrong")).status_code == 429
        assert (await post_sign_in(client, person["mobile"])).status_code == 303

    async def test_success_forgives(self, client, person):
        for _ in range(4):
            await post_sign_in(client, person["mobile"], "wrong")
        assert (await post_sign_in(client, person["mobile"])).status_code == 303
        for _ in range(4):
            assert (await post_sign_in(client, person["mobile"], "wrong")).status_code == 401

    async def test_one_address_cannot_try_all_names(self, client, person, session):
        session.add_all(
            SignInAttempt(name_digest=bytes([n]), address="127.0.0.1", succeeded=False)
            for n in range(100)
        )
        await session.flush()
        assert (await post_sign_in(client, person["mobile"])).status_code == 429

    async def test_one_name_cannot_be_tried_from_everywhere(self, client, person, session, process):
        digest = process.vault.digest(person["mobile"], purpose="mobile")
        session.add_all(
            SignInAttempt(name_digest=digest, address=f"10.0.0.{n}", succeeded=False)
            for n in range(100)
        )
        await session.flush()
        assert (await post_sign_in(client, person["mobile"])).status_code == 429

    async def test_parallel_guesses_do_not_slip_through(self, concurrent_client):
        answers = await asyncio.gather(
            *(post_sign_in(concurrent_client, "nobody", f"guess {n}") for n in range(12))
        )
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(401), statuses.count(429)) == (5, 7)


class TestSignOut:
    async def test_sign_in_ends_and_the_browser_returns(self, client, person, session):
        tokens = await sign_in(client, person["mobile"])
        query = {
            "id_token_hint": tokens["id_token"],
            "post_logout_redirect_uri": "http://localhost:5173/bye",
            "state": "s-2",
        }
        answer = await client.get("/oauth2/logout", params=query)
        assert answer.status_code == 303
        assert answer.headers["location"] == "http://localhost:5173/bye?state=s-2"
        assert (await refresh(client, tokens["refresh_token"])).status_code == 400
        assert (await session.scalars(select(SignIn))).one().end_reason == "signed out"

    async def test_foreign_address_is_not_followed(self, client, person):
        tokens = await sign_in(client, person["mobile"])
        form = {
            "id_token_hint": tokens["id_token"],
            "post_logout_redirect_uri": "https://evil.example/",
        }
        answer = await client.post("/oauth2/logout", data=form)
        assert answer.status_code == 200
        assert "退出" in answer.text

    async def test_without_a_hint_nothing_ends(self, client):
        back = {"post_logout_redirect_uri": CALLBACK}
        assert (await client.get("/oauth2/logout", params=back)).status_code == 200

    async def test_forged_hint_is_refused(self, client, person):
        tokens = await sign_in(client, person["mobile"])
        for hint in ("x.y.z", tokens["access_token"], tokens["id_token"][:-4] + "AAAA"):
            answer = await client.get("/oauth2/logout", params={"id_token_hint": hint})
            assert answer.status_code == 401
        posted = await client.post("/oauth2/logout", data={"id_token_hint": "x"}, headers=HTML)
        assert posted.status_code == 401
        assert (await refresh(client, tokens["refresh_token"])).status_code == 200
