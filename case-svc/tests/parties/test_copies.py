"""Copies of what `identity` owns: newer wins, older changes nothing, names are encrypted."""

import pytest
from sqlalchemy import select

from case_svc.parties.models import Company, Department, Mandate, Person, StaffMember
from case_svc.parties.queries import in_clear
from case_svc.parties.rules.kinds import applicant_type
from chassis import clock

from ..factories import DEPARTMENT, REGION


async def test_person_is_kept_encrypted(world, session):
    person_id = await world.person("张三丰")
    person = await session.get(Person, person_id)
    assert "张三丰".encode() not in person.name
    assert in_clear(session, person.name) == "张三丰"


async def test_person_without_sealed_part_has_no_name(world, session):
    person_id = clock.new_id()
    content = {"person_id": str(person_id), "level": "L1", "version": 1}
    await world.tell("identity.person.changed.v1", content)
    person = await session.get(Person, person_id)
    assert (person.name, person.id_number, person.mobile) == (None, None, None)


async def test_later_event_with_an_older_version_changes_nothing(world, session):
    company_id = await world.company(clock.new_id(), name="新", version=5)
    for version in (4, 5):
        await world.company(clock.new_id(), company_id=company_id, name="旧", version=version)
    company = await session.get(Company, company_id, populate_existing=True)
    assert (company.name, company.version) == ("新", 5)
    await world.company(clock.new_id(), company_id=company_id, name="更新", version=6)
    await session.refresh(company)
    assert company.name == "更新"


async def test_mandate_department_and_staff_are_kept(world, session):
    officer = await world.staff("clerk")
    mandate_id = await world.mandate(clock.new_id(), clock.new_id(), ["view"])
    content = {
        "department_code": DEPARTMENT,
        "name": "区民政局",
        "region_code": REGION,
        "active": True,
        "version": 1,
    }
    await world.tell("identity.department.changed.v1", content)
    assert (await session.get(Mandate, mandate_id)).powers == ["view"]
    assert (await session.get(Department, DEPARTMENT)).name == "区民政局"
    member = await session.scalar(select(StaffMember).where(StaffMember.staff_id == officer.id))
    assert member.roles == ["clerk"]
    assert in_clear(session, member.name) == "王建国"


@pytest.mark.parametrize(
    ("uscc", "kind"),
    [
        ("11511602MB0000001X", "government"),
        ("12511602MB0000001X", "public_institution"),
        ("51511602MB0000001X", "social_organisation"),
        ("52511602MB0000001X", "social_organisation"),
        ("53511602MB0000001X", "social_organisation"),
        ("91511602MB0000001X", "enterprise"),
        ("92511602MB0000001X", "enterprise"),
        ("93511602MB0000001X", "enterprise"),
        ("A1511602MB0000001X", "other"),
        ("", "other"),
    ],
)
def test_credit_code_tells_the_kind_of_applicant(uscc, kind):
    assert applicant_type(uscc) == kind
