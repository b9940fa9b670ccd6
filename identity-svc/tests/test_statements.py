"""How many statements a hot request sends, so that none is added unnoticed."""

from uuid import uuid4

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import event

from .factories import PASSWORD as RIGHT
from .factories import (
    code_form,
    get_code,
    make_department,
    make_person,
    make_regions,
    make_system,
    open_sign_in,
    refresh,
    registration_form,
    sign_in,
)

TOKEN = "/oauth2/token"
VERBS = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}
# Written for every event or keyed request, whatever the route.
OF_THE_CHASSIS = ("outbox_", "idempotency_record", "inbox_event")


@pytest.fixture
def statements(process):
    """The statements sent since the fixture was set up or the list was cleared."""
    sent = []

    def note(connection, cursor, statement, parameters, context, executemany):
        verb = statement.split(maxsplit=1)[0]  # savepoints and settings are a test's own
        if verb in VERBS and not any(table in statement for table in OF_THE_CHASSIS):
            sent.append(statement)

    event.listen(process.engine.sync_engine, "before_cursor_execute", note)
    yield sent
    event.remove(process.engine.sync_engine, "before_cursor_execute", note)


@pytest.fixture
async def person(client):
    await make_regions(client)
    return await make_person(client)


async def test_token_of_a_system_reads_client_and_department_at_once(client, statements):
    system = await make_system(client, await make_department(client))
    form = {key: system[key] for key in ("client_id", "client_secret")}
    form["grant_type"] = "client_credentials"
    await client.post(TOKEN, data=form)  # reads the signing key, which is cached
    statements.clear()
    assert (await client.post(TOKEN, data=form)).status_code == 200
    assert len(statements) == 1, statements


async def test_sign_in(client, person, statements):
    fields = await open_sign_in(client)
    statements.clear()
    wrong = fields | {"username": person["mobile"], "password": "wrong"}
    assert (await client.post("/oauth2/login", data=wrong)).status_code == 401
    assert len(statements) == 5, statements
    statements.clear()
    right = fields | {"username": person["mobile"], "password": RIGHT}
    assert (await client.post("/oauth2/login", data=right)).status_code == 303
    assert len(statements) == 7, statements


async def test_tokens_for_a_code_and_a_refresh_token(client, person, statements):
    await sign_in(client, person["mobile"])  # reads the signing key, which is cached
    code = await get_code(client, person["mobile"])
    statements.clear()
    tokens = await client.post(TOKEN, data=code_form(code))
    assert tokens.status_code == 200
    assert len(statements) == 7, statements
    statements.clear()
    assert (await refresh(client, tokens.json()["refresh_token"])).status_code == 200
    assert len(statements) == 7, statements


async def test_registration(client, statements):
    await make_regions(client)
    statements.clear()
    answer = await client.post("/api/v1/identity/registrations", json=registration_form())
    assert answer.status_code == 201
    assert len(statements) == 4, statements


async def test_inbox_list(client, deliver, token, statements):
    person_id = uuid4()
    step = {
        "case_id": str(uuid4()),
        "case_no": "511602-2026-000001",
        "item_name": "最低生活保障",
        "person_id": str(person_id),
    }
    for _ in range(3):
        await deliver("case.accepted.v1", step)
    statements.clear()
    listed = await client.get("/api/v1/me/messages", headers=token(id=person_id))
    assert len(listed.json()["data"]) == 3
    assert len(statements) == 1, statements


async def test_userinfo(client, process, person, statements):
    tokens = await sign_in(client, person["mobile"])
    for key in (await client.get("/.well-known/jwks.json")).json()["keys"]:
        process.keys.keys.setdefault(key["kid"], ECKey.import_key(key))
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    statements.clear()
    answer = await client.get("/oauth2/userinfo", headers=headers)
    assert answer.json()["name"] == person["name"]
    assert len(statements) == 4, statements
