"""The JSON Schema (2020-12) of a guide (办事指南); `checks` says which members are required."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

Schema = dict[str, Any]

TASK_TYPES: Final = [f"{number:02d}" for number in range(100)]
AUDIENCES: Final = [
    "natural_person",
    "enterprise",
    "public_institution",
    "social_organisation",
    "unincorporated",
    "government",
    "other",
]
CHANNELS: Final = ["window", "web", "mobile", "express"]
PROCEDURES: Final = [
    "hearing",
    "tender",
    "auction",
    "inspection",
    "testing",
    "quarantine",
    "appraisal",
    "expert_review",
    "publicity",
]
WAYS: Final = ["window", "web", "phone", "letter", "email", "mobile"]
UNITS: Final = ["working_day", "calendar_day", "hour", "minute", "month", "year"]
IDENTIFIER: Final = r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"


def _text(longest: int = 4000) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _choice(values: Sequence[str]) -> Schema:
    return {"enum": list(values)}


def _count(longest: int = 100_000) -> Schema:
    return {"type": "integer", "minimum": 0, "maximum": longest}


def _identifier() -> Schema:
    return {"type": "string", "pattern": IDENTIFIER}


def _list(items: Schema, *, at_most: int = 200) -> Schema:
    return {"type": "array", "items": items, "maxItems": at_most}


def _object(properties: Mapping[str, Schema], *, optional: Sequence[str] = ()) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
    }


_FLAG: Final[Schema] = {"type": "boolean"}
_REGION: Final[Schema] = {"type": "string", "pattern": r"^\d{6}(\d{6})?$"}
_CERTIFICATE_TYPE: Final[Schema] = {"type": "string", "pattern": r"^[0-9A-Za-z]{18}\d{3}$"}

_LAW: Final = _object(
    {
        "law": _text(500),
        "document_no": _maybe(_text(200)),
        "article": _maybe(_text(200)),
        "text": _maybe(_text(8000)),
    },
    optional=["document_no", "article", "text"],
)
_LIMIT: Final = _object(
    {"value": _count(), "unit": _choice(UNITS), "note": _maybe(_text())}, optional=["note"]
)
_CONTACT: Final = _object(
    {"ways": _list(_choice(WAYS)), "phone": _maybe(_text(100))}, optional=["phone"]
)
_CONDITION: Final = _object(
    {
        "condition_id": _identifier(),
        "text": _text(),
        "expression": _maybe(_text(1000)),
        "questions": _list(_identifier()),
        "reason_zh": _maybe(_text(1000)),
        "reason_en": _maybe(_text(1000)),
    },
    optional=["expression", "questions", "reason_zh", "reason_en"],
)
_QUESTION: Final = _object(
    {
        "question_id": _identifier(),
        "text": _text(1000),
        "options": _list(_object({"value": _text(100), "label": _text(500)})),
        "default": _text(100),
    }
)
_MATERIAL: Final = _object(
    {
        "material_id": _identifier(),
        "name": _text(500),
        "kind": _choice(["original", "copy", "either"]),
        "format": _choice(["paper", "electronic", "either"]),
        "class": _choice(["certificate", "form", "other"]),
        "need": _choice(["required", "optional", "gap_allowed"]),
        "source": _choice(["applicant", "certificate", "shared_data"]),
        "source_note": _maybe(_text()),
        "issued_by": _maybe(_text(500)),
        "certificate_type": _maybe(_CERTIFICATE_TYPE),
        "resource_code": _maybe(_text(200)),
        "legal_basis": _list(_LAW),
        "originals": _count(100),
        "copies": _count(100),
        "page_format": _maybe(_text(100)),
        "filling_notes": _maybe(_text()),
        "acceptance_standard": _maybe(_text()),
        "when": _maybe(_text(1000)),
        "upload_allowed": _FLAG,
        "promise_allowed": _FLAG,
        "promise_days": _maybe(_count(1000)),
    },
    optional=[
        "source_note",
        "issued_by",
        "certificate_type",
        "resource_code",
        "page_format",
        "filling_notes",
        "acceptance_standard",
        "when",
        "promise_days",
    ],
)
_STEP: Final = _object(
    {
        "step_id": _identifier(),
        "stage": _choice(["acceptance", "review", "decision"]),
        "name": _text(200),
        "post": _text(200),
        "limit": _LIMIT,
        "standard": _text(8000),
        "result": _maybe(_text()),
        "department_code": _maybe(_text(50)),
        "checks": _list(
            _object({"check_id": _identifier(), "text": _text(1000), "required": _FLAG})
        ),
    },
    optional=["result", "department_code", "checks"],
)
_PROCEDURE: Final = _object(
    {
        "kind": _choice(PROCEDURES),
        "name": _text(200),
        "days": _count(1000),
        "basis": _maybe(_text()),
    },
    optional=["basis"],
)
_FEE: Final = _object(
    {
        "name": _text(200),
        "standard": _text(),
        "amount": _count(10**12),
        "currency": _choice(["CNY"]),
        "legal_basis": _list(_LAW),
        "reducible": _FLAG,
    },
    optional=["reducible"],
)
_WINDOW: Final = _object(
    {"name": _text(200), "address": _text(500), "hours": _text(500), "phone": _maybe(_text(100))},
    optional=["phone"],
)
_RESULT: Final = _object(
    {
        "name": _text(500),
        "type": _choice(["certificate", "approval", "other", "none"]),
        "certificate_type": _maybe(_CERTIFICATE_TYPE),
        "validity_months": _maybe(_count(1200)),
        "public_fields": _list(_text(100)),
    },
    optional=["certificate_type", "validity_months", "public_fields"],
)
_FORM_UI: Final = _object(
    {
        "order": _list(_text(100)),
        "groups": _list(_object({"title": _text(200), "fields": _list(_text(100))})),
    }
)

GUIDE: Final[Schema] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "办事指南 (guide)",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "item_code": _text(100),
        "name": _text(1000),
        "parent_name": _maybe(_text(1000)),
        "task_type": _choice(TASK_TYPES),
        "catalog_code": _maybe({"type": "string", "pattern": r"^\d{12}$"}),
        "task_code": _maybe(_text(50)),
        "department": _object({"code": _text(50), "name": _text(200)}),
        "region": _object({"code": _REGION, "name": _text(200)}),
        "dept_type": _choice(["1", "2", "3", "9"]),
        "power_source": _maybe(_choice(["1", "2", "3", "4", "5", "6"])),
        "entrusted_by": _maybe(_text(200)),
        "use_level": _choice(["1", "2", "3", "4", "5", "6", "7"]),
        "audience": _list(_choice(AUDIENCES)),
        "project_type": _choice(["promise", "immediate"]),
        "channels": _list(_choice(CHANNELS)),
        "themes": _object(
            {
                "natural_person": _list({"type": "string", "pattern": r"^\d{3}$"}),
                "legal_person": _list({"type": "string", "pattern": r"^\d{3}$"}),
            }
        ),
        "online_applicable": _FLAG,
        "online_depth": _maybe(_choice(["I", "II", "III", "IV"])),
        "visits": _count(100),
        "visits_reason": _maybe(_text()),
        "required_assurance": _choice(["L0", "L1", "L2", "L3", "L4"]),
        "legal_limit": _LIMIT,
        "promise": _LIMIT,
        "correction_days": {"type": "integer", "minimum": 1, "maximum": 365},
        "legal_basis": _list(_LAW),
        "conditions": _list(_CONDITION),
        "quantity_limit": _text(1000),
        "questions": _list(_QUESTION),
        "materials": _list(_MATERIAL),
        "steps": _list(_STEP),
        "special_procedures": _list(_PROCEDURE),
        "fees": _list(_FEE),
        "windows": _list(_WINDOW),
        "consultation": _CONTACT,
        "complaints": _CONTACT,
        "results": _list(_RESULT),
        "form": {"type": "object"},
        "form_ui": _FORM_UI,
        "sample_application": {"type": "object"},
        "faqs": _list(_object({"question": _text(1000), "answer": _text(8000)})),
    },
}

# Members that a published guide may leave out or set to null; any other is a gap when missing.
OPTIONAL: Final = frozenset(
    {
        "parent_name",
        "catalog_code",
        "task_code",
        "entrusted_by",
        "power_source",
        "online_depth",
        "visits_reason",
        "special_procedures",
        "faqs",
    }
)
# Lists that must not be empty. An empty `fees`, on the other hand, means "free of charge".
NEVER_EMPTY: Final = frozenset(
    {"audience", "channels", "legal_basis", "conditions", "steps", "windows", "results", "form"}
)
