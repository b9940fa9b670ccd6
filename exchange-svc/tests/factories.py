"""One call per intention: the events of other services, and the actors of requests."""

import itertools
from uuid import UUID

from chassis import clock
from chassis.testing.plugin import token_for
from exchange_svc.certificates.rules import codes

CIVIL_AFFAIRS = "11511301008778298W"
MARKET = "68236467-9"
REGION = "511602000000"
ROOT = "1.2.156.3005.2"
CARD = "11511301452259996U001"
_numbers = itertools.count(1)
ISSUED = "exchange.certificate_issued.v1"
CHECKED = "exchange.claim_checked.v1"


def staff(department=CIVIL_AFFAIRS, role="clerk", **claims):
    post = claims.pop("post", "窗口受理岗")
    return token_for(
        "staff", department=department, region=REGION, roles=[role], post=post, **claims
    )


def citizen(person_id=None, **claims):
    return token_for("citizen", id=person_id or clock.new_id(), **claims)


def admin():
    return token_for("staff", region="510000000000", roles=["platform_admin"])


async def deliver_person(
    deliver, person_id=None, *, name="张三丰", number="511602199001011234", **more
):
    person_id = person_id or clock.new_id()
    event = {"person_id": person_id, "level": "L2", "version": 1} | more
    sealed = {"name": name, "id_number": number, "mobile": "13900000000"}
    await deliver("identity.person.registered.v1", event, sealed=sealed)
    return person_id


async def deliver_company(deliver, leader, **changes):
    event = {
        "company_id": clock.new_id(),
        "name": "广安区晨光食品店",
        "uscc": "91511602MA0TE5T16C",
        "legal_person_id": leader,
        "active": True,
        "version": 1,
    } | changes
    await deliver("identity.company.changed.v1", event)
    return event["company_id"]


async def deliver_mandate(deliver, company_id, grantee, **changes):
    event = {
        "mandate_id": clock.new_id(),
        "company_id": company_id,
        "grantor_person_id": None,
        "grantee_person_id": grantee,
        "powers": ["view"],
        "item_codes": ["*"],
        "valid_from": clock.today(),
        "valid_to": clock.today(),
        "status": "active",
        "version": 1,
    } | changes
    await deliver("identity.mandate.changed.v1", event)


async def deliver_department(deliver, code=CIVIL_AFFAIRS, name="区民政局"):
    event = {"department_code": code, "name": name, "region_code": REGION, "active": True}
    await deliver("identity.department.changed.v1", event | {"version": 1})


def result(**changes):
    return {
        "name": "中华人民共和国残疾人证",
        "type": "certificate",
        "certificate_type": CARD,
        "validity_months": 120,
        "public_fields": ["category"],
    } | changes


def case_of(person_id, company_id=None, **changes):
    return {
        "case_id": clock.new_id(),
        "case_no": f"51160220261123{next(_numbers):04d}",
        "version": 7,
        "item_id": clock.new_id(),
        "item_name": "残疾人证新办",
        "department_code": CIVIL_AFFAIRS,
        "region_code": REGION,
        "person_id": person_id,
        "company_id": company_id,
        "status": "decided",
    } | changes


def decision(person_id, company_id=None, **changes):
    return (
        case_of(person_id, company_id)
        | {
            "outcome": "granted",
            "decided_on": clock.today(),
            "department_name": "区民政局",
            "item_code": "canji-1",
            "task_code": None,
            "results": [result()],
            "fields": {"household": "local"},
        }
        | changes
    )


FACE = {"fields": {"category": "肢体", "home_address": "广安区北仓路1号"}}


async def grant(deliver, person_id, company_id=None, *, face=FACE, **changes):
    """Deliver a decision that grants; returns its data, to be delivered again."""
    event = decision(person_id, company_id, **changes)
    await deliver("case.decided.v1", event, sealed=face)
    return event


async def issue(deliver, client, person_id=None, company_id=None, *, reader=None, **changes):
    """A person's certificate as the holder's list shows it; without a person, one is delivered."""
    person_id = person_id or await deliver_person(deliver)
    event = await grant(deliver, person_id, company_id, **changes)
    rows = await held(client, citizen(reader or person_id))
    shown = next(row for row in rows if row["case_id"] == str(event["case_id"]))
    return shown | {"person_id": person_id}


