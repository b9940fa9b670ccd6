import json

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from sqlalchemy import select

from chassis import clock
from chassis.signing import public_keys
from chassis.subscriptions import Later
from exchange_svc.certificates.models import Certificate
from exchange_svc.certificates.rules import codes
from exchange_svc.parties.models import Person

from .factories import (
    CARD,
    CIVIL_AFFAIRS,
    FACE,
    ISSUED,
    MARKET,
    ROOT,
    citizen,
    decision,
    deliver_company,
    deliver_person,
    grant,
    held,
    issue,
    result,
)


class TestIssue:
    async def test_a_grant_issues_a_certificate(self, client, deliver, recorded):
        person = await deliver_person(deliver)
        event = await grant(deliver, person)
        (row,) = await held(client, citizen(person))
        assert row["type"] == CARD
        assert row["name"] == "中华人民共和国残疾人证"
        assert row["status"] == "valid"
        assert row["issued_on"] == str(clock.today())
        assert row["case_id"] == str(event["case_id"])
        assert codes.fault_of(row["code"], ROOT) is None
        assert row["code"].split(".")[5:7] == [CARD, CIVIL_AFFAIRS]
        (event,) = await recorded(ISSUED)
        assert event["data"]["code"] == row["code"]
        assert event["data"]["case_id"] == row["case_id"]
        assert event["data"]["certificate_type"] == CARD
        assert event["data"]["valid_to"] == row["valid_to"]

    async def test_the_event_holds_nothing_personal(self, deliver, recorded):
        await grant(deliver, await deliver_person(deliver))
        text = json.dumps(await recorded(ISSUED), ensure_ascii=False)
        assert "张三丰" not in text
        assert "511602199001011234" not in text
        assert "北仓路" not in text

    async def test_holder_face_and_document_are_encrypted(self, client, deliver, session):
        await issue(deliver, client)
        row = (await session.scalars(select(Certificate))).one()
        boxes = row.holder_name + row.holder_code + row.face + row.document
        assert "张三丰".encode() not in boxes
        assert b"511602199001011234" not in boxes
        assert "北仓路".encode() not in boxes
        assert row.public_fields == {"category": "肢体"}

    async def test_a_refusal_issues_nothing(self, client, deliver, recorded):
        person = await deliver_person(deliver)
        await grant(deliver, person, outcome="refused", face=None)
        assert await held(client, citizen(person)) == []
        assert await recorded(ISSUED) == []

    async def test_each_result_issues_one(self, client, deliver):
        person = await deliver_person(deliver)
        results = [result(), result(name="护理补贴批复", type="approval", certificate_type=None)]
        await grant(deliver, person, results=results)
        rows = await held(client, citizen(person))
        assert {row["type"] for row in rows} == {CARD, f"{CIVIL_AFFAIRS}000"}

    @pytest.mark.parametrize("results", [[], [result(type="none", name="无")]])
    async def test_without_a_result_the_decision_document_is_issued(self, client, deliver, results):
        person = await deliver_person(deliver)
        await grant(deliver, person, results=results)
        (row,) = await held(client, citizen(person))
        assert row["name"] == "残疾人证新办准予决定书"
        assert row["type"] == f"{CIVIL_AFFAIRS}000"
        assert row["valid_to"] is None

    async def test_a_department_without_credit_code_issues_in_its_region(self, client, deliver):
        row = await issue(deliver, client, department_code=MARKET, results=[])
        assert row["code"].split(".")[6] == "511602"
        assert codes.fault_of(row["code"], ROOT) is None

    async def test_a_grant_without_face_is_no_obstacle(self, client, deliver):
        assert await issue(deliver, client, face=None)


class TestOnce:
    async def test_a_redelivered_grant_issues_nothing_more(self, client, deliver):
        person, event_id = await deliver_person(deliver), clock.new_id()
        event = decision(person)
        again = {"sealed": FACE, "event_id": event_id}
        assert await deliver("case.decided.v1", event, **again)
        assert not await deliver("case.decided.v1", event, **again)
        assert len(await held(client, citizen(person))) == 1

    async def test_the_same_decision_in_another_event_issues_nothing_more(
        self, client, deliver, recorded
    ):
        person = await deliver_person(deliver)
        event = await grant(deliver, person)
        await deliver("case.decided.v1", event | {"version": 8}, sealed=FACE)
        assert len(await held(client, citizen(person))) == 1
        assert len(await recorded(ISSUED)) == 1


class TestHolder:
    async def test_a_grant_waits_for_the_persons_copy(self, client, deliver):
        person, event = clock.new_id(), None
        event = decision(person)
        with pytest.raises(Later):
            await deliver("case.decided.v1", event, sealed=FACE)
        await deliver_person(deliver, person)
        assert await deliver("case.decided.v1", event, sealed=FACE)
        assert len(await held(client, citizen(person))) == 1

    async def test_a_grant_waits_for_the_companys_copy(self, client, deliver):
        person = await deliver_person(deliver)
        company = clock.new_id()
        with pytest.raises(Later):
            await grant(deliver, person, company)
        await deliver_company(deliver, person, company_id=company)
        await grant(deliver, person, company)
        assert len(await held(client, citizen(person))) == 1

    async def test_an_older_copy_never_replaces_a_newer(self, deliver, session, process):
        person = await deliver_person(deliver, name="李四", version=2)
        await deliver_person(deliver, person, name="张三", version=1)
        copy = await session.get(Person, person)
        assert process.vault.decrypt(copy.name) == "李四"


class TestDocument:
    async def test_the_holder_gets_a_document_that_can_be_checked(self, client, deliver, session):
        row = await issue(deliver, client)
        path = f"/api/v1/certificates/{row['code']}/document"
        answer = await client.get(path, headers=citizen(row["person_id"]))
        assert answer.status_code == 200
        assert answer.json()["keys"].endswith("/.well-known/jwks.json")
        keys = {key["kid"]: ECKey.import_key(key) for key in await public_keys(session)}
        document = answer.json()["document"]
        signed = jws.deserialize_compact(
            document, lambda part: keys[part.headers()["kid"]], algorithms=["ES256"]
        )
        assert signed.headers()["typ"] == "onenet-certificate+jwt"
        assert signed.headers()["kid"].startswith("exchange-")
        content = json.loads(signed.payload)
        assert content["code"] == row["code"]
        assert content["holder"] == {"name": "张三丰", "code": "511602199001011234"}
        assert content["fields"] == {"household": "local"} | FACE["fields"]
        assert content["valid_from"] == content["issued_on"]

    async def test_nobody_else_gets_it(self, client, deliver):
        row = await issue(deliver, client)
        path = f"/api/v1/certificates/{row['code']}/document"
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=citizen())).status_code == 404
