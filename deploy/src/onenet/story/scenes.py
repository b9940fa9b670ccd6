"""The applicant's part of the story, in the order of the main job."""

from dataclasses import dataclass, field
from typing import Any, Final

from chassis.clock import new_id
from onenet.client import Network, promised
from onenet.story.cast import Cast, Citizen
from onenet.story.paper import checked_receipt, filled, upload
from onenet.story.promises import Story, ensure, eventually, every, refused

ITEM: Final = "最低生活保障"
OK: Final = 200
CREATED: Final = 201


@dataclass
class Application:
    """The citizen's application: the item, her answers, form, documents and case."""

    citizen: Citizen
    item: dict[str, Any]
    answers: dict[str, str] = field(default_factory=dict)
    form: dict[str, Any] = field(default_factory=dict)
    materials: list[dict[str, Any]] = field(default_factory=list)
    case: dict[str, Any] = field(default_factory=dict)

    @property
    def department(self) -> str:
        return str(self.item["department"]["code"])

    @property
    def path(self) -> str:
        return f"/api/v1/cases/{self.case['case_id']}"

    @property
    def body(self) -> dict[str, Any]:
        return {
            "item_id": self.item["item_id"],
            "answers": self.answers,
            "form": self.form,
            "materials": self.materials,
            "on_behalf_of": None,
            "submit": True,
        }


def registration(story: Story, cast: Cast) -> Citizen:
    citizen = cast.new_citizen()
    path = "/api/v1/identity/registrations"
    with story.step("1", citizen.name) as step:
        wrong = dict(citizen.registration)
        digit = wrong["id_number"][-1]
        wrong["id_number"] = wrong["id_number"][:-1] + ("1" if digit != "1" else "2")
        refused(cast.public.send("POST", path, json=wrong), 422)
        person = cast.public.post(path, citizen.registration)
        ensure(person["assurance_level"] == "L2", "a new person starts at level L2")
        refused(cast.public.send("POST", path, json=citizen.registration), 409)
        step.said = "mistypes her identity number, is told so, and registers"
    return citizen


def search(story: Story, cast: Cast, name: str) -> dict[str, Any]:
    """The item as a citizen finds it, with its guide."""
    with story.step("2", "Anybody") as step:
        found = cast.public.get("/api/v1/items", params={"q": name, "online": "true"})["data"]
        ensure(found, f"searching {name} finds nothing")
        best: dict[str, Any] = found[0]
        ensure(best["name"] == name, f"the best match for {name} is {best['name']}")
        ensure(best["status"] == "open", f"{name} is {best['status']}, not open")
        step.said = f"searches {name} and finds it at {best['department']['name']}"
    with story.step("3", "Anybody") as step:
        answer = promised(cast.public.send("GET", f"/api/v1/items/{best['item_id']}"), OK)
        guide: dict[str, Any] = answer.json()
        for part in ("legal_basis", "conditions", "materials", "steps", "results"):
            ensure(guide[part], f"the guide says nothing about {part}")
        again = {"If-None-Match": answer.headers["etag"]}
        unchanged = cast.public.send("GET", f"/api/v1/items/{best['item_id']}", headers=again)
        ensure(unchanged.status_code == 304, "an unchanged guide is sent again")  # noqa: PLR2004
        step.said = (
            f"reads the guide: {len(guide['conditions'])} conditions,"
            f" {len(guide['materials'])} materials, {len(guide['steps'])} steps,"
            f" promised in {best['promise']['value']} {best['promise']['unit']}s".replace("_", " ")
        )
    return best


def preparation(
    story: Story, cast: Cast, application: Application, wishes: dict[str, str]
) -> list[dict[str, Any]]:
    """Form and questions, then exactly the materials that this person needs."""
    item = f"/api/v1/items/{application.item['item_id']}"
    with story.step("4", application.citizen.name) as step:
        form = cast.public.get(f"{item}/form")
        application.form = filled(form["schema"], application.citizen)
        application.answers = {
            one["question_id"]: wishes.get(one["question_id"], one["default"])
            for one in form["situations"]
        }
        step.said = f"fills {len(application.form)} fields, answers {len(form['situations'])}"
        step.said += " questions"
    with story.step("5", application.citizen.name) as step:
        answered = {"answers": application.answers, "applicant_type": "natural_person"}
        checked = cast.public.post(f"{item}/precheck", answered, status=OK)
        ensure(checked["eligible"] is True, f"not eligible: {checked['reasons']}")
        open_answers = {"answers": {}, "applicant_type": "natural_person"}
        unsure = cast.public.post(f"{item}/precheck", open_answers, status=OK)
        ensure(unsure["eligible"] is not False, "nothing answered decides against her")
        needed: list[dict[str, Any]] = [one for one in checked["materials"] if one["required"]]
        names = "、".join(one["name"] for one in needed if one["source"] != "shared_data")
        step.said = f"may apply and has to bring: {names or 'nothing'}"
    return needed


