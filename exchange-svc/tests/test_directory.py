import asyncio

import pytest

from chassis.testing.plugin import token_for
from exchange_svc.directory.rules import terms
from exchange_svc.directory.rules.terms import ShareType

from .factories import (
    CIVIL_AFFAIRS,
    DISABILITY,
    RESOURCES,
    admin,
    citizen,
    department_admin,
    entry,
    publish,
    staff,
    system,
)


class TestTerms:
    @pytest.mark.parametrize(
        ("text", "good"),
        [
            ("304001", True),
            ("1010010A", True),
            ("404001", False),
            ("30400", False),
            ("304001a", False),
            ("304001123456789", False),
        ],
    )
    def test_categories(self, text, good):
        assert terms.is_category(text) is good

    def test_codes_are_category_and_number(self):
        assert terms.compose("304001", 7) == "304001000007"

    def test_unconditional_says_just_that(self):
        assert terms.condition_of(ShareType.UNCONDITIONAL, "x") == "无条件"
        assert terms.condition_of(ShareType.CONDITIONAL, "x") == "x"

    @pytest.mark.parametrize(
        ("share_type", "condition", "basis", "lacking"),
        [
            (ShareType.UNCONDITIONAL, "无条件", None, None),
            (ShareType.CONDITIONAL, "限民政救助", None, None),
            (ShareType.CONDITIONAL, None, "x", "share_condition"),
            (ShareType.NONE, None, "档案法第二十八条", None),
            (ShareType.NONE, "x", None, "legal_basis"),
        ],
    )
    def test_what_terms_cannot_do_without(self, share_type, condition, basis, lacking):
        assert terms.lacking(share_type, condition, basis) == lacking


class TestPublish:
    async def test_a_resource_stands_in_the_directory(self, client):
        resource = await publish(client)
        assert resource["code"] == "304001000001"
        assert resource["provider_code"] == DISABILITY
        assert resource["share_condition"] == "无条件"
        for headers in (staff(), system(), admin()):
            listed = await client.get(RESOURCES, headers=headers)
            assert [row["code"] for row in listed.json()["data"]] == [resource["code"]]
            answer = await client.get(f"{RESOURCES}/{resource['code']}", headers=headers)
            assert answer.json() == resource
            assert answer.headers["etag"] == '"1"'

    async def test_numbers_run_in_each_category(self, client):
        codes = [(await publish(client))["code"] for _ in range(2)]
        codes.append((await publish(client, category="304002"))["code"])
        assert codes == ["304001000001", "304001000002", "304002000001"]

    async def test_numbers_differ_when_published_at_once(self, concurrent_client):
        resources = await asyncio.gather(*(publish(concurrent_client) for _ in range(4)))
        assert len({resource["code"] for resource in resources}) == 4

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"category": "9"}, "/category"),
            ({"share_type": "conditional"}, "/share_condition"),
            ({"share_type": "none"}, "/legal_basis"),
            ({"certificate_type": "x"}, "/certificate_type"),
            ({"fields": []}, "/fields"),
            ({"fields": entry()["fields"] * 2}, "/fields"),
            ({"update_cycle": "sometimes"}, "/update_cycle"),
            ({"title": "  "}, "/title"),
            ({"extra": 1}, "/extra"),
        ],
    )
    async def test_incomplete_entries_are_refused(self, client, change, pointer):
        answer = await client.post(RESOURCES, json=entry(**change), headers=department_admin())
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer

    async def test_only_department_admins_publish(self, client):
        assert (await client.post(RESOURCES, json=entry())).status_code == 401
        for headers in (citizen(), staff(), system(), admin(), department_admin(None)):
            answer = await client.post(RESOURCES, json=entry(), headers=headers)
            assert answer.status_code == 403

    async def test_the_directory_is_for_government(self, client):
        assert (await client.get(RESOURCES)).status_code == 401
        assert (await client.get(RESOURCES, headers=citizen())).status_code == 403

    async def test_it_can_be_limited_to_a_provider(self, client):
        await publish(client)
        query = {"provider": CIVIL_AFFAIRS}
        listed = await client.get(RESOURCES, params=query, headers=staff())
        assert listed.json()["data"] == []


class TestChange:
    async def change(self, client, resource, headers=None, tag='"1"', **changes):
        headers = headers or department_admin(DISABILITY)
        headers |= {"If-Match": tag} if tag else {}
        return await client.patch(f"{RESOURCES}/{resource['code']}", json=changes, headers=headers)

    async def test_only_what_is_sent_changes(self, client):
        resource = await publish(client)
        answer = await self.change(client, resource, title="残疾人证")
        assert answer.json() == resource | {"title": "残疾人证", "version": 2}

    async def test_terms_are_checked_again(self, client):
        resource = await publish(client)
        assert (await self.change(client, resource, share_type="none")).status_code == 422
        answer = await self.change(client, resource, share_type="none", legal_basis="档案法")
        assert answer.json()["share_type"] == "none"

    async def test_a_revoked_resource_is_seen_by_its_department_only(self, client):
        resource = await publish(client)
        assert (await self.change(client, resource, status="revoked")).status_code == 200
        path = f"{RESOURCES}/{resource['code']}"
        assert (await client.get(path, headers=staff())).status_code == 404
        assert (await client.get(path, headers=staff(DISABILITY))).status_code == 200

    async def test_who_may_and_when(self, client):
        resource = await publish(client)
        assert (await self.change(client, resource, tag=None, title="x")).status_code == 428
        assert (await self.change(client, resource, tag='"9"', title="x")).status_code == 412
        other = department_admin()
        assert (await self.change(client, resource, other, title="x")).status_code == 403
        clerk = staff(DISABILITY)
        assert (await self.change(client, resource, clerk, title="x")).status_code == 403
        anyone = token_for("citizen")
        assert (await self.change(client, resource, anyone, title="x")).status_code == 403
        unknown = {"code": "304001999999"}
        assert (await self.change(client, unknown, title="x")).status_code == 404
