"""Real ids, codes and filled bodies for the generator: what it invents would end at 404 and 422."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.stranger import journey
from tests.stranger.client import Visitor, done
from tests.stranger.journey import Case
from tests.stranger.people import registration

from chassis import clock

from .cast import FAR, HOME, Cast
from .managing import managing_bodies, sign_in_names
from .rows import known_rows
from .world import BAD, World, draft

FRESH = 5  # cases of each kind for each role: what the generator does to them uses them up
Names = dict[str, list[str]]
Bodies = dict[str, list[Any]]
"""Whole bodies by `METHOD path`."""

# List → the field of its rows → the parameter whose values these are.
LISTS = (
    ("/me/cases", "case_id", "case_id"),
    ("/tasks?scope=pool", "case_id", "case_id"),
    ("/tasks?scope=pool", "task_id", "task_id"),
    ("/tasks?scope=mine", "case_id", "case_id"),
    ("/tasks?scope=mine", "task_id", "task_id"),
    ("/me/mandates", "mandate_id", "mandate_id"),
    ("/me/messages", "message_id", "message_id"),
    ("/me/certificates", "code", "code"),
    ("/orgs/staff", "staff_id", "staff_id"),
    ("/orgs/departments", "code", "department_code"),
    ("/orgs/regions", "code", "region_code"),
    ("/identity/clients", "client_id", "client_id"),
    ("/identity/companies", "company_id", "company_id"),
    ("/catalog/items", "item_id", "item_id"),
    ("/catalog/imports", "import_id", "import_id"),
    ("/catalog/base-items", "catalog_code", "catalog_code"),
    ("/exchange/resources", "code", "resource_code"),
    ("/exchange/grants", "grant_id", "grant_id"),
    ("/exchange/grant-requests", "request_id", "request_id"),
    ("/supervision/rectifications", "rectification_id", "rectification_id"),
    ("/supervision/warnings", "warning_id", "warning_id"),
)


def names(world: World, visitor: Visitor, role: str) -> Names:
    """Values by parameter: what the role finds in its own lists, and what belongs to others."""
    fresh = fresh_cases(world, role)
    found = known_names(world, fresh) | sign_in_names(visitor)
    for where, field, parameter in LISTS:
        answer = visitor.get(where)
        if answer.status_code == 200 and isinstance(answer.json().get("data"), list):
            values = [str(one[field]) for one in answer.json()["data"] if one.get(field)]
            found.setdefault(parameter, []).extend(values[:20])
            found["after"] += [answer.json()["next"]] if answer.json().get("next") else []
    chosen = {name: list(dict.fromkeys(values)) for name, values in found.items() if values}
    # What is the role's own to go on with comes up twice as often as what belongs to others.
    chosen["case_id"] += fresh["case_id"] * 2
    return chosen


def known_names(world: World, fresh: Names) -> Names:
    """What the world holds, whose ever it is, beside the cases to be worn out."""
    rows = known_rows(world)

    def ids(resource: str) -> list[str]:
        return [one["id"] for one in rows[resource].values()]

    return {
        "case_id": [*fresh["case_id"], *(one.id for one in world.cases.values())],
        "procedure_id": fresh["procedure_id"],
        "resource_code": ids("resource"),
        "import_id": ids("import"),
        "grant_id": ids("grant"),
        "request_id": ids("grant request"),
        "rectification_id": ids("rectification"),
        "person_id": ids("person"),
        "file_id": [world.file_id, world.cast.victim.upload()],
        "item_id": ids("managed item"),
        "code": [world.certificate_code],
        "department_code": [HOME, FAR],
        "department": [HOME, FAR],
        "region_code": ["511602000000", "5116"],
        "region": ["511602000000", "511602"],
        "mandate_id": [*fresh["mandate_id"], world.cast.mandate_id],
        "company_id": [world.cast.company_id],
        "year": [str(clock.today().year), str(clock.today().year + 1)],
        "case_no": [one.answer["case_no"] for one in world.cases.values() if one.answer["case_no"]],
        "query_code": [
            one.answer["query_code"] for one in world.cases.values() if one.answer["query_code"]
        ],
        "kind": ["power", "duty", "permits", "public_services"],
        "version": ["1", "2"],
        "from": ["1"],
        "to": ["1", "2"],
        "q": [world.item["name"], "低保", "许可", "511602199001010011"],
        "scope": ["pool", "mine", "done"],
        "If-Match": ["*", '"1"', '"2"'],
        "after": [],
        "action": ["suspension", "resumption", "revocation"],
    }


def fresh_cases(world: World, role: str) -> Names:
    """Cases to be worn out, in every state this role can go on from; and what hangs on them."""
    cast, network, citizen = world.cast, world.network, world.cast["citizen"]
    made: Names = {"case_id": [], "procedure_id": [], "mandate_id": []}

    def submitted() -> Case:
        case = journey.apply(citizen, world.item)
        made["case_id"].append(case.id)
        return case

    for _ in range(FRESH):
        case = submitted()
        if role in ("clerk", "platform_admin"):
            journey.take(cast[role], case, "acceptance")
            case = submitted()
            journey.accept(network, case, cast["clerk"])
            journey.take(cast[role], case, journey.review_steps(case)[0])
        elif role == "decider":
            journey.to_decision(network, case)
            journey.take(cast[role], case, "decision")
        elif role == "citizen":
            made["case_id"].append(draft(citizen, world.item).id)
            _ask_for_correction(cast["clerk"], case)
            made["mandate_id"].append(_offered(cast))
    if role in ("clerk", "platform_admin"):
        made["procedure_id"] = _stopped(world, cast[role], case)
    return made


def _ask_for_correction(clerk: Visitor, case: Case) -> None:
    journey.take(clerk, case, "acceptance")
    lack = {"pointer": f"/form/{next(iter(case.form))}", "reason": "请按证件填写"}
    clerk.do(f"{case.path}/correction-notice", {"items": [lack]})


def _offered(cast: Cast) -> str:
    """A mandate that waits for the citizen's acceptance."""
    account = cast["citizen"].account or {}
    body = {
        "grantee": {"name": account["name"], "id_number": account["id_number"]},
        "powers": ["view"],
        "valid_to": str(clock.today() + timedelta(days=60)),
    }
    return str(done(cast["another_citizen"].post("/me/mandates", json=body), 201)["mandate_id"])