async def held(client, headers, **query):
    answer = await client.get("/api/v1/me/certificates", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def claim_on(code, person_id, company_id=None, **changes):
    case = case_of(person_id, company_id, status="submitted", item_name="困难残疾人生活补贴")
    return (
        case
        | {
            "claim_id": clock.new_id(),
            "material_id": "m1",
            "certificate_code": code,
            "certificate_type": CARD,
            "version": 1,
        }
        | changes
    )


async def claim(deliver, recorded, code, person_id, company_id=None, **changes):
    """Claim a certificate for a case; returns the outcome and the claim."""
    event = claim_on(code, person_id, company_id, **changes)
    await deliver("case.certificate_claimed.v1", event)
    answers = [envelope["data"] for envelope in await recorded(CHECKED)]
    mine = [check for check in answers if check["claim_id"] == str(event["claim_id"])]
    assert len(mine) == 1
    return mine[0], event


async def footprints(client, person_id, **query):
    answer = await client.get("/api/v1/me/footprints", headers=citizen(person_id), params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def footprint(person_id, **changes):
    return {
        "footprint_id": clock.new_id(),
        "person_id": person_id,
        "at": clock.now(),
        "department_code": CIVIL_AFFAIRS,
        "department_name": "区民政局",
        "post": "审查岗",
        "actor_id": clock.new_id(),
        "fields": ["form/name", "form/id_number"],
        "case_id": clock.new_id(),
        "case_no": "511602202611230001",
        "ground": "办理申请",
        "version": 1,
    } | changes


async def change(client, code, action, headers, reason="持证人申请", **more):
    return await client.post(
        f"/api/v1/certificates/{code}/{action}", json={"reason": reason}, headers=headers | more
    )


async def verify(client, code):
    answer = await client.get("/api/v1/certificates/verify", params={"code": code})
    assert answer.status_code == 200, answer.text
    return answer.json()


def unknown_code(type_code=CARD):
    return codes.compose(
        ROOT, type_code=type_code, issuer=CIVIL_AFFAIRS, serial="2026112300000000", version=1
    )


def is_id(text):
    return bool(UUID(text))


DISABILITY = "11511301452259996u"
RESOURCES = "/api/v1/exchange/resources"
REQUESTS = "/api/v1/exchange/grant-requests"
GRANTS = "/api/v1/exchange/grants"


def department_admin(department=CIVIL_AFFAIRS):
    return staff(department, "department_admin")


def system(department=CIVIL_AFFAIRS):
    return token_for("system", department=department, client_id="civil-affairs")


def entry(**changes):
    names = ["status", "valid_to", "category", "holder_name"]
    return {
        "category": "304001",
        "title": "残疾人证信息",
        "summary": "区残联颁发的残疾人证",
        "certificate_type": CARD,
        "fields": [{"name": name, "title": name, "type": "string"} for name in names],
        "share_type": "unconditional",
        "update_cycle": "real_time",
    } | changes


async def publish(client, department=DISABILITY, **changes):
    headers = department_admin(department)
    answer = await client.post(RESOURCES, json=entry(**changes), headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def wish(resource, **changes):
    return {
        "resource_code": resource["code"],
        "purpose": "核定困难残疾人生活补贴资格",
        "legal_basis": "国发〔2015〕52号",
        "scene": "困难残疾人生活补贴",
        "fields": ["status", "category"],
        "quota_per_day": 3,
        "valid_from": str(clock.today()),
        "valid_to": str(clock.today()),
    } | changes


async def ask_for(client, resource, department=CIVIL_AFFAIRS, **changes):
    headers = department_admin(department)
    answer = await client.post(REQUESTS, json=wish(resource, **changes), headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def approve(client, request, headers):
    path = f"{REQUESTS}/{request['request_id']}/approval"
    return await client.post(path, json={}, headers=headers)


async def refuse(client, request, headers, reason="与申请部门职责无关（政务数据共享条例）"):
    path = f"{REQUESTS}/{request['request_id']}/refusal"
    return await client.post(path, json={"reason": reason}, headers=headers)


async def make_grant(client, resource, **changes):
    request = await ask_for(client, resource, **changes)
    assert (await approve(client, request, admin())).status_code == 200
    rows = (await client.get(GRANTS, headers=admin())).json()["data"]
    return next(row for row in rows if row["request_id"] == request["request_id"])


async def deliver_case(deliver, person_id, company_id=None, **changes):
    event = case_of(person_id, company_id, status="submitted", version=1) | changes
    await deliver("case.submitted.v1", event)
    return event


async def query(client, resource, case, headers=None, **changes):
    body = {
        "case_no": case["case_no"],
        "purpose": "核定补贴资格",
        "fields": ["status", "category"],
        "id_number": "511602199001011234",
    } | changes
    path = f"{RESOURCES}/{resource['code']}/query"
    content = {name: value for name, value in body.items() if value is not None}
    return await client.post(path, json=content, headers=headers or system())
