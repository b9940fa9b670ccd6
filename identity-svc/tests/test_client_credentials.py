"""Systems of departments at the token endpoint, and what that endpoint refuses."""

import base64

import pytest

from .factories import admin, claims_of, make_department, make_system

TOKEN = "/oauth2/token"


@pytest.fixture
async def system(client):
    return await make_system(client, await make_department(client))


class TestClientCredentials:
    def form(self, system, **changes):
        return {
            "grant_type": "client_credentials",
            "client_id": system["client_id"],
            "client_secret": system["client_secret"],
        } | changes

    async def test_system_gets_a_token_of_its_department(self, client, system):
        answer = await client.post(TOKEN, data=self.form(system, scope="feeds"))
        claims = claims_of(answer.json()["access_token"])
        assert (claims["kind"], claims["department"]) == ("system", "11511301008778298W")
        assert (claims["scope"], claims["region"]) == ("feeds", "511602000000")
        assert answer.json().keys() == {"access_token", "token_type", "expires_in", "scope"}

    @pytest.mark.parametrize(
        ("changes", "status", "error"),
        [
            ({"client_secret": "wrong"}, 401, "invalid_client"),
            ({"client_id": "nobody"}, 401, "invalid_client"),
            ({"scope": "cases"}, 400, "invalid_scope"),
        ],
    )
    async def test_others_get_nothing(self, client, system, changes, status, error):
        answer = await client.post(TOKEN, data=self.form(system, **changes))
        assert (answer.status_code, answer.json()["error"]) == (status, error)

    async def test_secret_must_be_given(self, client, system):
        form = self.form(system)
        del form["client_secret"]
        answer = await client.post(TOKEN, data=form)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")

    async def test_public_client_gets_none(self, client):
        form = {"grant_type": "client_credentials", "client_id": "onenet-web"}
        assert (await client.post(TOKEN, data=form)).json()["error"] == "unauthorized_client"

    async def test_closed_department_gets_none(self, client, system):
        await client.patch(
            "/api/v1/orgs/departments/11511301008778298W",
            json={"active": False},
            headers=admin() | {"If-Match": '"1"'},
        )
        answer = await client.post(TOKEN, data=self.form(system))
        assert answer.json()["error"] == "unauthorized_client"

    async def test_secret_in_the_header(self, client, system):
        text = f"{system['client_id']}:{system['client_secret']}"
        header = {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}
        form = {"grant_type": "client_credentials"}
        assert (await client.post(TOKEN, data=form, headers=header)).status_code == 200
        both = await client.post(TOKEN, data=self.form(system), headers=header)
        assert both.json()["error"] == "invalid_request"
        broken = {"Authorization": "Basic ***"}
        answer = await client.post(TOKEN, data=form, headers=broken)
        assert answer.json()["error"] == "invalid_client"


class TestTokenEndpoint:
    @pytest.mark.parametrize(
        ("form", "error"),
        [
            ({"client_id": "onenet-web"}, "invalid_request"),
            ({"client_id": "onenet-web", "grant_type": "password"}, "unsupported_grant_type"),
            ({"grant_type": "authorization_code"}, "invalid_client"),
        ],
    )
    async def test_errors_follow_the_rfc(self, client, form, error):
        answer = await client.post(TOKEN, data=form)
        assert answer.json().keys() == {"error", "error_description"}
        assert answer.json()["error"] == error

    async def test_json_body_is_refused(self, client):
        answer = await client.post(TOKEN, json={"grant_type": "refresh_token"})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


class TestSystemThatIsRemembered:
    """The second token within seconds comes from memory; nothing else may differ."""

    async def issue(self, client, system, headers=None, **changes):
        form = TestClientCredentials().form(system, **changes)
        return await client.post(TOKEN, data=form, headers=headers)

    async def test_its_token_says_the_same_and_is_another(self, client, system):
        first = await self.issue(client, system, scope="feeds")
        second = await self.issue(client, system, scope="feeds")
        assert second.headers["cache-control"] == first.headers["cache-control"] == "no-store"
        one, other = (claims_of(answer.json()["access_token"]) for answer in (first, second))
        differing = {"jti", "iat", "exp"}
        assert {k: v for k, v in one.items() if k not in differing} == {
            k: v for k, v in other.items() if k not in differing
        }
        assert one["jti"] != other["jti"]

    @pytest.mark.parametrize(
        ("changes", "status", "error"),
        [
            ({"client_secret": "wrong"}, 401, "invalid_client"),
            ({"client_secret": ""}, 401, "invalid_client"),
            ({"scope": "cases"}, 400, "invalid_scope"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ],
    )
    async def test_what_is_refused_is_refused_again(self, client, system, changes, status, error):
        assert (await self.issue(client, system)).status_code == 200
        answer = await self.issue(client, system, **changes)
        assert (answer.status_code, answer.json()["error"]) == (status, error)

    async def test_a_field_that_stands_twice_is_refused(self, client, system):
        assert (await self.issue(client, system)).status_code == 200
        form = TestClientCredentials().form(system, scope=["feeds", "feeds"])
        assert (await client.post(TOKEN, data=form)).json()["error"] == "invalid_request"

    async def test_closed_here_it_gets_none_any_more(self, client, system):
        assert (await self.issue(client, system)).status_code == 200
        path = f"/api/v1/identity/clients/{system['client_id']}/closure"
        assert (await client.post(path, headers=admin())).status_code == 200
        assert (await self.issue(client, system)).json()["error"] == "invalid_client"
