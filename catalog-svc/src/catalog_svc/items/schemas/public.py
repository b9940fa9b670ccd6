"""An item as the public reads it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from catalog_svc.items.models import Item
from catalog_svc.items.queries import NamedItem
from catalog_svc.items.rules.gaps import Gap
from catalog_svc.items.rules.guide_schema import GUIDE
from catalog_svc.items.rules.precheck import Eligibility

ItemStatus = Literal["listed", "open", "suspended", "cancelled"]
ApplicantType = Literal[
    "natural_person",
    "enterprise",
    "public_institution",
    "social_organisation",
    "unincorporated",
    "government",
    "other",
]
Json = dict[str, Any]


class NamedOut(BaseModel):
    code: str
    name: str


class LimitOut(BaseModel):
    value: int
    unit: str


class GapOut(BaseModel):
    """What the guide lacks; `code_local` alone does not prevent publication."""

    code: str
    pointer: str
    zh: str
    en: str


class ItemOut(BaseModel):
    item_id: UUID
    item_code: str
    task_code: str | None
    name: str
    parent_name: str | None
    task_type: str
    department: NamedOut
    region: NamedOut
    status: ItemStatus
    online_applicable: bool
    promise: LimitOut | None
    visits: int | None
    version: int = Field(description="Number of the published guide; 0 for an item only listed")
    links: dict[str, str]


class ItemDetailOut(ItemOut):
    """The whole guide; what a listed item lacks is null and is named in `guide_gaps`."""

    revision: int
    code_kind: str
    catalog_code: str | None
    dept_type: str | None
    power_source: str | None
    entrusted_by: str | None
    use_level: str | None
    audience: list[str] | None
    project_type: str | None
    channels: list[str] | None
    themes: dict[str, list[str]] | None
    online_depth: str | None
    visits_reason: str | None
    required_assurance: str | None
    legal_limit: Json | None
    promise_note: str | None
    correction_days: int | None
    legal_basis: list[Json] | None
    conditions: list[Json] | None
    quantity_limit: str | None
    questions: list[Json] | None
    materials: list[Json] | None
    steps: list[Json] | None
    special_procedures: list[Json] | None
    fees: list[Json] | None
    windows: list[Json] | None
    consultation: Json | None
    complaints: Json | None
    results: list[Json] | None
    form: Json | None
    form_ui: Json | None
    sample_application: Json | None
    faqs: list[Json] | None
    guide_gaps: list[GapOut]


class SituationOptionOut(BaseModel):
    value: str
    label: str


class SituationOut(BaseModel):
    question_id: str
    text: str
    options: list[SituationOptionOut]
    default: str


class FormOut(BaseModel):
    """`schema` is plain JSON Schema 2020-12; personal fields are marked `x-personal`."""

    version: int
    form_schema: Json = Field(serialization_alias="schema", validation_alias="schema")
    ui: Json
    situations: list[SituationOut]


class PrecheckIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    answers: dict[str, str] = Field(default_factory=dict, max_length=200)
    applicant_type: ApplicantType = "natural_person"


class ReasonOut(BaseModel):
    condition_id: str
    text: str
    outcome: Literal["met", "unmet", "unanswered", "told"]
    zh: str
    en: str


class MaterialOut(BaseModel):
    material_id: str
    name: str
    required: bool
    need: Literal["required", "optional", "gap_allowed"]
    source: Literal["applicant", "certificate", "shared_data"]
    certificate_type: str | None
    upload_allowed: bool
    promise_allowed: bool
    promise_days: int | None
    format: str
    filling_notes: str | None


class PrecheckOut(BaseModel):
    """`eligible` is null until every question that decides it is answered."""

    eligible: bool | None
    reasons: list[ReasonOut]
    materials: list[MaterialOut]


def item_out(named: NamedItem) -> ItemOut:
    return ItemOut.model_validate(_summary(named))


def detail_out(
    named: NamedItem, guide: Mapping[str, Any] | None, gaps: Sequence[Gap]
) -> ItemDetailOut:
    members = {name: (guide or {}).get(name) for name in GUIDE["properties"]}
    return ItemDetailOut.model_validate(
        {
            **members,
            **_summary(named),
            "revision": named.item.revision,
            "code_kind": named.item.code_kind,
            "catalog_code": named.item.catalog_code,
            "promise_note": (members["promise"] or {}).get("note"),
            "guide_gaps": [vars(gap) for gap in gaps],
        }
    )


def form_out(item: Item, guide: Mapping[str, Any]) -> FormOut:
    return FormOut.model_validate(
        {
            "version": item.version,
            "schema": guide["form"],
            "ui": guide["form_ui"],
            "situations": guide["questions"],
        }
    )


def precheck_out(eligibility: Eligibility, materials: Sequence[Mapping[str, Any]]) -> PrecheckOut:
    optional = dict.fromkeys(("certificate_type", "promise_days", "filling_notes"))
    return PrecheckOut(
        eligible=eligibility.eligible,
        reasons=[ReasonOut.model_validate(vars(reason)) for reason in eligibility.reasons],
        materials=[
            MaterialOut.model_validate(
                {**optional, **material, "required": material["need"] != "optional"}
            )
            for material in materials
        ],
    )


def _summary(named: NamedItem) -> dict[str, Any]:
    """What the list and the detail have in common; only an open item offers form and pre-check."""
    item = named.item
    self = f"/api/v1/items/{item.item_id}"
    links = {"self": self}
    if item.status == "open":
        links |= {"form": f"{self}/form", "precheck": f"{self}/precheck"}
    return {
        "item_id": item.item_id,
        "item_code": item.item_code,
        "task_code": item.task_code,
        "name": item.name,
        "parent_name": item.parent_name,
        "task_type": item.task_type,
        "department": {"code": item.department_code, "name": named.department},
        "region": {"code": item.region_code, "name": named.region},
        "status": item.status,
        "online_applicable": item.online_applicable,
        "promise": item.promise,
        "visits": item.visits,
        "version": item.version,
        "links": links,
    }
