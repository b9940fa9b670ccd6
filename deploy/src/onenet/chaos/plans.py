"""What people apply for: an item and everything its application needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from onenet.client import Network

# The first is decided right after acceptance; the other goes through every step.
ITEMS: Final = {"补领结婚证": 0.9, "最低生活保障": 0.1}


@dataclass(frozen=True)
class Plan:
    """`share` of all applications; `correctable` is a form field a notice can ask for again."""

    item: Mapping[str, Any]
    share: float
    answers: Mapping[str, Any]
    form: Mapping[str, Any]
    materials: list[Mapping[str, Any]]
    correctable: str


def plans_at(base_url: str) -> list[Plan]:
    public = Network.at(base_url)
    return [plan_for(public, name, share) for name, share in ITEMS.items()]


def plan_for(public: Network, name: str, share: float) -> Plan:
    item = public.get("/api/v1/items", params={"q": name})["data"][0]
    asked = public.get(item["links"]["form"])
    answers = {one["question_id"]: one["default"] for one in asked["situations"]}
    question = {"answers": answers, "applicant_type": "natural_person"}
    needed = public.post(item["links"]["precheck"], question, status=200)["materials"]
    fields = asked["schema"]["properties"]
    form = {name: one["examples"][0] for name, one in fields.items() if "examples" in one}
    return Plan(
        item=item,
        share=share,
        answers=answers,
        form=form,
        materials=[one for one in needed if one["required"] and one["source"] != "shared_data"],
        correctable=next(iter(form)),
    )
