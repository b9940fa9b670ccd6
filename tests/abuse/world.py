"""A prepared world with known owners: cases in every state and what hangs on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.stranger import journey
from tests.stranger.client import Visitor, done, until
from tests.stranger.journey import Case, Network

from .cast import HOME, THIRD, Cast, gather

FOOD = "食品(含保健食品)经营许可核发"
# Department → what a citizen and what a company applies for there.
ITEMS = {HOME: ("最低生活保障", "养老机构设立备案"), THIRD: (FOOD, FOOD)}
FAR_ITEM = "就业困难人员认定"
BAD = {"service": "delivery", "satisfaction": 5, "tags": [], "comment": "等了很久"}


@dataclass
class World:
    network: Network
    cast: Cast
    item: dict[str, Any]
    cases: dict[str, Case]
    file_id: str
    certificate_code: str

    @property
    def victim_numbers(self) -> tuple[str, ...]:
        """What must never stand in an answer to somebody who may not see it."""
        account = self.cast.victim.account
        assert account is not None
        return str(account["id_number"]), str(account["mobile"])


def prepare(network: Network, home: str = HOME) -> World:
    """A citizen's cases in five states, a company's, and a stranger's at another department."""
    cast = gather(network, home)
    item = network.item(ITEMS[home][0])
    citizen = cast["citizen"]
    form = personal(citizen, item)
    cases = {
        "draft": draft(citizen, item),
        "submitted": journey.apply(citizen, item, form=form),
        "in_hand": journey.apply(citizen, item, form=form),
        "in_review": journey.apply(citizen, item, form=form),
        "finished": journey.apply(citizen, item, form=form),
        "of_company": _for_company(cast, network.item(ITEMS[home][1])),
        "of_victim": _of_victim(network, cast.victim),
    }
    journey.take(cast["clerk"], cases["in_hand"], "acceptance")
    journey.accept(network, cases["in_review"], cast["clerk"])
    journey.finish(network, cases["finished"])
    done(citizen.post(f"{cases['finished'].path}/ratings", json=BAD), 201)
    code = until(
        lambda: journey.certificates_of(cases["finished"]), why="no certificate was issued"
    )[0]["code"]
    return World(network, cast, item, cases, citizen.upload(), code)


def draft(citizen: Visitor, item: dict[str, Any]) -> Case:
    body = journey.draft_body(citizen, item, submit=False)
    return Case(citizen, item, body["form"], done(journey.submit(citizen, body), 201))


def personal(visitor: Visitor, item: dict[str, Any]) -> dict[str, Any]:
    """The form with the applicant's own name and numbers, so that a leak can be recognised."""
    account = visitor.account
    assert account is not None
    own = {name: account[name] for name in ("name", "id_number", "mobile")}
    own["applicant_name"] = account["name"]
    return {name: own.get(name, value) for name, value in journey.form_of(visitor, item).items()}


def _for_company(cast: Cast, item: dict[str, Any]) -> Case:
    agent = cast["company_agent"]
    more = {"applicant_type": "enterprise", "on_behalf_of": cast.company_id}
    return journey.apply(agent, item, promise=True, **more)


def _of_victim(network: Network, victim: Visitor) -> Case:
    item = network.item(FAR_ITEM)
    return journey.apply(victim, item, form=personal(victim, item))
