"""A small world for the case service: items as `catalog` tells them, people as `identity` does."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from case_svc.files.models import StoredFile
from chassis import clock
from chassis.database.sessions import transaction
from chassis.process import Process
from chassis.testing.plugin import deliver_to, token_for

DEPARTMENT = "11511301008778298W"
REGION = "511602000000"
LATER = "2099-12-31"

QUESTION = {
    "question_id": "household",
    "text": "户籍？",
    "options": [{"value": "local", "label": "本地"}, {"value": "other", "label": "外地"}],
    "default": "local",
}
FORM = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "id_number", "size"],
    "properties": {
        "name": {"type": "string", "minLength": 2, "x-personal": True, "examples": ["蒋秀兰"]},
        "id_number": {
            "type": "string",
            "pattern": "^[1-9][0-9]{16}[0-9X]$",
            "x-personal": True,
            "examples": ["511602196805120266"],
        },
        "size": {"type": "integer", "minimum": 1, "examples": [3]},
        "sources": {"type": "array", "items": {"type": "string"}, "x-personal": True},
        "since": {"type": "string", "format": "date"},
    },
}
FILLED = {"name": "蒋秀兰", "id_number": "511602196805120266", "size": 3}


def material(material_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "material_id": material_id,
        "name": f"材料{material_id}",
        "need": "required",
        "source": "applicant",
        "certificate_type": None,
        "when": None,
        "upload_allowed": True,
        "promise_allowed": False,
        "promise_days": None,
    } | changes


def step(step_id: str, stage: str, **changes: Any) -> dict[str, Any]:
    return {
        "step_id": step_id,
        "stage": stage,
        "name": f"环节{step_id}",
        "post": f"{step_id}岗",
        "limit": {"value": 2, "unit": "working_day"},
        "department_code": None,
        "checks": [],
    } | changes


def guide(**changes: Any) -> dict[str, Any]:
    """A promise item with two review steps and one material of every kind."""
    return {
        "department": {"code": DEPARTMENT, "name": "区民政局"},
        "audience": ["natural_person", "enterprise"],
        "project_type": "promise",
        "required_assurance": "L2",
        "legal_limit": {"value": 20, "unit": "working_day", "note": None},
        "promise": {"value": 10, "unit": "working_day", "note": None},
        "correction_days": 30,
        "questions": [deepcopy(QUESTION)],
        "materials": [
            material("declaration"),
            material("permit", when="household == 'other'"),
            material("card", source="certificate", certificate_type=f"{DEPARTMENT}001"),
            material("book", source="shared_data", upload_allowed=False),
            material("record", need="gap_allowed", promise_allowed=True, promise_days=15),
            material("photo", need="optional"),
        ],
        "steps": [
            step("acceptance", "acceptance"),
            step(
                "survey",
                "review",
                checks=[
                    {"check_id": "s1", "text": "两人入户", "required": True},
                    {"check_id": "s2", "text": "走访", "required": False},
                ],
            ),
            step("audit", "review"),
            step("decision", "decision"),
        ],
        "special_procedures": [
            {"kind": "publicity", "name": "公示", "days": 7, "basis": "办法第十一条"}
        ],
        "results": [
            {
                "name": "保障证",
                "type": "certificate",
                "certificate_type": f"{DEPARTMENT}002",
                "validity_months": 12,
                "public_fields": [],
            }
        ],
        "form": deepcopy(FORM),
    } | changes


def immediate_guide(**changes: Any) -> dict[str, Any]:
    """An item decided on the spot, with nothing to bring."""
    return guide(
        project_type="immediate",
        materials=[],
        steps=[step("acceptance", "acceptance"), step("decision", "decision")],
        **changes,
    )


@dataclass
class World:
    """Speaks to the service as its neighbours do: by event, and through the door."""

    service: Any
    process: Process
    client: Any
    versions: dict[UUID, int] = field(default_factory=dict)

    async def tell(self, event_type: str, content: dict[str, Any], **more: Any) -> None:
        await deliver_to(self.service, self.process, event_type, content, **more)

    async def item(self, *, status: str = "open", item_id: UUID | None = None, **changes: Any):
        """Publish an item; `content` is its guide, other changes are members of the event."""
        item_id = item_id or clock.new_id()
        revision = self.versions.get(item_id, 0) + 1
        self.versions[item_id] = revision
        words = {"open": "published", "listed": "published"}
        content = {
            "item_id": str(item_id),
            "revision": revision,
            "version": revision,
            "status": status,
            "item_code": "512B0003600029-511602000000-000-11511301008778298W-1-00",
            "task_code": None,
            "name": "最低生活保障",
            "task_type": "20",
            "department": {"code": DEPARTMENT, "name": "区民政局"},
            "region": {"code": REGION, "name": "广安区"},
            "guide": changes.pop("content", None) or guide(),
        } | changes
        await self.tell(f"catalog.item.{words.get(status, status)}.v1", content)
        return item_id

    async def person(self, name: str = "蒋秀兰", **changes: Any) -> UUID:
        person_id = changes.pop("person_id", None) or clock.new_id()
        sealed = {"name": name, "id_number": "511602196805120266", "mobile": "19900001101"}
        content = {"person_id": str(person_id), "level": "L2", "version": 1}
        await self.tell("identity.person.registered.v1", content, sealed=sealed | changes)
        return person_id

    async def company(self, legal_person: UUID, **changes: Any) -> UUID:
        company_id = changes.pop("company_id", None) or clock.new_id()
        content = {
            "company_id": str(company_id),
            "name": "广安某某有限公司",
            "uscc": "91511602MA6TEST01X",
            "legal_person_id": str(legal_person),
            "active": True,
            "version": 1,
        }
        await self.tell("identity.company.changed.v1", content | changes)
        return company_id

    async def mandate(self, company: UUID, to: UUID, powers: list[str], **changes: Any) -> UUID:
        mandate_id = changes.pop("mandate_id", None) or clock.new_id()
        content = {
            "mandate_id": str(mandate_id),
            "company_id": str(company),
            "grantor_person_id": None,
            "grantee_person_id": str(to),
            "powers": powers,
            "item_codes": ["*"],
            "valid_from": "2020-01-01",
            "valid_to": LATER,
            "status": "active",
            "version": 1,
        }
        await self.tell("identity.mandate.changed.v1", content | changes)
        return mandate_id

    async def staff(self, *roles: str, **changes: Any) -> "Officer":
        """A member of staff, known to the service, signed in."""
        staff_id = clock.new_id()
        content = {
            "staff_id": str(staff_id),
            "department_code": DEPARTMENT,
            "region_code": REGION,
            "roles": list(roles),
            "post": "窗口受理岗",
            "active": True,
            "version": 1,
        } | changes
        await self.tell("identity.staff.changed.v1", content, sealed={"name": "王建国"})
        return Officer(staff_id, self.client, officer_token(staff_id, *roles, **changes))

    async def file(self, owner: UUID) -> str:
        """A file this person uploaded."""
        file_id = clock.new_id()
        async with transaction(self.process) as session:
            session.add(
                StoredFile(
                    file_id=file_id,
                    object_key=f"test/{file_id}",
                    uploader_id=owner,
                    name=self.process.vault.encrypt("声明.pdf"),
                    size=3,
                    media_type="application/pdf",
                    sha256=b"0" * 32,
                    stored_at=clock.now(),
                )
            )
        return str(file_id)

    async def body(self, owner: UUID, item_id: UUID, **changes: Any) -> dict[str, Any]:
        """A complete application for an item of `guide()`."""
        given = [
            {"material_id": "declaration", "file_id": await self.file(owner)},
            {"material_id": "card", "file_id": await self.file(owner)},
            {"material_id": "record", "promise": True},
        ]
        return {
            "item_id": str(item_id),
            "answers": {},
            "form": dict(FILLED),
            "materials": given,
        } | changes

    async def submitted(self, **changes: Any) -> "Applied":
        """A person with a submitted case of a new item; `claim` is a certificate code."""
        person = await self.person()
        claim = changes.pop("claim", None)
        told = {k: changes.pop(k) for k in ("content", "task_type") if k in changes}
        item_id = await self.item(**told)
        citizen = Officer(person, self.client, token_for(id=person))
        body = await self.body(person, item_id, **changes)
        if claim:
            body["materials"][1] = {"material_id": "card", "certificate_code": claim}
        answer = await citizen.post("/api/v1/cases", body, **{"Idempotency-Key": str(person)})
        assert answer.status_code == 201, answer.text
        return Applied(citizen, item_id, answer.json())

    async def immediate(self) -> "Applied":
        return await self.submitted(content=immediate_guide(), materials=[])


@dataclass
class Officer:
    """Someone signed in, officer or citizen."""

    id: UUID
    client: Any
    headers: dict[str, str]

    async def get(self, path: str, **params: Any) -> Any:
        return await self.client.get(path, params=params, headers=self.headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return await self.client.post(path, json=body or {}, headers=self.headers | headers)

    async def act(self, case: "Applied", action: str, body: Any = None, **headers: str) -> Any:
        return await self.post(f"{case.path}/{action}", body, **headers)

    async def task(self, case: "Applied", scope: str = "pool") -> dict[str, Any] | None:
        rows = (await self.get("/api/v1/tasks", scope=scope, limit=100)).json()["data"]
        return next((one for one in rows if one["case_id"] == case.id), None)

    async def claim(self, case: "Applied") -> dict[str, Any]:
        """Find the case's task in the pool and take it."""
        task = await self.task(case)
        assert task is not None, "not in the pool"
        answer = await self.post(f"/api/v1/tasks/{task['task_id']}/claim")
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass
class Applied:
    """A submitted case and who submitted it."""

    citizen: Officer
    item_id: UUID
    answer: dict[str, Any]

    @property
    def id(self) -> str:
        return self.answer["case_id"]

    @property
    def path(self) -> str:
        return f"/api/v1/cases/{self.id}"

    async def seen(self) -> dict[str, Any]:
        return (await self.citizen.get(self.path)).json()


def officer_token(staff_id: UUID, *roles: str, **changes: Any) -> dict[str, str]:
    return token_for(
        "staff",
        id=staff_id,
        department=changes.get("department_code", DEPARTMENT),
        region=changes.get("region_code", REGION),
        roles=roles,
        post=changes.get("post", "窗口受理岗"),
    )


def day(text: str, hour: int = 10) -> datetime:
    """That day at this hour in Shanghai."""
    return datetime.fromisoformat(text).replace(hour=hour, tzinfo=clock.SHANGHAI)