def documents(
    story: Story, application: Application, needed: list[dict[str, Any]], code: str | None = None
) -> None:
    """Upload the required materials; of a certificate the government issued give only the code."""
    citizen = application.citizen
    with story.step("6", citizen.name) as step:
        brought = []
        for one in needed:
            if one["source"] == "shared_data":
                continue
            if code and one["source"] == "certificate":
                brought.append({"material_id": one["material_id"], "certificate_code": code})
                continue
            stored = upload(citizen.network, one["material_id"])
            back = citizen.network.send("GET", f"/api/v1/files/{stored['file_id']}")
            ensure(len(promised(back, OK).content) == stored["size"], "the file came back cut")
            brought.append({"material_id": one["material_id"], "file_id": stored["file_id"]})
        application.materials = brought
        uploads = sum("file_id" in one for one in brought)
        step.said = f"uploads what is asked for ({uploads}), checksums agree"
        if code:
            step.said += f", and only names her certificate …{code[-12:]}"


def submission(story: Story, cast: Cast, application: Application) -> None:
    network = application.citizen.network
    with story.step("7", application.citizen.name) as step:
        bare = network.http.post("/api/v1/cases", json=application.body)
        refused(bare, 428)
        key = {"Idempotency-Key": str(new_id())}
        answer = network.send("POST", "/api/v1/cases", json=application.body, headers=key)
        application.case = promised(answer, CREATED).json()
        again = network.send("POST", "/api/v1/cases", json=application.body, headers=key)
        ensure(again.json() == application.case, "the same key gave another answer")
        other = {**application.body, "submit": False}
        refused(network.send("POST", "/api/v1/cases", json=other, headers=key), 422)
        ensure(application.case["status"] == "submitted", "the case is not submitted")
        receipt = checked_receipt(application.case["receipt"], cast.public)
        ensure(application.case["case_no"] in str(receipt), "the receipt names another case")
        step.said = f"applies once, sends it twice, has one case {application.case['case_no']}"
        step.said += " and a receipt whose signature holds"


def looking(story: Story, cast: Cast, application: Application) -> None:
    citizen = application.citizen
    with story.step("8", citizen.name) as step:
        mine = [one["case_id"] for one in every(citizen.network, "/api/v1/me/cases")]
        ensure(application.case["case_id"] in mine, "the case is not among her cases")
        case = citizen.network.get(application.path)
        ensure("withdrawal" in case["actions"], "she cannot withdraw what is not decided")
        timeline = citizen.network.get(f"{application.path}/timeline")["data"]
        ensure(timeline, "nothing has happened according to the timeline")
        citizen.network.get(f"{application.path}/clock")
        nosy = cast.stranger_to(application.department)
        refused(nosy.send("GET", application.path), 404)
        step.said = "sees her case, its timeline and clocks; another department's clerk does not"
    with story.step("9", "Her brother") as step:
        ticket = {"case_no": application.case["case_no"]}
        code = {"query_code": application.case["query_code"]}
        progress = cast.public.get("/api/v1/progress", params=ticket | code)
        ensure(progress["status"] == "submitted", "the public progress is not the case's")
        ensure(citizen.name not in str(progress), "the public progress tells a name")
        wrong = {"query_code": "00000000" if code["query_code"] != "00000000" else "11111111"}
        refused(cast.public.send("GET", "/api/v1/progress", params=ticket | wrong), 404)
        step.said = "asks with number and query code how it stands; a wrong code tells nothing"


def task_of(staff: Network, application: Application, step: str | None = None) -> dict[str, Any]:
    """The open task of the case, as soon as it is in the pool."""

    def look() -> dict[str, Any] | None:
        for task in every(staff, "/api/v1/tasks", scope="pool"):
            if task["case_id"] == application.case["case_id"] and step in (None, task["step"]):
                return task
        return None

    found: dict[str, Any] = eventually(look, f"the task {step or ''} does not stand in the pool")
    return found


def claim(staff: Network, task: dict[str, Any]) -> None:
    staff.post(f"/api/v1/tasks/{task['task_id']}/claim", {}, status=OK)
