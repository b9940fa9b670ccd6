"""A request that is repeated with its key: what the client, staff and a staged route get."""

import pytest
import sqlalchemy as sa
from sample.main import Note

from chassis.database.tables import idempotency_record

TEXT = {"text": "一张便条"}


@pytest.fixture
async def note(client, token):
    return (await client.post("/api/v1/notes", json=TEXT, headers=token())).json()


class TestStaff:
    @pytest.fixture
    def admin(self, token):
        return token("staff", roles=["platform_admin"])

    async def approve(self, client, note, headers):
        path = f"/api/v1/notes/{note['note_id']}/approval"
        return await client.post(path, headers=headers | {"Idempotency-Key": "k"})

    async def test_repeat_shows_the_present_state(self, client, note, admin):
        first = await self.approve(client, note, admin)
        changed = admin | {"If-Match": '"2"'}
        path = f"/api/v1/notes/{note['note_id']}"
        await client.put(path, json={"text": "changed"}, headers=changed)
        again = await self.approve(client, note, admin)
        assert (first.json()["version"], again.json()["version"]) == (2, 3)
        assert again.json()["text"] == "changed"
        assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
        assert again.headers["content-location"] == path

    async def test_repeat_is_refused_where_the_door_is_closed_now(
        self, client, note, admin, session
    ):
        await self.approve(client, note, admin)
        await session.execute(sa.delete(Note))
        await session.commit()
        again = await self.approve(client, note, admin)
        assert again.status_code == 404
        assert again.json()["type"] == "urn:onenet:problem:note-not-found"

    async def test_nothing_that_staff_were_shown_is_kept(
        self, client, note, admin, session, process
    ):
        await self.approve(client, note, admin)
        (row,) = await session.scalars(sa.select(idempotency_record.c.answer))
        assert TEXT["text"] not in process.vault.decrypt(row)

    async def test_effect_happens_once(self, client, note, admin, session):
        for _ in range(3):
            await self.approve(client, note, admin)
        assert (await session.execute(sa.select(Note.version))).scalar_one() == 2


class TestStagedRoute:
    async def test_repeat_gets_the_same_answer(self, client, session, token):
        headers = token() | {"Idempotency-Key": "k"}
        first = await client.post("/api/v1/notes/staged", content="a", headers=headers)
        again = await client.post("/api/v1/notes/staged", content="a", headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        count = sa.select(sa.func.count()).select_from(Note)
        assert (await session.execute(count)).scalar_one() == 1

    async def test_other_content_under_the_same_key_is_refused(self, client, token):
        headers = token() | {"Idempotency-Key": "k"}
        await client.post("/api/v1/notes/staged", content="a", headers=headers)
        other = await client.post("/api/v1/notes/staged", content="b", headers=headers)
        assert other.json()["type"] == "urn:onenet:problem:idempotency-key-reused"
