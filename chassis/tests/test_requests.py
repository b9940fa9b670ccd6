"""One request, one transaction; keys, problems, pages, tags: everything through the door."""

import asyncio
import base64
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sample.main import Note

from chassis import clock
from chassis.pagination import encode_cursor
from chassis.problems import language_of

TEXT = {"text": "一张便条"}
NESTED = b"[" * 3000
DEEP = base64.urlsafe_b64encode(b"[" * 1400).decode().rstrip("=")
NESTED_TOKEN = base64.urlsafe_b64encode(NESTED).decode() + ".e30.x"


async def notes(session) -> int:
    return (await session.execute(sa.select(sa.func.count()).select_from(Note))).scalar_one()


class TestTransaction:
    async def test_success_is_stored_with_its_event(self, client, session, token, recorded):
        answer = await client.post("/api/v1/notes", json=TEXT, headers=token())
        assert answer.status_code == 201
        assert await notes(session) == 1
        (event,) = await recorded("sample.note.written.v1")
        assert event["data"]["note_id"] == answer.json()["note_id"]
        assert event["sequence"] == 1

    async def test_failure_leaves_nothing(self, client, session):
        answer = await client.post("/api/v1/notes/broken", json=TEXT)
        assert answer.status_code == 409
        assert await notes(session) == 0

    async def test_refusal_that_leaves_a_trace_commits(self, client, session):
        answer = await client.post("/api/v1/notes/refused", json=TEXT)
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert await notes(session) == 1

    async def test_failing_commit_is_never_answered_with_success(self, concurrent_client):
        answer = await concurrent_client.post("/api/v1/notes/deferred", json=TEXT)
        assert answer.status_code == 409
        assert (await concurrent_client.get("/api/v1/notes")).json()["data"] == []

    async def test_read_session_cannot_write(self, concurrent_client):
        with pytest.raises(sa.exc.DBAPIError, match="read-only transaction"):
            raise await _cause(concurrent_client)


async def _cause(client) -> Exception:
    try:
        answer = await client.get("/api/v1/notes/sneaky")
    except sa.exc.DBAPIError as error:
        return error
    assert answer.status_code == 500
    assert (await client.get("/api/v1/notes")).json()["data"] == []
    return sa.exc.DBAPIError("", None, Exception("read-only transaction"))


class TestIdempotencyKey:
    async def test_same_key_same_body_gives_the_same_answer(self, client, session, token):
        headers = token() | {"Idempotency-Key": '"k-1"'}
        first = await client.post("/api/v1/notes", json=TEXT, headers=headers)
        again = await client.post("/api/v1/notes", json=TEXT, headers=headers)
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        for name in ("etag", "location", "content-type"):
            assert again.headers[name] == first.headers[name]
        assert await notes(session) == 1

    async def test_plain_token_and_structured_string_are_one_key(self, client, session, token):
        headers = token()
        await client.post("/api/v1/notes", json=TEXT, headers=headers | {"Idempotency-Key": "k"})
        await client.post("/api/v1/notes", json=TEXT, headers=headers | {"Idempotency-Key": '"k"'})
        assert await notes(session) == 1

    async def test_same_key_other_body_is_refused(self, client, session, token):
        headers = token() | {"Idempotency-Key": "k"}
        await client.post("/api/v1/notes", json=TEXT, headers=headers)
        other = await client.post("/api/v1/notes", json={"text": "b"}, headers=headers)
        assert other.status_code == 422
        assert other.json()["type"] == "urn:onenet:problem:idempotency-key-reused"
        assert await notes(session) == 1

    async def test_key_of_another_client_is_another_key(self, client, session, token):
        for _ in range(2):
            headers = token() | {"Idempotency-Key": "k"}
            assert (
                await client.post("/api/v1/notes", json=TEXT, headers=headers)
            ).status_code == 201
        assert await notes(session) == 2

    async def test_failed_attempt_does_not_use_up_the_key(self, client, token):
        headers = token() | {"Idempotency-Key": "k"}
        wrong = await client.post("/api/v1/notes", json={"wrong": 1}, headers=headers)
        right = await client.post("/api/v1/notes", json=TEXT, headers=headers)
        assert (wrong.status_code, right.status_code) == (422, 201)

    @pytest.mark.parametrize("kind", ["json", "x-www-form-urlencoded"])
    async def test_body_nobody_asked_for_does_no_harm(self, client, token, kind):
        headers = token() | {"Idempotency-Key": "k", "Content-Type": f"application/{kind}"}
        path = f"/api/v1/notes/{uuid4()}/touch"
        assert (await client.post(path, content=NESTED, headers=headers)).status_code == 404

    async def test_missing_required_key_is_428(self, client, token):
        answer = await client.post("/api/v1/notes/keyed", json=TEXT, headers=token())
        assert answer.status_code == 428

    @pytest.mark.parametrize("key", ['""', "a b", "x" * 300, "键"])
    async def test_malformed_key_is_422(self, client, token, key):
        headers = token() | {"Idempotency-Key": key.encode()}
        answer = await client.post("/api/v1/notes/keyed", json=TEXT, headers=headers)
        assert answer.status_code == 422

    async def test_sixteen_at_once_make_one_note(self, concurrent_client, token):
        headers = token() | {"Idempotency-Key": "same"}
        answers = await asyncio.gather(
            *(
                concurrent_client.post("/api/v1/notes", json=TEXT, headers=headers)
                for _ in range(16)
            )
        )
        assert {one.status_code for one in answers} <= {201, 409}
        assert len({one.json()["note_id"] for one in answers if one.status_code == 201}) == 1
        assert len((await concurrent_client.get("/api/v1/notes")).json()["data"]) == 1


