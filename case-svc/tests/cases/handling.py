"""What officers do, step by step, for the tests of this folder."""

from sqlalchemy import select

from case_svc.cases.models import CaseEntry
from chassis import clock

NOTICE = {"items": [{"material_id": "declaration", "reason": "签名不全"}]}
HEARING = {"kind": "hearing", "reason": "利害关系人申请听证", "expected_days": 10}
REFUSAL = {"outcome": "refused", "reason": "收入超过标准", "remedies": "六十日内可申请复议"}
SURVEY = {
    "step": "survey",
    "outcome": "agree",
    "opinion": "情况属实",
    "checks": [{"check_id": "s1", "passed": True, "note": None}],
}
AUDIT = {"step": "audit", "outcome": "agree", "opinion": "同意", "checks": []}


def slug(answer):
    return answer.json()["type"].removeprefix("urn:onenet:problem:")


async def ok(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


async def accepted(world, **changes):
    case = await world.submitted(**changes)
    clerk = await world.staff("clerk")
    await clerk.claim(case)
    await ok(await clerk.act(case, "acceptance"))
    return case, clerk


async def reviewed(world):
    """Ready for the decision, with the decider who has it in hand."""
    case, clerk = await accepted(world)
    for opinion in (SURVEY, AUDIT):
        await clerk.claim(case)
        await ok(await clerk.act(case, "opinions", opinion))
    decider = await world.staff("decider")
    await decider.claim(case)
    return case, decider


async def entries(session, case):
    found = await session.scalars(
        select(CaseEntry).where(CaseEntry.case_id == case.id).order_by(CaseEntry.sequence)
    )
    return [(one.action, one.from_status, one.to_status) for one in found]


async def claimed(world, recorded):
    case = await world.submitted(claim="1.2.156.X")
    clerk = await world.staff("clerk")
    await clerk.claim(case)
    (event,) = await recorded("case.certificate_claimed.v1")
    return case, clerk, event["data"]["claim_id"]


async def check(world, claim_id, outcome, reason=None):
    await world.tell(
        "exchange.claim_checked.v1", {"claim_id": claim_id, "outcome": outcome, "reason": reason}
    )


async def issue(world, case, code, certificate_id=None):
    certificate_id = certificate_id or str(clock.new_id())
    content = {
        "certificate_id": certificate_id,
        "code": code,
        "case_id": case.id,
        "certificate_type": "11511301008778298W002",
        "name": "保障证",
        "issued_on": "2026-03-20",
        "valid_to": None,
        "version": 1,
    }
    await world.tell("exchange.certificate_issued.v1", content)
    return certificate_id
