import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from chassis.clock import new_id
from chassis.vault import open_vault
from identity_svc.people.models import AssuranceCheck, Person

from .factories import (
    admin,
    as_person,
    citizen_number,
    credit_code,
    department_admin,
    make_company,
    make_person,
    make_regions,
    mobile,
    registration_form,
    sign_in,
)

REGISTRATIONS = "/api/v1/identity/registrations"
COMPANIES = "/api/v1/identity/companies"


def wrong_check_digit():
    good = citizen_number()
    return good[:17] + ("0" if good[17] != "0" else "1")


class TestRegistration:
    async def test_person_registers_and_signs_in_by_either_number(self, client):
        await make_regions(client)
        form = registration_form()
        answer = await client.post(REGISTRATIONS, json=form)
        assert answer.status_code == 201
        assert answer.json().keys() == {"person_id", "assurance_level"}
        assert answer.json()["assurance_level"] == "L2"
        for name in (form["mobile"], form["id_number"], form["id_number"].lower()):
            assert (await sign_in(client, name))["access_token"]

    async def test_personal_data_is_stored_encrypted_and_travels_sealed(
        self, client, session, recorded, prepared
    ):
        await make_regions(client)
        person = await make_person(client)
        row = await session.get(Person, UUID(person["person_id"]))
        assert person["name"].encode() not in row.name_box
        assert person["id_number"].encode() not in row.id_number_box
        (event,) = await recorded("identity.person.registered.v1")
        assert event["data"] == {"person_id": person["person_id"], "level": "L2", "version": 1}
        for secret in ("name", "id_number", "mobile"):
            assert person[secret] not in str(event)
        settings = prepared.service.settings
        for consumer in ("case", "exchange"):
            vault = open_vault(
                consumer,
                settings.vault_keys.get_secret_value(),
                settings.seal_keys.get_secret_value(),
            )
            opened = vault.unseal(event["sealed"][consumer], sender="identity")
            assert opened == {name: person[name] for name in ("name", "id_number", "mobile")}

    @pytest.mark.parametrize(
        ("changes", "errors"),
        [
            ({"id_number": wrong_check_digit()}, {("/id_number", "check_digit")}),
            ({"id_number": citizen_number(born="19900231")}, {("/id_number", "birth_date")}),
            ({"id_number": citizen_number(born="29900101")}, {("/id_number", "birth_date")}),
            ({"id_number": citizen_number(region="990101")}, {("/id_number", "unknown_region")}),
            ({"id_number": citizen_number(region="510099")}, {("/id_number", "unknown_region")}),
            ({"id_number": "110105491231002"}, {("/id_number", "format")}),
            ({"mobile": "23800001234"}, {("/mobile", "mobile")}),
            ({"password": "1234567"}, {("/password", "weak_password")}),
            ({"password": "p" * 129}, {("/password", "weak_password")}),
            (
                {"mobile": "13800001234", "password": "13800001234"},
                {("/password", "weak_password")},
            ),
            ({"name": "王"}, {("/name", "string_too_short")}),
            ({"name": "王\0明"}, {("/name", "string_pattern_mismatch")}),
            ({"name": "王\u202e明"}, {("/name", "string_pattern_mismatch")}),
            ({"extra": 1}, {("/extra", "extra_forbidden")}),
            (
                {"id_number": citizen_number(region="990101", born="19901301"), "mobile": ""},
                {
                    ("/id_number", "birth_date"),
                    ("/id_number", "unknown_region"),
                    ("/mobile", "mobile"),
                },
            ),
        ],
    )
    async def test_everything_wrong_is_named(self, client, session, changes, errors):
        await make_regions(client)
        answer = await client.post(REGISTRATIONS, json=registration_form(**changes))
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert {(one["pointer"], one["code"]) for one in answer.json()["errors"]} == errors
        assert (await session.scalars(select(Person))).all() == []

    @pytest.mark.parametrize("field", ["id_number", "mobile"])
    async def test_known_number_conflicts(self, client, field):
        await make_regions(client)
        person = await make_person(client)
        answer = await client.post(REGISTRATIONS, json=registration_form(**{field: person[field]}))
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:onenet:problem:already-registered"

    async def test_mobile_of_a_clerk_is_free_for_a_citizen(self, client):
        await make_regions(client)
        number = mobile()
        staff = {
            "mobile": number,
            "name": "李经办",
            "password": "another good one",
            "region_code": "5116",
            "roles": ["platform_admin"],
        }
        answer = await client.post("/api/v1/orgs/staff", json=staff, headers=admin())
        assert answer.status_code == 201
        await make_person(client, mobile=number)
        assert await sign_in(client, number)
        assert await sign_in(client, number, "another good one")

    @pytest.mark.parametrize("region", ["511699", "511602", "310230", "110228"])
    async def test_number_of_an_abolished_county_is_good(self, client, region):
        await make_regions(client)
        await make_person(client, id_number=citizen_number(region=region))

    async def test_before_the_import_provinces_are_known(self, client):
        await make_person(client, id_number=citizen_number(region="440106"))
        form = registration_form(id_number=citizen_number(region="990106"))
        assert (await client.post(REGISTRATIONS, json=form)).status_code == 422

    async def test_same_key_gives_the_same_person(self, client):
        form, key = registration_form(), {"Idempotency-Key": "k-1"}
        first = await client.post(REGISTRATIONS, json=form, headers=key)
        again = await client.post(REGISTRATIONS, json=form, headers=key)
        assert again.json() == first.json()
        other = await client.post(REGISTRATIONS, json=registration_form(), headers=key)
        assert other.status_code == 422

    async def test_two_at_once_give_one_person(self, concurrent_client):
        form = registration_form()
        answers = await asyncio.gather(
            *(concurrent_client.post(REGISTRATIONS, json=form) for _ in range(4))
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


class TestProfile:
    async def test_own_particulars_are_masked(self, client):
        await make_regions(client)
        person = await make_person(client, name="王小明")
        answer = await client.get("/api/v1/me/profile", headers=as_person(person))
        number, phone = person["id_number"], person["mobile"]
        assert answer.json() == {
            "person_id": person["person_id"],
            "name": "王*明",
            "id_number": f"{number[:6]}********{number[-4:]}",
            "mobile": f"{phone[:3]}****{phone[-4:]}",
            "assurance_level": "L2",
        }

    async def test_profile_is_for_citizens(self, client, token):
        assert (await client.get("/api/v1/me/profile")).status_code == 401
        assert (await client.get("/api/v1/me/profile", headers=admin())).status_code == 403
        stranger = token("citizen", id=new_id())
        assert (await client.get("/api/v1/me/profile", headers=stranger)).status_code == 404


CHECK = {"level": "L3", "ground": "窗口核验身份证原件"}


class TestAssurance:
    def path(self, person_id):
        return f"/api/v1/identity/people/{person_id}/assurance"

    async def test_check_at_the_window_raises_and_leaves_a_row(self, client, session, recorded):
        await make_regions(client)
        person = await make_person(client)
        headers = department_admin("11511301008778298W", id=uuid4())
        answer = await client.post(self.path(person["person_id"]), json=CHECK, headers=headers)
        assert answer.json() == {"person_id": person["person_id"], "assurance_level": "L3"}
        check = (await session.scalars(select(AssuranceCheck))).one()
        assert (check.ground, check.department_code) == (CHECK["ground"], "11511301008778298W")
        (event,) = await recorded("identity.person.changed.v1")
        assert event["data"] == {"person_id": person["person_id"], "level": "L3", "version": 2}
        assert event["sealed"].keys() == {"case", "exchange"}

    async def test_level_only_rises(self, client):
        await make_regions(client)
        person = await make_person(client)
        body = CHECK | {"level": "L2"}
        answer = await client.post(self.path(person["person_id"]), json=body, headers=admin())
        assert answer.status_code == 409
        assert "L2" in answer.json()["detail"]

    async def test_others_are_refused(self, client):
        await make_regions(client)
        person = await make_person(client)
        path = self.path(person["person_id"])
        assert (await client.post(path, json=CHECK)).status_code == 401
        own = await client.post(path, json=CHECK, headers=as_person(person))
        assert own.status_code == 403
        unknown = await client.post(self.path(uuid4()), json=CHECK, headers=admin())
        assert unknown.status_code == 404
        body = CHECK | {"level": "L9"}
        assert (await client.post(path, json=body, headers=admin())).status_code == 422


class TestCompanies:
    async def test_company_is_registered_with_its_representative(self, client, recorded):
        await make_regions(client)
        person = await make_person(client)
        company = await make_company(client, person)
        (event,) = await recorded("identity.company.changed.v1")
        assert event["data"] == company
        assert company["legal_person_id"] == person["person_id"]
        (mandate,) = await recorded("identity.mandate.changed.v1")
        assert mandate["data"]["company_id"] == company["company_id"]
        assert mandate["data"]["grantee_person_id"] == person["person_id"]
        assert mandate["data"]["grantor_person_id"] is None
        assert mandate["data"]["item_codes"] == ["*"]
        assert mandate["data"]["status"] == "active"
        assert mandate["data"]["powers"] == [
            "apply",
            "correct",
            "withdraw",
            "collect",
            "view",
            "rate",
        ]

    async def test_same_code_conflicts(self, client):
        await make_regions(client)
        person = await make_person(client)
        company = await make_company(client, person)
        body = {
            "name": "另一家",
            "uscc": company["uscc"].lower(),
            "legal_representative": person["person_id"],
        }
        answer = await client.post(COMPANIES, json=body, headers=admin())
        assert answer.status_code == 409
        assert company["uscc"] in answer.json()["detail"]

    async def test_wrong_code_and_unknown_person_are_named(self, client):
        body = {
            "name": "某公司",
            "uscc": "91110000MA0TE5T16D",
            "legal_representative": str(uuid4()),
        }
        answer = await client.post(COMPANIES, json=body, headers=admin())
        assert answer.status_code == 422
        pointers = [error["pointer"] for error in answer.json()["errors"]]
        assert pointers == ["/uscc", "/legal_representative"]

    async def test_registering_is_for_administrators(self, client, token):
        body = {"name": "某公司", "uscc": credit_code(), "legal_representative": str(uuid4())}
        assert (await client.post(COMPANIES, json=body)).status_code == 401
        clerk = token("staff", roles=["clerk"])
        assert (await client.post(COMPANIES, json=body, headers=clerk)).status_code == 403

    async def test_representative_and_staff_see_it(self, client, token):
        await make_regions(client)
        person, other = await make_person(client), await make_person(client)
        company = await make_company(client, person)
        path = f"{COMPANIES}/{company['company_id']}"
        assert (await client.get(path, headers=as_person(person))).json() == company
        assert (await client.get(path, headers=as_person(other))).status_code == 404
        assert (await client.get(path)).status_code == 401
        clerk = token("staff", roles=["clerk"])
        found = await client.get(COMPANIES, params={"uscc": company["uscc"]}, headers=clerk)
        assert found.json()["data"] == [company]
        named = await client.get(COMPANIES, params={"q": "示例"}, headers=clerk)
        assert named.json()["data"] == [company]
        mine = await client.get(COMPANIES, headers=as_person(other))
        assert mine.json()["data"] == []