class TestProblems:
    async def test_field_errors_point_into_the_body(self, client, token):
        answer = await client.post("/api/v1/notes", json={"text": 5, "more": 1}, headers=token())
        problem = answer.json()
        assert problem["status"] == 422
        assert {one["pointer"]: one["code"] for one in problem["errors"]} == {
            "/text": "string_type",
            "/more": "extra_forbidden",
        }
        assert all(one["message"] for one in problem["errors"])

    @pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "image/png"])
    async def test_body_of_another_type_is_415(self, client, token, session, media_type):
        headers = token() | {"Content-Type": media_type}
        answer = await client.post("/api/v1/notes", content=b'{"text": "x"}', headers=headers)
        assert answer.status_code == 415
        assert "application/json" in answer.json()["detail"]
        assert await notes(session) == 0

    async def test_missing_body_is_422(self, client, token):
        answer = await client.post("/api/v1/notes", headers=token())
        assert answer.status_code == 422

    async def test_language_follows_the_reader(self, client):
        zh = await client.get(f"/api/v1/notes/public/{uuid4()}")
        en = await client.get(f"/api/v1/notes/public/{uuid4()}", headers={"Accept-Language": "en"})
        assert zh.json()["title"] == "没有找到"
        assert en.json()["title"] == "Not found"
        assert (zh.headers["content-language"], en.headers["content-language"]) == ("zh-CN", "en")

    async def test_unknown_path_and_method_are_problems(self, client):
        lost = await client.get("/api/v1/nowhere")
        wrong = await client.delete("/api/v1/notes")
        assert (lost.status_code, wrong.status_code) == (404, 405)
        assert {one.headers["content-type"] for one in (lost, wrong)} == {
            "application/problem+json"
        }

    async def test_oversized_body_is_413(self, client, token):
        async def chunks():
            for _ in range(20):
                yield b"x" * 100_000

        headers = token() | {"Content-Type": "application/json"}
        for content in (chunks(), b"x" * 2_000_000):  # as it is read, or as it is announced
            answer = await client.post("/api/v1/notes", content=content, headers=headers)
            assert answer.status_code == 413

    async def test_nul_character_is_refused_without_effect(self, client, token, session):
        answer = await client.post("/api/v1/notes", json={"text": "a\u0000b"}, headers=token())
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:onenet:problem:unreadable"
        assert await notes(session) == 0

    @pytest.mark.parametrize("body", [b"{", b"\xff\xfe", NESTED])
    async def test_body_that_cannot_be_read_is_422(self, client, token, body):
        headers = token() | {"Content-Type": "application/json"}
        answer = await client.post("/api/v1/notes", content=body, headers=headers)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize(
        ("header", "language"),
        [
            (None, "zh"),
            ("", "zh"),
            ("en", "en"),
            ("en-GB,zh;q=0.5", "en"),
            ("zh-CN,en;q=0.9", "zh"),
            ("fr,en;q=0.2", "en"),
            ("fr", "zh"),
            ("en;q=x", "en"),
            ("en;q=0", "zh"),
        ],
    )
    def test_language_is_negotiated(self, header, language):
        assert language_of(header) == language


