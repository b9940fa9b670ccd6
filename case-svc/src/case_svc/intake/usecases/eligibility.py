"""Check who applies for what, and what is sent, before anything is written."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from case_svc.files.queries import owned_files
from case_svc.intake.errors import InsufficientMandate, ItemNotOpen, SubmissionInvalid
from case_svc.intake.rules import applications
from case_svc.intake.rules.applications import Application
from case_svc.items.models import Item
from case_svc.items.queries import Guide, get_guide, get_item
from case_svc.items.rules import materials
from case_svc.items.rules.materials import Material
from case_svc.parties.errors import CompanyNotFound
from case_svc.parties.queries import agency_of
from case_svc.parties.rules.kinds import NATURAL_PERSON, applicant_type
from case_svc.parties.rules.powers import ALL_POWERS, Power
from chassis.auth import Actor, AssuranceTooLow
from chassis.database.sessions import WriteSession, process_of
from chassis.errors import FieldError
from chassis.expressions import truth


class Eligibility(NamedTuple):
    """Who applies for which item, and what the actor may do for the applicant."""

    item: Item
    guide: Guide
    company_id: UUID | None
    applicant_type: str
    powers: frozenset[str]

    def case_fields(self) -> dict[str, Any]:
        """The version is frozen at submission; a draft moves on with the guide until then."""
        item = self.item
        return {
            "item_version": item.version,
            "item_code": item.item_code,
            "item_name": item.name,
            "task_code": item.task_code,
            "task_type": item.task_type,
            "project_type": self.guide["project_type"],
            "department_code": item.department_code,
            "department_name": item.department_name,
            "region_code": item.region_code,
            "region_name": item.region_name,
            "company_id": self.company_id,
            "applicant_type": self.applicant_type,
        }


async def check_eligibility(
    session: WriteSession, actor: Actor, item_id: UUID, company_id: UUID | None
) -> Eligibility:
    """The open item and the applicant; 404, 409, 403 and 422 in that order."""
    item = await get_item(session, item_id)
    if item.status != "open" or item.version == 0:
        raise ItemNotOpen(status=item.status, department=item.department_name)
    guide = await get_guide(session, item_id, item.version)
    kind, powers = NATURAL_PERSON, ALL_POWERS
    if company_id is not None:
        agency = await agency_of(session, actor.id, company_id, item.item_code)
        if agency is None:
            raise CompanyNotFound(company_id=company_id)
        if Power.APPLY not in agency.powers:
            raise InsufficientMandate(power=Power.APPLY)
        kind, powers = applicant_type(agency.uscc), agency.powers
    needed = guide["required_assurance"]
    if actor.level < needed:
        raise AssuranceTooLow(needed=needed, level=actor.level)
    if kind not in guide["audience"]:
        zh = f"本事项的服务对象是：{'、'.join(guide['audience'])}，不包括 {kind}"
        en = f"the item serves {', '.join(guide['audience'])}, not {kind}"
        raise SubmissionInvalid([FieldError("/on_behalf_of", "audience", zh, en)])
    return Eligibility(item, guide, company_id, kind, powers)


async def check_application(
    session: WriteSession,
    actor: Actor,
    item: tuple[UUID, int],
    kind: str,
    application: Application,
    *,
    present: Collection[str] = (),
) -> list[Material]:
    """The materials this situation needs; raises with everything that is wrong at once.

    `item` is an id and a version; `present` are materials sent before, which still count.
    """
    guide = await get_guide(session, *item)
    errors = applications.answer_errors(guide, application.answers)
    if errors:
        raise SubmissionInvalid(errors)
    answers = materials.answered(guide, application.answers, kind)
    needed = materials.needed(guide, answers, truth)
    sent = application.materials
    owned = await owned_files(session, actor.id, applications.files_of(sent))
    errors = applications.form_errors(_validator(session, item, guide["form"]), application.form)
    errors += applications.material_errors(guide["materials"], needed, sent)
    errors += applications.file_errors(sent, owned)
    brought = {*present, *(material.material_id for material in sent)}
    errors += applications.missing_materials(needed, brought)
    if errors:
        raise SubmissionInvalid(errors)
    return needed


def _validator(session: WriteSession, item: tuple[UUID, int], schema: Mapping[str, Any]) -> Any:
    process, key = process_of(session), ("form schema", *item)
    if key not in process.cache:
        process.remember(key, applications.compile_schema(schema))
    return process.cache[key]
