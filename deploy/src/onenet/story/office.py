"""The department's part: counter, review, decision and certificate."""

from typing import Any, Final

from onenet.client import Network
from onenet.story.cast import Cast
from onenet.story.promises import Story, ensure, eventually, every, refused
from onenet.story.scenes import OK, Application, claim, task_of

CLERK: Final = ("clerk",)
DECIDER: Final = ("decider",)


def counter(story: Story, cast: Cast, application: Application) -> None:
    """Rows 10 to 13: claimed by one, corrected once, accepted."""
    first = cast.staff(application.department, CLERK)
    second = cast.staff(application.department, CLERK, 1)
    with story.step("10", "The counter") as step:
        task = task_of(first, application, "acceptance")
        other = cast.stranger_to(application.department)
        theirs = [one["case_id"] for one in every(other, "/api/v1/tasks", scope="pool")]
        ensure(application.case["case_id"] not in theirs, "another department has the task, too")
        step.said = f"has the case in its pool, due {task['due_on']}, light {task['light']}"
    with story.step("11", "Two clerks") as step:
        claim(first, task)
        refused(second.send("POST", f"/api/v1/tasks/{task['task_id']}/claim", json={}), 409)
        step.said = "reach for the same task; one has it, the other is told so"
    field = next(iter(application.form))
    correction(story, first, application, field)
    with story.step("12", "The clerk") as step:
        case = first.post(f"{application.path}/acceptance", {}, status=OK)
        ensure(case["status"] in ("accepted", "in_review"), f"accepted it is {case['status']}")
        step.said = f"accepts the case; its legal clock runs ({case['status']})"


def correction(story: Story, clerk: Network, application: Application, field: str) -> None:
    notice = {"items": [{"pointer": f"/form/{field}", "reason": "请按证件填写"}]}
    with story.step("12", "The clerk") as step:
        case = clerk.post(f"{application.path}/correction-notice", notice, status=OK)
        ensure(case["status"] == "correction_required", f"it is {case['status']}")
        step.said = f"asks once for everything that is missing: {field}"
    with story.step("13", application.citizen.name) as step:
        sent = {"form": {field: application.form[field]}}
        path = f"{application.path}/correction"
        case = application.citizen.network.post(path, sent, status=OK)
        ensure(case["status"] == "submitted", f"corrected it is {case['status']}")
        # A second claim by the holder is allowed; after a correction the task may be in the pool.
        clerk.post(f"/api/v1/tasks/{task_id_of(clerk, application)}/claim", {}, status=OK)
        refused(clerk.send("POST", f"{application.path}/correction-notice", json=notice), 409)
        step.said = "corrects it the same minute; a second notice is not allowed"


def task_id_of(staff: Network, application: Application) -> str:
    """The case's open task, in hand or in the pool."""

    def look() -> str | None:
        for scope in ("mine", "pool"):
            for task in every(staff, "/api/v1/tasks", scope=scope):
                if task["case_id"] == application.case["case_id"]:
                    return str(task["task_id"])
        return None

    return str(eventually(look, "the case has no open task"))


def review(story: Story, cast: Cast, application: Application, steps: list[dict[str, Any]]) -> None:
    """Rows 14 and 15: a special procedure stops the clock, then each step gives its opinion."""
    reviewer = cast.staff(application.department, CLERK, 1)
    for number, one in enumerate(steps):
        task = task_of(reviewer, application, one["step_id"])
        claim(reviewer, task)
        if number == 0:
            special_procedure(story, reviewer, application)
        with story.step("14", f"The reviewer ({one['name']})") as step:
            opinion = {
                "step": one["step_id"],
                "outcome": "agree",
                "opinion": "符合条件",
                "checks": [
                    {"check_id": check["check_id"], "passed": True, "note": None}
                    for check in task["checks"]
                ],
            }
            reviewer.post(f"{application.path}/opinions", opinion, status=OK)
            step.said = f"looks at {len(task['checks'])} points and agrees"


