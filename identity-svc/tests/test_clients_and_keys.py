from datetime import UTC, datetime

import httpx
import pytest
from joserfc.jwk import ECKey
from pydantic import SecretStr
from sqlalchemy import select

from chassis.http.application import build_app
from chassis.testing.settings import settings_of
from identity_svc.login.errors import ForeignKid
from identity_svc.login.models import Client
from identity_svc.main import create_service

from .factories import admin, department_admin, make_department, make_system

PATH = "/api/v1/identity/clients"


class TestClients:
    async def test_secret_is_shown_once_and_kept_as_hash(self, client, session):
        system = await make_system(client, await make_department(client))
        secret = system["client_secret"]
        row = await session.scalar(select(Client).where(Client.client_id == system["client_id"]))
        assert secret.encode() not in row.secret_digest
        listed = await client.get(PATH, headers=admin())
        assert secret not in listed.text
        assert [one["client_id"] for one in listed.json()["data"]] == [
            "onenet-web",
            system["client_id"],
        ]

    async def test_unknown_department_is_named(self, client):
        body = {"name": "系统", "department_code": "nothing", "scopes": ["exchange"]}
        answer = await client.post(PATH, json=body, headers=admin())
        assert answer.json()["errors"][0]["pointer"] == "/department_code"

    async def test_managing_is_for_platform_administrators(self, client):
        assert (await client.get(PATH)).status_code == 401
        assert (await client.post(PATH, json={})).status_code == 401
        headers = department_admin("x")
        assert (await client.get(PATH, headers=headers)).status_code == 403

    async def test_closed_client_gets_no_token(self, client):
        system = await make_system(client, await make_department(client))
        path = f"{PATH}/{system['client_id']}/closure"
        assert (await client.post(path, headers=admin())).json()["active"] is False
        assert (await client.post(path, headers=admin())).status_code == 409
        form = {
            "grant_type": "client_credentials",
            "client_id": system["client_id"],
            "client_secret": system["client_secret"],
        }
        answer = await client.post("/oauth2/token", data=form)
        assert answer.json()["error"] == "invalid_client"
        missing = await client.post(f"{PATH}/nothing/closure", headers=admin())
        assert missing.status_code == 404


class TestStart:
    async def test_first_process_of_all_is_ready_without_asking_itself(
        self, prepared, databases, nats_url
    ):
        """Behind a balancer the address of its keys answers once a process is ready."""
        settings = settings_of(
            create_service,
            database_url=SecretStr(await databases.copy(prepared)),
            nats_url=nats_url,
            keys_url="http://127.0.0.1:9/nobody",
            worker=False,
        )
        app = build_app(create_service(settings))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://one") as client:
                answer = await client.get("/readyz")
                assert answer.status_code == 200, answer.text
                published = (await client.get("/.well-known/jwks.json")).json()["keys"]
        assert app.state.process.keys.keys.keys() == {one["kid"] for one in published}


class TestDiscovery:
    async def test_configuration_names_the_public_addresses(self, client):
        answer = await client.get("/.well-known/openid-configuration")
        document = answer.json()
        assert document["issuer"] == "http://onenet.test"
        assert document["token_endpoint"] == "http://onenet.test/oauth2/token"
        assert document["code_challenge_methods_supported"] == ["S256"]
        tag = {"If-None-Match": answer.headers["etag"]}
        again = await client.get("/.well-known/openid-configuration", headers=tag)
        assert again.status_code == 304

    async def test_own_keys_are_public_halves(self, client):
        (key,) = (await client.get("/.well-known/jwks.json")).json()["keys"]
        assert key["kid"].startswith("identity-")
        assert "d" not in key


class TestPublishedKeys:
    def event(self, kid, **changes):
        jwk = ECKey.generate_key("P-256").as_dict(private=True)
        return {"kid": kid, "jwk": jwk | {"kid": kid, "alg": "ES256"}, "retired_at": None} | changes

    async def keys(self, client):
        return (await client.get("/.well-known/jwks.json")).json()["keys"]

    @pytest.mark.parametrize("service", ["case", "exchange"])
    async def test_key_of_another_service_is_served_without_its_secret(
        self, client, deliver, service
    ):
        event = self.event(f"{service}-1")
        await deliver(f"{service}.signing_key.published.v1", event)
        _, served = await self.keys(client)
        assert served["kid"] == f"{service}-1"
        assert served["x"] == event["jwk"]["x"]
        assert "d" not in served

    @pytest.mark.parametrize("kid", ["identity-1", "exchange-1", "case", ""])
    async def test_key_under_a_foreign_name_is_refused(self, client, deliver, kid):
        with pytest.raises(ForeignKid):
            await deliver("case.signing_key.published.v1", self.event(kid))
        assert len(await self.keys(client)) == 1

    async def test_retired_key_stays_for_old_signatures(self, client, deliver):
        event = self.event("case-1")
        await deliver("case.signing_key.published.v1", event)
        retired = event | {"retired_at": datetime(2026, 11, 23, tzinfo=UTC)}
        await deliver("case.signing_key.published.v1", retired)
        assert [key["kid"] for key in await self.keys(client)][1:] == ["case-1"]
