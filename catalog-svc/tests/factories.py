"""One call per intention: guides, item lists, administrators, and the steps of a publication."""

import copy
import csv
import io
import json
from typing import Any

from chassis import clock
from chassis.testing.plugin import token_for

DEPARTMENT = {"code": "11511301008778298W", "name": "区民政局"}
REGION = {"code": "511602000000", "name": "广安区"}
LAW = {
    "law": "社会救助暂行办法",
    "document_no": "国务院令第649号",
    "article": "第九条",
    "text": "…",
}
COLUMNS = [
    "department_name",
    "parent_item_name",
    "item_name",
    "item_code",
    "task_type",
    "region_code",
    "department_code",
]


def platform(**claims: Any) -> dict[str, str]:
    return token_for("staff", roles=["platform_admin"], region="511602000000", **claims)


def department(code: str = DEPARTMENT["code"], **claims: Any) -> dict[str, str]:
    return token_for("staff", roles=["department_admin"], department=code, **claims)


def clerk(code: str = DEPARTMENT["code"]) -> dict[str, str]:
    return token_for("staff", roles=["clerk"], department=code)


def code_of(number: int) -> str:
    """A code in the shape most of the district's list has."""
    return f"512B{number:010d}-511602000000-000-11511301008778298W-1-00"


def material(material_id: str = "m1", **changes: Any) -> dict[str, Any]:
    return {
        "material_id": material_id,
        "name": "居民身份证",
        "kind": "original",
        "format": "either",
        "class": "certificate",
        "need": "required",
        "source": "applicant",
        "source_note": None,
        "issued_by": "公安机关",
        "certificate_type": None,
        "resource_code": None,
        "legal_basis": [LAW],
        "originals": 1,
        "copies": 0,
        "page_format": "A4",
        "filling_notes": None,
        "acceptance_standard": "清晰",
        "when": None,
        "upload_allowed": True,
        "promise_allowed": False,
        "promise_days": None,
    } | changes


def step(stage: str, step_id: str | None = None, days: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "step_id": step_id or stage,
        "stage": stage,
        "name": {"acceptance": "受理", "review": "审查", "decision": "决定"}[stage],
        "post": "窗口受理岗",
        "limit": {"value": days, "unit": "working_day"},
        "standard": "材料齐全、符合法定形式",
        "result": "受理通知书",
        "department_code": None,
        "checks": [{"check_id": "k1", "text": "身份相符", "required": False}],
    } | changes


def form() -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "required": ["applicant_name"],
        "properties": {
            "applicant_name": {
                "type": "string",
                "title": "申请人姓名",
                "x-personal": True,
                "x-basis": "社会救助暂行办法第十一条",
                "examples": ["张三"],
            },
            "household_size": {
                "type": "integer",
                "minimum": 1,
                "title": "家庭人口数",
                "x-basis": "社会救助暂行办法第九条",
            },
        },
    }


CONDITIONS: Any = [
    {
        "condition_id": "c1",
        "text": "本地户籍",
        "expression": "household == 'local'",
        "questions": ["household"],
        "reason_zh": "非本地户籍",
        "reason_en": "not of a local household",
    },
    {"condition_id": "c2", "text": "家庭困难", "expression": None, "questions": []},
]
QUESTIONS: Any = [
    {
        "question_id": "household",
        "text": "户籍在哪里？",
        "options": [{"value": "local", "label": "本地"}, {"value": "other", "label": "外地"}],
        "default": "local",
    }
]
RESULTS: Any = [
    {
        "name": "最低生活保障证",
        "type": "certificate",
        "certificate_type": "11511301008778298W001",
        "validity_months": 12,
        "public_fields": [],
    }
]
FORM_UI: Any = {
    "order": ["applicant_name", "household_size"],
    "groups": [{"title": "申请人", "fields": ["applicant_name", "household_size"]}],
}