def special_procedure(story: Story, reviewer: Network, application: Application) -> None:
    path = f"{application.path}/special-procedures"
    guide = application.citizen.network.get(f"/api/v1/items/{application.item['item_id']}")
    kinds = guide["special_procedures"]
    if not kinds:
        return
    with story.step("15", "The reviewer") as step:
        body = {"kind": kinds[0]["kind"], "reason": kinds[0]["name"], "expected_days": 5}
        clock = reviewer.post(path, body, status=OK)
        ensure(_status(application) == "suspended", "a special procedure does not suspend")
        ensure(clock["intervals"], f"the clock shows no interval: {clock}")
        stopped = [interval for interval in clock["intervals"] if interval["ended_at"] is None]
        ensure(len(stopped) == 1, "exactly one interval is open after one special procedure")
        number = stopped[0]["procedure_id"]
        clock = reviewer.post(f"{path}/{number}/end", {"result": "无异议"}, status=OK)
        ensure(_status(application) != "suspended", "its end does not resume the case")
        step.said = f"stops the clock for {kinds[0]['name']} and lets it run again"


def _status(application: Application) -> str:
    return str(application.citizen.network.get(application.path)["status"])


def decision(story: Story, cast: Cast, application: Application) -> None:
    """Row 16: by another person than the one who accepted."""
    decider = cast.staff(application.department, DECIDER)
    clerk = cast.staff(application.department, CLERK)
    extension(story, decider, application)
    granted = {"outcome": "granted", "reason": "符合规定条件", "remedies": "可依法申请复议或者诉讼"}
    with story.step("16", "The decider") as step:
        refused(clerk.send("POST", f"{application.path}/decision", json=granted), 403)
        case = decider.post(f"{application.path}/decision", granted, status=OK)
        ensure(
            case["status"] in ("decided", "certifying", "delivering", "finished"),
            f"decided it is {case['status']}",
        )
        step.said = "grants it, with reasons and remedies; the clerk who accepted may not"


def extension(story: Story, decider: Network, application: Application) -> None:
    with story.step("15", "The decider") as step:
        before = _legal_due(decider.get(f"{application.path}/clock"))
        claim(decider, task_of(decider, application, "decision"))
        body = {"days": 2, "reason": "需与公安机关核对户籍信息"}
        after = _legal_due(decider.post(f"{application.path}/extension", body, status=OK))
        ensure(after > before, f"an extension moves nothing: {before} stays {after}")
        step.said = f"extends by two working days: due {after} instead of {before}"


def _legal_due(timing: dict[str, Any]) -> str:
    return next(str(one["due_on"]) for one in timing["clocks"] if one["kind"] == "legal")


def certificate(story: Story, cast: Cast, application: Application) -> str:
    """Row 17: issued by event; its code."""
    citizen = application.citizen
    case_id = application.case["case_id"]
    with story.step("17", "The exchange") as step:
        mine: dict[str, Any] = eventually(
            lambda: next(
                (
                    one
                    for one in every(citizen.network, "/api/v1/me/certificates")
                    if one["case_id"] == case_id
                ),
                None,
            ),
            "no certificate was issued",
        )
        eventually(lambda: _status(application) == "finished", "the case does not finish")
        case = citizen.network.get(application.path)
        ensure(case["outcome"] == "granted", f"its outcome is {case['outcome']}")
        step.said = f"issues {mine['name']}, valid to {mine['valid_to'] or 'further notice'};"
        step.said += " the case is finished"
    code = str(mine["code"])
    with story.step("17", "A bank") as step:
        checked = cast.public.get("/api/v1/certificates/verify", params={"code": code})
        ensure(checked["status"] == "valid", f"the certificate is {checked['status']}")
        ensure(citizen.name not in str(checked), "public verification tells the holder's name")
        citizen.network.get(f"/api/v1/certificates/{code}")
        unknown = {"code": code[:-1] + ("0" if code[-1] != "0" else "1")}
        nothing = cast.public.get("/api/v1/certificates/verify", params=unknown)
        ensure(nothing["status"] == "unknown", f"a wrong code is {nothing['status']}")
        step.said = "verifies the code: valid; a mistyped one is unknown"
    return code
