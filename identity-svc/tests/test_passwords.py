"""Hashing a password takes 16 ms, in which no transaction and no connection is held."""

import pytest
from sqlalchemy import event

from identity_svc.orgs.usecases import accounts

from .factories import (
    PASSWORD,
    make_department,
    make_person,
    make_staff,
    open_sign_in,
    registration_form,
)


class WatchedHasher:
    """The service's own hasher; notes how many connections are in use while it works."""

    def __init__(self, hasher, connections):
        self.hasher, self.connections, self.counts = hasher, connections, []

    def hash(self, password):
        self.counts.append(len(self.connections))
        return self.hasher.hash(password)

    def verify(self, password_hash, password):
        self.counts.append(len(self.connections))
        return self.hasher.verify(password_hash, password)


@pytest.fixture
def hasher(concurrent_process, monkeypatch):
    connections = set()
    engine = concurrent_process.engine.sync_engine
    event.listen(engine, "checkout", lambda *given: connections.add(id(given[1])))
    event.listen(engine, "checkin", lambda *given: connections.discard(id(given[1])))
    watched = WatchedHasher(accounts._HASHER, connections)
    monkeypatch.setattr(accounts, "_HASHER", watched)
    return watched


async def test_registration_hashes_outside_a_transaction(concurrent_client, hasher):
    await make_person(concurrent_client)
    assert hasher.counts == [0]


async def test_taking_on_staff_hashes_outside_a_transaction(concurrent_client, hasher):
    await make_staff(concurrent_client, await make_department(concurrent_client))
    assert hasher.counts == [0]


@pytest.mark.parametrize(("password", "status"), [(PASSWORD, 303), ("wrong", 401)])
async def test_sign_in_verifies_outside_a_transaction(concurrent_client, hasher, password, status):
    person = await make_person(concurrent_client)
    hasher.counts.clear()
    form = await open_sign_in(concurrent_client)
    form |= {"username": person["mobile"], "password": password}
    assert (await concurrent_client.post("/oauth2/login", data=form)).status_code == status
    assert hasher.counts == [0]


async def test_a_form_with_faults_is_refused_without_hashing(concurrent_client, hasher):
    form = registration_form(mobile="123")
    answer = await concurrent_client.post("/api/v1/identity/registrations", json=form)
    assert answer.status_code == 422
    assert hasher.counts == []
