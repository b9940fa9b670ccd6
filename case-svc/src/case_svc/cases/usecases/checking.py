"""Check an application against its item, before anything is written."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jsonschema_rs
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.applications import Application, Given, material_errors, missing
from case_svc.cases.errors import ItemNotOpen, PowerMissing, SubmissionInvalid
from case_svc.cases.queries.ground import Ground, read_ground
from case_svc.files import queries as files
from case_svc.items import materials as rules
from case_svc.items import queries as items
from case_svc.items.models import Item
from case_svc.parties import queries as parties
from case_svc.parties.kinds import NATURAL_PERSON, applicant_type
from chassis.auth import Actor, AssuranceTooLow
from chassis.errors import FieldError
from chassis.expressions import truth

Guide = Mapping[str, Any]
_MOST_COMPILED = 256
_COMPILED: dict[int, tuple[Mapping[str, Any], Any]] = {}

_FORM_ZH = {
    "required": "必填",
    "type": "类型不符",
    "enum": "不在可选值之内",
    "const": "不在可选值之内",
    "pattern": "格式不符",
    "format": "格式不符",
    "minLength": "太短",
    "maxLength": "太长",
    "minimum": "太小",
    "maximum": "太大",
    "exclusiveMinimum": "太小",
    "exclusiveMaximum": "太大",
    "minItems": "条目过少",
    "maxItems": "条目过多",
    "uniqueItems": "有重复",
    "multipleOf": "不是规定的倍数",
    "additionalProperties": "表单没有这一项",
}


@dataclass(frozen=True)
class Standing:
    """Who applies for what: checked before the content is."""

    item: Item
    guide: Guide
    company_id: UUID | None
    applicant_type: str
    ground: Ground


async def standing(
    session: AsyncSession,
    actor: Actor,
    item_id: UUID,
    company_id: UUID | None,
    given: Sequence[Given] = (),
) -> Standing:
    """The open item and the applicant; 404, 409, 403 and 422 in that order."""
    ground = await read_ground(session, actor, item_id, _files_of(given))
    item = ground.item
    if item.status != "open" or item.version == 0:
        raise ItemNotOpen(status=item.status, department=item.department_name)
    guide = await items.get_guide(session, item_id, item.version)
    kind = NATURAL_PERSON
    if company_id is not None:
        company = await parties.get_company(session, actor.id, company_id)
        power = parties.APPLY
        if not await parties.holds_power(session, actor.id, company_id, item.item_code, power):
            raise PowerMissing(power=power)
        kind = applicant_type(company.uscc)
    needed = guide["required_assurance"]
    if actor.level < needed:
        raise AssuranceTooLow(needed=needed, level=actor.level)
    if kind not in guide["audience"]:
        zh = f"本事项的服务对象是：{'、'.join(guide['audience'])}，不包括 {kind}"
        en = f"the item serves {', '.join(guide['audience'])}, not {kind}"
        raise SubmissionInvalid([FieldError("/on_behalf_of", "audience", zh, en)])
    return Standing(item, guide, company_id, kind, ground)


async def check_application(
    session: AsyncSession,
    actor: Actor,
    guide: Guide,
    kind: str,
    application: Application,
    *,
    present: Collection[str] = (),
) -> list[Mapping[str, Any]]:
    """As `needed_materials`; `present` are given before, and count without being sent again."""
    wanted = _files_of(application.materials)
    owned = await files.owned_files(session, actor.id, wanted) if wanted else ()
    return needed_materials(guide, kind, application, owned, present=present)


def needed_materials(
    guide: Guide,
    kind: str,
    application: Application,
    owned: Collection[UUID],
    *,
    present: Collection[str] = (),
) -> list[Mapping[str, Any]]:
    """The materials this situation needs; raises with everything that is wrong at once.

    `owned` are the files among the materials that the applicant uploaded.
    """
    errors = answer_errors(guide, application.answers)
    if errors:
        raise SubmissionInvalid(errors)
    known = rules.answered(guide, application.answers, kind)
    needed = rules.needed(guide, known, truth)
    given = application.materials
    errors = form_errors(guide["form"], application.form)
    errors += material_errors(guide["materials"], needed, given)
    errors += _file_errors(given, owned)
    errors += missing(needed, {*present, *(one.material_id for one in given)})
    if errors:
        raise SubmissionInvalid(errors)
    return needed


def answer_errors(guide: Guide, answers: Mapping[str, Any]) -> list[FieldError]:
    told = {
        "unknown_question": ("没有这个问题", "no such question"),
        "unknown_option": ("不在可选答案之内", "not one of the options"),
    }
    return [
        FieldError(f"/answers/{_escaped(question)}", code, *told[code])
        for question, code in rules.unknown_answers(guide, answers).items()
    ]


def form_errors(schema: Mapping[str, Any], form: Mapping[str, Any]) -> list[FieldError]:
    """One entry for each field, with a pointer into the body."""
    validator = _validator(schema)
    return [found for error in validator.iter_errors(dict(form)) for found in _entries(error)]


def _files_of(given: Sequence[Given]) -> list[UUID]:
    return [one.file_id for one in given if one.file_id is not None]


def _file_errors(given: Sequence[Given], owned: Collection[UUID]) -> list[FieldError]:
    """Only files the applicant uploaded herself; another's does not exist for her."""
    return [
        FieldError(
            f"/materials/{number}/file_id",
            "unknown_file",
            "没有这个文件，或不是您上传的",
            "no such file of yours",
        )
        for number, one in enumerate(given)
        if one.file_id is not None and one.file_id not in owned
    ]


def _validator(schema: Mapping[str, Any]) -> Any:
    """Compiled once for each schema object; keeping the object keeps its identity its own."""
    kept = _COMPILED.get(id(schema))
    if kept is None:
        if len(_COMPILED) >= _MOST_COMPILED:
            _COMPILED.clear()
        compiled = jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True)
        kept = _COMPILED[id(schema)] = schema, compiled
    return kept[1]


def _entries(error: Any) -> list[FieldError]:
    place = ["form", *error.instance_path]
    keyword = str(error.kind.name) if hasattr(error.kind, "name") else "invalid"
    names: Sequence[Any] = ()
    if keyword == "required":
        names = [error.kind.property]
    elif keyword == "additionalProperties":
        names = list(error.kind.unexpected)
    zh = _FORM_ZH.get(keyword, "不符合要求")
    # The validator's own sentence quotes the value, which may be personal; ours does not.
    en = f"does not satisfy {keyword}"
    places = [[*place, name] for name in names] or [place]
    return [FieldError(_pointer(one), keyword, zh, en) for one in places]


def _pointer(path: Sequence[Any]) -> str:
    return "".join("/" + _escaped(str(part)) for part in path)


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
