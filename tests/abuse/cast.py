"""Who knocks at the door: every role of the network, and those next to each who must not see."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

import httpx
from tests.stranger.client import Visitor, done, until
from tests.stranger.journey import Network
from tests.stranger.people import id_number

from chassis import clock

HOME = "11511301008778298W"  # the department whose staff play the staff roles
FAR = "1151130108778239R_6918"  # another department of the same region
THIRD = "68236467-9"  # plays home where the home department has been broken before
OTHER_REGION = "511603000000"
COMPANY_POWERS = ("apply",)

# In this order they are fuzzed: those who can break things for others come last.
ROLES = (
    "anonymous",
    "citizen",
    "company_agent",
    "clerk",
    "decider",
    "department_system",
    "department_admin",
    "platform_admin",
)
NEXT_TO_THEM = (
    "another_citizen",
    "limited_agent",
    "clerk_elsewhere",
    "clerk_other_department",
    "admin_other_department",
)


class System(Visitor):
    """A department's computer: a token by its own credentials instead of a sign-in."""

    @property
    def token(self) -> str:
        assert self.account is not None
        if self._token is None or time.monotonic() - self._token[1] > 600:
            form = {"grant_type": "client_credentials", **self.account}
            answer = done(httpx.post(f"{self.base_url}/oauth2/token", data=form, timeout=30))
            self._token = (answer["access_token"], time.monotonic())
        return self._token[0]


@dataclass
class Cast:
    network: Network
    people: dict[str, Visitor]
    company_id: str
    victim: Visitor
    mandate_id: str

    def __getitem__(self, role: str) -> Visitor:
        return self.people[role]


def gather(network: Network, home: str = HOME) -> Cast:
    """Everybody able to sign in; what a role needs to exist is made by the platform's admin."""
    admin = network.platform_admin
    people = {
        "anonymous": network.public,
        "citizen": network.register(),
        "another_citizen": network.register(),
        "limited_agent": network.register(),
        "company_agent": network.sign_in(network.samples["companies"][0]),
        "clerk": network.staff(home, "clerk"),
        "decider": network.staff(home, "decider"),
        "department_admin": network.staff(home, "department_admin"),
        "platform_admin": admin,
        "clerk_other_department": network.staff(FAR, "clerk"),
        "admin_other_department": network.staff(FAR, "department_admin"),
        "clerk_elsewhere": _clerk_elsewhere(network, admin, home),
        "department_system": _system(network, admin, home),
    }
    agent = people["company_agent"]
    company_id = agent.read("/me/companies")["data"][0]["company_id"]
    mandate_id = _mandate(agent, people["limited_agent"], company_id)
    return Cast(network, people, company_id, network.register(), mandate_id)


def _clerk_elsewhere(network: Network, admin: Visitor, home: str) -> Visitor:
    """The same department's clerk, but for another region."""
    admin.post("/orgs/regions/imports", json=[{"code": OTHER_REGION, "name": "前锋区"}])
    name = f"elsewhere.{id_number()[-6:].lower()}"
    account = {"username": name, "password": f"Aa1!{id_number()}"}
    body = {
        **account,
        "name": "路远",
        "department_code": home,
        "region_code": OTHER_REGION,
        "roles": ["clerk"],
    }
    done(admin.post("/orgs/staff", json=body), 201)
    return network.sign_in(account)


def _system(network: Network, admin: Visitor, home: str) -> System:
    body = {"name": "业务系统", "department_code": home, "scopes": ["exchange", "feeds"]}
    made = done(admin.post("/identity/clients", json=body), 201)
    account = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    return System(network.http, account)


def _mandate(agent: Visitor, grantee: Visitor, company_id: str) -> str:
    """The company lets another person apply, nothing more; accepted at once."""
    body = {
        "company_id": company_id,
        "grantee": {"id_number": grantee.account["id_number"], "name": grantee.account["name"]},
        "powers": list(COMPANY_POWERS),
        "item_codes": ["*"],
        "valid_to": str(clock.today() + timedelta(days=300)),
    }
    mandate_id = str(done(agent.post("/me/mandates", json=body), 201)["mandate_id"])
    done(grantee.post(f"/mandates/{mandate_id}/acceptance"), 200)
    until(lambda: grantee.read("/me/companies")["data"], why="the mandate has no effect")
    return mandate_id
