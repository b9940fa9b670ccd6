"""What the prepared world holds, by resource: each row with the names it goes by."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from tests.stranger.client import Visitor, done, until

from chassis import clock

from .cast import HOME, Cast
from .world import World

Row = dict[str, str]
"""`id` is what stands in paths; the others are fields of lists."""
SCOPES = ("pool", "mine", "done")


def known_rows(world: World) -> dict[str, dict[str, Row]]:
    cast = world.cast
    cases = {name: _case(one.answer) for name, one in world.cases.items()}
    item, written = _item(world.item), _unpublished(cast)
    return {
        "case": cases,
        "task": _tasks(world, cases),
        "file": {"loose": {"id": world.file_id}} | _files(world),
        "item": {"open": item, "unpublished": written},
        "managed item": {"open": item, "unpublished": written},
        "import": {"of_department": {"id": _import(cast["department_admin"])}},
        "base item": {"sample": _base_item(cast["platform_admin"])},
        "company": {"sample": _company(world)},
        "mandate": {"limited": {"id": cast.mandate_id}},
        "person": {
            name: {"id": cast[name].read("/me/profile")["person_id"]}
            for name in ("citizen", "another_citizen")
        },
        "certificate": {"finished": {"id": world.certificate_code}},
        "staff": _staff(cast),
        "client": {"system": {"id": str((cast["department_system"].account or {})["client_id"])}},
        **_exchange(cast),
        "message": {"finished": {"id": _message(world)}},
        "rectification": {"finished": {"id": _rectification(world)}},
        "warning": {},  # none is due in this world
    }


def _case(answer: dict[str, Any]) -> Row:
    names = ("case_id", "case_no", "query_code")
    return {"id": str(answer["case_id"])} | {name: str(answer[name] or "") for name in names}


def _tasks(world: World, cases: dict[str, Row]) -> dict[str, Row]:
    """Open and done tasks by their case, as their departments' staff find them."""
    found = {}
    for role in ("clerk", "clerk_other_department", "decider"):
        for scope in SCOPES:
            for one in world.cast[role].every("/tasks", scope=scope):
                found.setdefault(one["case_id"], one["task_id"])
    return {name: {"id": found[one["id"]]} for name, one in cases.items() if one["id"] in found}


def _files(world: World) -> dict[str, Row]:
    """One uploaded document of each case that has any, named like its case."""
    found = {}
    for name, case in world.cases.items():
        materials = case.applicant.read(case.path)["materials"]
        files = [one["file_id"] for one in materials if one["file_id"]]
        if files:
            found[name] = {"id": str(files[0])}
    return found


def _item(item: dict[str, Any]) -> Row:
    return {"id": item["item_id"], "item_id": item["item_id"], "name": item["name"]}


def _unpublished(cast: Cast) -> Row:
    body = item_body(cast)
    made = done(cast["department_admin"].post("/catalog/items", json=body), 201)
    return {"id": made["item_id"], "item_id": made["item_id"], "name": body["name"]}


def item_body(cast: Cast) -> dict[str, Any]:
    known = cast["department_admin"].read("/catalog/items", params={"limit": 1})["data"][0]
    return {
        "item_code": f"X{secrets.token_hex(6)}",
        "name": f"未公布事项{secrets.token_hex(3)}",
        "task_type": "07",
        "department": known["department"],
        "region": known["region"],
    }


TABLE = (
    "department_name,parent_item_name,item_name,item_code,task_type,region_code,"
    f"department_code\n区民政局,,试列入事项,X9,20,511602000000,{HOME}\n"
).encode()


def _import(admin: Visitor) -> str:
    files = {"file": ("list.csv", TABLE, "text/csv")}
    answer = admin.post("/catalog/imports", files=files, params={"dry_run": "true"})
    return str(done(answer, 202)["import_id"])


def _base_item(admin: Visitor) -> Row:
    code = f"000511{secrets.randbelow(10**6):06}"
    body = {"catalog_code": code, "name": "基本目录事项", "task_type": "07", "use_levels": ["4"]}
    done(admin.post("/catalog/base-items", json=body), 201)
    return {"id": code, "catalog_code": code}


def _company(world: World) -> Row:
    name = world.network.samples["companies"][0]["name"]
    return {"id": world.cast.company_id, "company_id": world.cast.company_id, "name": name}


def _staff(cast: Cast) -> dict[str, Row]:
    ids = {one["username"]: one["staff_id"] for one in cast["platform_admin"].every("/orgs/staff")}
    return {
        role: {"id": ids[str((cast[role].account or {})["username"])]}
        for role in ("clerk", "clerk_other_department", "clerk_elsewhere")
    }


def _exchange(cast: Cast) -> dict[str, dict[str, Row]]:
    """A resource of the home department, another revoked, a grant and an open request for it."""
    provider, consumer = cast["department_admin"], cast["admin_other_department"]
    published, revoked = _resource(provider), _resource(provider)
    path = f"/exchange/resources/{revoked}"
    tag = provider.get(path).headers["etag"]
    change = {"status": "revoked"}
    done(provider.call("PATCH", path, json=change, headers={"If-Match": tag}), 200)
    granted, waiting = _request(consumer, published), _request(consumer, published)
    path = f"/exchange/grant-requests/{granted}/approval"
    for answering in (cast["platform_admin"], provider):
        done(answering.post(path, json={}), 200)
    grants = provider.every("/exchange/grants")
    grant = next(one["grant_id"] for one in grants if one["request_id"] == granted)
    return {
        "resource": {"published": {"id": published}, "revoked": {"id": revoked}},
        "grant": {"of_far": {"id": grant}},
        "grant request": {"granted": {"id": granted}, "waiting": {"id": waiting}},
    }


def _resource(provider: Visitor) -> str:
    return str(done(provider.post("/exchange/resources", json=resource_body()), 201)["code"])


def resource_body() -> dict[str, Any]:
    return {
        "category": "304001",
        "title": "低保对象信息",
        "summary": "低保对象认定结果",
        "certificate_type": f"{HOME}001",
        "fields": [{"name": "status", "title": "状态", "type": "string"}],
        "share_type": "conditional",
        "share_condition": "用于资格核验",
        "update_cycle": "daily",
    }


def _request(consumer: Visitor, resource: str) -> str:
    answer = consumer.post("/exchange/grant-requests", json=request_body(resource))
    return str(done(answer, 201)["request_id"])


def request_body(resource: str) -> dict[str, Any]:
    return {
        "resource_code": resource,
        "purpose": "核定补贴资格",
        "legal_basis": "政务数据共享条例",
        "scene": "就业困难人员认定",
        "fields": ["status"],
        "quota_per_day": 10,
        "valid_from": str(clock.today()),
        "valid_to": str(clock.today() + timedelta(days=90)),
    }


def _message(world: World) -> str:
    """A message about the finished case, once every submission is told."""
    citizen = world.cast["citizen"]
    submitted = {one.id for name, one in world.cases.items() if one.applicant is citizen}
    submitted.discard(world.cases["draft"].id)

    def look() -> str | None:
        found = {one["case_id"]: one["message_id"] for one in citizen.every("/me/messages")}
        return found.get(world.cases["finished"].id) if submitted <= set(found) else None

    return str(until(look, why="the submissions are not told to the citizen"))


def _rectification(world: World) -> str:
    number = world.cases["finished"].answer["case_no"]
    rows = world.cast["platform_admin"].every("/supervision/rectifications")
    return str(next(one["rectification_id"] for one in rows if one["case_no"] == number))