def guide(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A guide that passes every publication check; `changes` replace its members."""
    content = {
        "item_code": code_of(number),
        "name": "最低生活保障",
        "parent_name": None,
        "task_type": "05",
        "catalog_code": None,
        "task_code": None,
        "department": DEPARTMENT,
        "region": REGION,
        "dept_type": "1",
        "power_source": "1",
        "entrusted_by": None,
        "use_level": "4",
        "audience": ["natural_person"],
        "project_type": "promise",
        "channels": ["window", "web"],
        "themes": {"natural_person": ["085"], "legal_person": []},
        "online_applicable": True,
        "online_depth": "IV",
        "visits": 0,
        "visits_reason": None,
        "required_assurance": "L2",
        "legal_limit": {"value": 20, "unit": "working_day", "note": None},
        "promise": {"value": 10, "unit": "working_day", "note": None},
        "correction_days": 30,
        "legal_basis": [LAW],
        "conditions": CONDITIONS,
        "quantity_limit": "无",
        "questions": QUESTIONS,
        "materials": [material(), material("m2", name="居住证", when="household == 'other'")],
        "steps": [step("acceptance"), step("review", "review", 5), step("decision")],
        "special_procedures": [
            {"kind": "expert_review", "name": "入户调查", "days": 10, "basis": "…"}
        ],
        "fees": [],
        "windows": [
            {"name": "民政窗口", "address": "政务大厅", "hours": "9:00-17:00", "phone": "0826-1"}
        ],
        "consultation": {"ways": ["window", "phone"], "phone": "0826-1"},
        "complaints": {"ways": ["phone"], "phone": "12345"},
        "results": RESULTS,
        "form": form(),
        "form_ui": FORM_UI,
        "sample_application": {"applicant_name": "张三", "household_size": 3},
        "faqs": [{"question": "多久发放？", "answer": "按月"}],
    }
    return copy.deepcopy(content | changes)


def row(number: int = 1, **changes: str) -> dict[str, str]:
    return {
        "department_name": "区民政局",
        "parent_item_name": "",
        "item_name": f"事项{number}",
        "item_code": code_of(number),
        "task_type": "20",
        "region_code": "511602000000",
        "department_code": DEPARTMENT["code"],
    } | changes


def csv_of(rows: list[dict[str, str]], columns: list[str] = COLUMNS) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def jsonl_of(guides: list[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(content, ensure_ascii=False) for content in guides)


async def make_draft(client: Any, content: dict[str, Any], actor: dict[str, str]) -> str:
    """The id of a new item whose draft holds this guide."""
    body = {
        "item_code": content["item_code"],
        "name": content["name"],
        "task_type": content["task_type"],
        "department": content["department"],
        "region": content["region"],
        "guide": content,
    }
    answer = await client.post("/api/v1/catalog/items", json=body, headers=actor)
    assert answer.status_code == 201, answer.text
    return answer.json()["item_id"]


async def make_open_item(client: Any, content: dict[str, Any] | None = None) -> str:
    """The id of an item published the ordinary way: drafted, submitted, approved."""
    content = content or guide()
    author = department(content["department"]["code"], id=clock.new_id())
    item_id = await make_draft(client, content, author)
    path = f"/api/v1/catalog/items/{item_id}"
    submitted = await client.post(f"{path}/submission", headers=author)
    assert submitted.status_code == 200, submitted.text
    approved = await client.post(f"{path}/approval", headers=platform())
    assert approved.status_code == 200, approved.text
    return item_id


async def start_import(
    client: Any,
    content: str | bytes,
    name: str = "items.csv",
    actor: dict[str, str] | None = None,
    **fields: str,
) -> Any:
    raw = content.encode() if isinstance(content, str) else content
    return await client.post(
        "/api/v1/catalog/imports",
        files={"file": (name, raw)},
        data=fields,
        headers=actor or platform(),
    )


async def finish_import(client: Any, process: Any, content: str | bytes, **options: Any) -> Any:
    """Import and take turns, as the worker does, until the job is done; its last state."""
    started = await start_import(client, content, **options)
    assert started.status_code == 202, started.text
    return await take_turns(client, process, started.json(), options.get("actor") or platform())


async def take_turns(client: Any, process: Any, job: dict[str, Any], actor: dict[str, str]) -> Any:
    from catalog_svc.interchange.usecases import run_imports
    from chassis.database.sessions import transaction

    while job["status"] in {"queued", "running"}:
        async with transaction(process) as session:
            await run_imports(session)
        job = (await client.get(job["links"]["self"], headers=actor)).json()
    return job
