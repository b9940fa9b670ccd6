"""Applications to the case service: published items, applicants and what they hand in."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from .loader import NEW_KEY, Connections, Request
from .tokens import Signer

GUIDES = Path(__file__).parents[2] / "deploy/src/onenet/samples/guides"
CASES = "/api/v1/cases"
JSON = {"Content-Type": "application/json"}
# An item that is accepted and decided at the counter, and the department responsible for it.
COUNTER_ITEM = "补领结婚证"
PDF = "%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
VERSION = "INSERT INTO item_version (item_id, version, guide) VALUES ($1::uuid, 1, $2)"
ITEM = """
INSERT INTO item (item_id, revision, version, status, item_code, task_code, name, task_type,
  department_code, department_name, region_code, region_name)
VALUES ($1::uuid, 1, 1, 'open', $2, $3, $4, $5, $6, $7, $8, $9)"""


@dataclass(frozen=True)
class Item:
    item_id: str
    guide: Mapping[str, Any]

    @property
    def department(self) -> dict[str, str]:
        """The claims of somebody who works in the department responsible."""
        return {
            "department": self.guide["department"]["code"],
            "region": self.guide["region"]["code"],
        }

    def body(self, file_id: str, materials: Sequence[str]) -> dict[str, Any]:
        fields = self.guide["form"]["properties"].items()
        return {
            "item_id": self.item_id,
            "form": {name: rule["examples"][0] for name, rule in fields if rule.get("examples")},
            "materials": [{"material_id": name, "file_id": file_id} for name in materials],
        }


@dataclass
class Applicant:
    """A citizen with a token and an uploaded file; `applications` are what she can hand in."""

    person_id: str
    headers: dict[str, str]
    file_id: str = ""
    applications: list[Request] = field(default_factory=list)

    def application_to(self, item: Item) -> Request:
        return next(each for each in self.applications if item.item_id in (each.body or ""))


async def publish_items(connection: "asyncpg.Connection") -> list[Item]:
    """The sample items, as the case service would have copied them from the catalogue's events."""
    items = []
    for path in sorted(GUIDES.glob("*.json")):
        guide = json.loads(path.read_text())
        item = Item(str(uuid4()), guide)
        department, region = guide["department"], guide["region"]
        await connection.execute(VERSION, item.item_id, json.dumps(guide))
        await connection.execute(
            ITEM,
            item.item_id,
            guide["item_code"],
            guide["task_code"],
            guide["name"],
            guide["task_type"],
            department["code"],
            department["name"],
            region["code"].ljust(12, "0"),
            region["name"],
        )
        items.append(item)
    return items


async def applicants(
    connections: Connections, signer: Signer, items: Sequence[Item], count: int
) -> list[Applicant]:
    """Citizens who can each hand in the same applications; items that take none are left out."""
    people = []
    for _ in range(count):
        person_id = str(uuid4())
        person = Applicant(person_id, signer.headers("citizen", sub=person_id))
        person.file_id = await upload(connections, person.headers)
        people.append(person)
    for item in items:
        materials = await wanted_materials(connections, people[0], item)
        if materials is None:
            continue
        for person in people:
            body = json.dumps(item.body(person.file_id, materials), ensure_ascii=False)
            headers = {**JSON, **person.headers, "Idempotency-Key": NEW_KEY}
            person.applications.append(Request(CASES, "POST", headers, body))
    if not people[0].applications:
        raise RuntimeError("no item takes an application")
    return people


async def upload(connections: Connections, headers: Mapping[str, str]) -> str:
    body = (
        '--part\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n'
        f"Content-Type: application/pdf\r\n\r\n{PDF}\r\n--part--\r\n"
    )
    multipart = {"Content-Type": "multipart/form-data; boundary=part"}
    answer = await post(connections, "/api/v1/files", {**multipart, **headers}, body)
    return str(answer["file_id"])


async def wanted_materials(
    connections: Connections, person: Applicant, item: Item
) -> list[str] | None:
    """What the service asks for in an application without materials; None: it takes none at all."""
    names = [material["material_id"] for material in item.guide["materials"]]
    wanted: list[str] = []
    for _ in range(2):
        headers = {**JSON, **person.headers, "Idempotency-Key": str(uuid4())}
        body = json.dumps(item.body(person.file_id, wanted)).encode()
        answer = await connections.send("POST", CASES, headers=headers, body=body)
        if answer.status == 201:
            return wanted
        text = json.dumps(answer.json(), ensure_ascii=False)
        wanted = [name for name in names if re.search(rf"\b{re.escape(name)}\b", text)]
    return None


async def post(
    connections: Connections,
    path: str,
    headers: Mapping[str, str],
    body: str,
    *,
    status: Sequence[int] = (200, 201),
) -> Any:
    """The JSON of a successful answer; any other ends the row."""
    headers = {"Idempotency-Key": str(uuid4()), **headers}
    answer = await connections.send("POST", path, headers=headers, body=body.encode())
    if answer.status not in status:
        raise RuntimeError(f"POST {path} was answered {answer.status}: {answer.text[:400]}")
    return answer.json()


async def submit(connections: Connections, application: Request) -> Any:
    """The answer to an application handed in once."""
    headers = {**application.headers, "Idempotency-Key": str(uuid4())}
    return await post(connections, CASES, headers, application.body or "")


def counter_item(items: Sequence[Item]) -> Item:
    return next(item for item in items if item.guide["name"] == COUNTER_ITEM)


async def accept(
    connections: Connections, headers: Mapping[str, str], case_id: str, task_id: str
) -> None:
    """Claimed and accepted, so that only the decision is left."""
    for path in (f"/api/v1/tasks/{task_id}/claim", f"{CASES}/{case_id}/acceptance"):
        await post(connections, path, {**JSON, **headers}, "{}")