def _stopped(world: World, officer: Visitor, case: Case) -> list[str]:
    """The running special procedure of a case in the officer's hand, if its item has any."""
    kinds = world.item.get("special_procedures") or []
    if not kinds:
        return []
    wish = {"kind": kinds[0]["kind"], "reason": "需要核对", "expected_days": 5}
    timing = officer.do(f"{case.path}/special-procedures", wish)
    return [str(one["procedure_id"]) for one in timing["intervals"]]


def colleagues(world: World) -> list[str]:
    """Clerks of the home department, by the ids their tokens carry."""
    home = world.item["department"]["code"]
    staff = world.cast["department_admin"].every("/orgs/staff", department=home)
    return [one["staff_id"] for one in staff if one["roles"] == ["clerk"]]


def handling_bodies(world: World, field: str) -> Bodies:
    """What officers send about a case; `field`: one of its form's."""
    case, reason = "/api/v1/cases/{case_id}", {"reason": "核对后的理由。"}
    return {
        f"POST {case}/acceptance": [{}],
        f"POST {case}/correction-notice": [
            {"items": [{"pointer": f"/form/{field}", "reason": "请按证件填写"}]}
        ],
        f"POST {case}/non-acceptance": [reason | {"reason_code": "not_required"}],
        f"POST {case}/opinions": [
            {"step": one["step_id"], "outcome": "agree", "opinion": "符合", "checks": []}
            for one in world.item["steps"][1:-1]
        ],
        f"POST {case}/special-procedures": [
            reason | {"kind": one["kind"], "expected_days": 5}
            for one in world.item.get("special_procedures", [])
        ],
        f"POST {case}/special-procedures/{{procedure_id}}/end": [{"result": "无异议"}],
        f"POST {case}/extension": [reason | {"days": 2}],
        f"POST {case}/decision": [journey.GRANT, journey.REFUSE],
    }


def bodies(world: World, visitor: Visitor) -> Bodies:
    """Whole bodies that would go through, by operation; the generator bends them."""
    citizen = world.cast["citizen"]
    applying = visitor if visitor.account and "id_number" in visitor.account else citizen
    body = journey.draft_body(applying, world.item)
    case, item = "/api/v1/cases/{case_id}", "/api/v1/catalog/items/{item_id}"
    day = str(clock.today() + timedelta(days=60))
    reason = {"reason": "核对后的理由。"}
    return {
        "POST /api/v1/cases": [body, body | {"submit": False}],
        f"PATCH {case}": [{"form": body["form"]}, {"answers": {}, "materials": body["materials"]}],
        f"POST {case}/correction": [{"form": body["form"]}, {"materials": body["materials"]}],
        f"POST {case}/ratings": [BAD, BAD | {"service": "application", "satisfaction": 1}],
        f"POST {case}/withdrawal": [reason],
        "POST /api/v1/items/{item_id}/precheck": [
            {"answers": body["answers"], "applicant_type": "natural_person"}
        ],
        "POST /api/v1/identity/registrations": [registration() for _ in range(20)],
        "POST /api/v1/me/mandates": [
            {
                "grantee": {"name": person["name"], "id_number": person["id_number"]},
                "powers": ["apply", "view"],
                "valid_to": day,
            }
            for person in (world.cast["another_citizen"].account or {},)
        ],
        "POST /api/v1/exchange/resources/{code}/query": [
            {
                "case_no": world.cases["in_review"].answer["case_no"],
                "purpose": "核验",
                "fields": ["name"],
                "id_number": (citizen.account or {})["id_number"],
            }
        ],
        "POST /api/v1/tasks/{task_id}/transfer": [{"to": one} for one in colleagues(world)],
        "POST /api/v1/orgs/regions/imports": [[{"code": "511602", "name": "广安区"}]],
        f"POST {item}/suspension": [reason],
        f"POST {item}/return": [reason],
        **handling_bodies(world, next(iter(body["form"]))),
        **managing_bodies(world),
    }