class TestToken:
    @pytest.mark.parametrize(
        "claims", [{"exp": 1}, {"iss": "http://elsewhere"}, {"aud": "other"}, {"sub": "not-a-uuid"}]
    )
    async def test_bad_claims_are_401(self, client, token, claims):
        answer = await client.post("/api/v1/notes", json=TEXT, headers=token(**claims))
        assert answer.status_code == 401
        assert "Bearer" in answer.headers["www-authenticate"]

    @pytest.mark.parametrize(
        "header", ["Bearer", "Bearer x", "Bearer a.b.c", f"Bearer {NESTED_TOKEN}", "Basic abc"]
    )
    async def test_no_token_is_401(self, client, header):
        answer = await client.post("/api/v1/notes", json=TEXT, headers={"Authorization": header})
        assert answer.status_code == 401

    async def test_forged_signature_is_401(self, client, token):
        forged = token()["Authorization"][:-6] + "AAAAAA"
        answer = await client.post("/api/v1/notes", json=TEXT, headers={"Authorization": forged})
        assert answer.status_code == 401

    async def test_wrong_role_is_403(self, client, token):
        answer = await client.put(
            f"/api/v1/notes/{uuid4()}",
            json=TEXT,
            headers=token("staff", roles=["clerk"]) | {"If-Match": "*"},
        )
        assert answer.status_code == 403


class TestPages:
    async def test_pages_join_without_gap_or_overlap(self, client, token):
        written = [
            (await client.post("/api/v1/notes", json={"text": str(n)}, headers=token())).json()
            for n in range(7)
        ]
        seen, after = [], None
        while True:
            query = {"limit": 3} | ({"after": after} if after else {})
            page = (await client.get("/api/v1/notes", params=query)).json()
            seen += [one["note_id"] for one in page["data"]]
            after = page["next"]
            if after is None:
                break
        assert sorted(seen) == sorted(one["note_id"] for one in written)
        assert len(seen) == len(set(seen)) == 7

    async def test_count_stands_only_when_asked(self, client):
        assert "count" not in (await client.get("/api/v1/notes")).json()
        assert (await client.get("/api/v1/notes?count=true")).json()["count"] == 0

    @pytest.mark.parametrize(
        "values",
        [
            ["x", "y"],
            [None, None],
            [True, uuid4()],
            [clock.now(), 10**30],
            [clock.now().date(), uuid4()],
        ],
    )
    async def test_cursor_of_other_values_is_422(self, client, values):
        query = {"after": encode_cursor(values)}
        assert (await client.get("/api/v1/notes", params=query)).status_code == 422

    @pytest.mark.parametrize(
        "query",
        [
            "limit=0",
            "limit=101",
            "limit=x",
            "after=%00",
            "after=YWJj",
            "after=W10",
            f"after={DEEP}",
        ],
    )
    async def test_bad_page_is_422(self, client, query):
        assert (await client.get(f"/api/v1/notes?{query}")).status_code == 422


class TestTags:
    async def test_stale_tag_is_412_and_missing_428(self, client, token):
        note = (await client.post("/api/v1/notes", json=TEXT, headers=token())).json()
        admin = token("staff", roles=["platform_admin"])
        path = f"/api/v1/notes/{note['note_id']}"
        assert (await client.put(path, json=TEXT, headers=admin)).status_code == 428
        good = await client.put(path, json=TEXT, headers=admin | {"If-Match": '"1"'})
        stale = await client.put(path, json=TEXT, headers=admin | {"If-Match": '"1"'})
        assert (good.status_code, good.headers["etag"], stale.status_code) == (200, '"2"', 412)
        touched = await client.post(f"{path}/touch", headers=token() | {"If-Match": '"1"'})
        assert touched.status_code == 412
        assert (await client.post(f"{path}/touch", headers=token())).status_code == 200

    async def test_unchanged_public_read_is_304(self, client, token):
        note = (await client.post("/api/v1/notes", json=TEXT, headers=token())).json()
        path = f"/api/v1/notes/public/{note['note_id']}"
        first = await client.get(path)
        again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        assert "max-age=30" in first.headers["cache-control"]


class TestHealth:
    async def test_live_and_described(self, client):
        assert (await client.get("/livez")).json() == {"status": "alive"}
        document = (await client.get("/openapi.json")).json()
        assert "Problem" in document["components"]["schemas"]
        assert document["openapi"].startswith("3.1")

    async def test_metrics_name_the_backlog(self, client):
        assert "onenet_outbox_backlog" in (await client.get("/metrics")).text
