"""After the decision: rating, public numbers, footprints, and a second case that needs less."""

from typing import Any, Final

from onenet.story.cast import Cast
from onenet.story.office import CLERK
from onenet.story.promises import Story, ensure, eventually, refused
from onenet.story.scenes import OK, Application, documents, preparation, search, submission, task_of

NEXT_ITEM: Final = "就业困难人员认定"
NEXT_ANSWER: Final = {"kind": "dibao"}


def rating(story: Story, application: Application) -> None:
    citizen = application.citizen
    with story.step("18", citizen.name) as step:
        verdict = {"service": "delivery", "satisfaction": 1, "tags": [], "comment": "很快"}
        citizen.network.post(f"{application.path}/ratings", verdict)
        again = citizen.network.send("POST", f"{application.path}/ratings", json=verdict)
        refused(again, 409)
        step.said = "rates the delivery 非常满意, once"


def numbers(story: Story, cast: Cast) -> None:
    with story.step("19", "A journalist") as step:
        answer = cast.public.get("/api/v1/public/performance")
        indicators: list[dict[str, Any]] = answer["indicators"]
        for one in indicators:
            ensure(
                {"numerator", "denominator", "definition"} <= set(one),
                f"an indicator lacks its fraction or definition: {one}",
            )
        step.said = f"reads {len(indicators)} indicators, each with its fraction and definition"


def footprints(story: Story, cast: Cast, application: Application) -> None:
    citizen = application.citizen
    with story.step("20", citizen.name) as step:
        looks: list[dict[str, Any]] = eventually(
            lambda: [
                one
                for one in citizen.network.get("/api/v1/me/footprints")["data"]
                if one.get("case_id") in (None, application.case["case_id"])
            ],
            "nobody's look at her data is recorded",
        )
        ensure(
            not any(name in str(looks) for name in cast.names_of_staff()),
            "the footprints tell officers' names",
        )
        step.said = f"sees {len(looks)} looks at her data: which post, when, which fields, why"


def second_case(story: Story, cast: Cast, first: Application, code: str) -> Application:
    """She is not asked for what the government has issued itself; then she changes her mind."""
    item = search(story, cast, NEXT_ITEM)
    second = Application(first.citizen, item)
    needed = preparation(story, cast, second, NEXT_ANSWER)
    ensure(
        any(one["source"] == "certificate" for one in needed),
        f"{NEXT_ITEM} does not offer to use her certificate",
    )
    documents(story, second, needed, code)
    submission(story, cast, second)
    with story.step("7", "The exchange") as step:
        clerk = cast.staff(second.department, CLERK)

        def valid() -> bool:
            case = second.citizen.network.get(second.path)
            claims = [one for one in case["materials"] if one["certificate_code"]]
            return bool(claims) and all(one["state"] == "verified" for one in claims)

        task_of(clerk, second, "acceptance")
        eventually(valid, "the claimed certificate is not confirmed")
        step.said = "confirms the claimed certificate: valid, hers, of the right kind"
    return second


def withdrawal(story: Story, application: Application) -> None:
    citizen = application.citizen
    with story.step("21", citizen.name) as step:
        body = {"reason": "已另行就业"}
        case = citizen.network.post(f"{application.path}/withdrawal", body, status=OK)
        ensure(case["status"] == "withdrawn", f"withdrawn it is {case['status']}")
        again = citizen.network.send("POST", f"{application.path}/withdrawal", json=body)
        refused(again, 409)
        step.said = "has found work and withdraws; a second time is the wrong moment"


def agency(story: Story, cast: Cast) -> None:
    """A company's agent sees the company she may act for."""
    company = cast.company()
    with story.step("7", f"{company.name}'s agent") as step:
        mine = company.account.get("/api/v1/me/companies")["data"]
        ensure(
            any(one["name"] == company.name for one in mine),
            f"{company.name} is not among the companies she acts for",
        )
        step.said = "finds the company she may apply for"
