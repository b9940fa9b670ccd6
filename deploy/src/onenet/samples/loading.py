"""Sample data through the API, stage by stage.

Each stage can be repeated; an interrupted load continues where it stopped.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

from onenet.client import Network, SignedIn, promised
from onenet.console import Reporter
from onenet.failures import Unexpected
from onenet.imports import finish_items, import_regions, start_items
from onenet.quiescence import wait_until_quiescent
from onenet.samples import files
from onenet.secret_keys import Secrets
from onenet.services import Layout
from onenet.state import Home, Stages, write_json

AT_ONCE: Final = 4
SETTLE_SECONDS: Final = 60
CREATED: Final = 201
CONFLICT: Final = 409


class Interrupted(Exception):
    """The launcher stops; finished stages stay finished."""


@dataclass(frozen=True)
class Load:
    """A run of the loader."""

    home: Home
    base_url: str
    secrets: Secrets
    reporter: Reporter
    stopping: Event

    def account(self, username: str) -> Network:
        password = self.secrets.sample_password(username)
        return Network.at(self.base_url, SignedIn(self.base_url, username, password))


def load_samples(load: Load, layout: Layout) -> None:
    """Run the stages that are not done yet, then write samples.json."""
    stages = Stages(load.home.stages)
    admin = load.account(files.people()["platform_admin"]["username"])
    for name, stage in STAGES.items():
        if load.stopping.is_set():
            raise Interrupted
        if not stages.done(name):
            stage(load, admin)
            stages.mark(name)
    # Until then no citizen can apply: the case service works on copies of items and staff.
    with load.reporter.step("Copies between the services"):
        urls = [database.app_url for database in layout.databases.values()]
        asyncio.run(wait_until_quiescent(urls, layout.nats_url, seconds=SETTLE_SECONDS))
    write_json(load.home.samples, accounts(load.secrets))


def accounts(secrets: Secrets) -> dict[str, Any]:
    """The content of samples.json."""
    people = files.people()
    citizens = people["citizens"]
    staff = [*people["staff"], {**people["platform_admin"], "department_code": None}]
    return {
        "citizens": [_account(secrets, one["mobile"], one["name"]) for one in citizens],
        "companies": [
            _account(secrets, citizens[one["legal_representative"]]["mobile"], one["name"])
            | {"uscc": one["uscc"]}
            for one in people["companies"]
        ],
        "staff": [
            {
                "username": one["username"],
                "password": secrets.sample_password(one["username"]),
                "department_code": one["department_code"],
                "region": one["region_code"],
                "roles": one["roles"],
            }
            for one in staff
        ],
    }


def _account(secrets: Secrets, username: str, name: str) -> dict[str, str]:
    return {"username": username, "password": secrets.sample_password(username), "name": name}


def load_regions(load: Load, admin: Network) -> None:
    rows = files.regions()
    with load.reporter.bar("Divisions", len(rows)) as bar:
        outcome = import_regions(admin, rows, bar, dry_run=False)
    if outcome.rejected:
        raise Unexpected(f"Sample divisions were rejected: {outcome.rejected[0].reason}")


def load_departments(load: Load, admin: Network) -> None:
    _each(
        load,
        "Departments",
        files.departments(),
        lambda row: _add(admin, "/api/v1/orgs/departments", row),
    )


def load_staff(load: Load, admin: Network) -> None:
    def take_on(row: dict[str, Any]) -> None:
        password = load.secrets.sample_password(row["username"])
        _add(admin, "/api/v1/orgs/staff", {**row, "password": password})

    _each(load, "Staff", files.people()["staff"], take_on)


def load_citizens(load: Load, _: Network) -> None:
    public = Network.at(load.base_url)

    def register(row: dict[str, Any]) -> None:
        password = load.secrets.sample_password(row["mobile"])
        _add(public, "/api/v1/identity/registrations", {**row, "password": password})

    _each(load, "Citizens", files.people()["citizens"], register)


def load_companies(load: Load, admin: Network) -> None:
    people = files.people()

    def found(row: dict[str, Any]) -> None:
        leader = people["citizens"][row["legal_representative"]]
        profile = load.account(leader["mobile"]).get("/api/v1/me/profile")
        body = {**row, "legal_representative": profile["person_id"]}
        _add(admin, "/api/v1/identity/companies", body)

    _each(load, "Companies", people["companies"], found)


def load_guides(load: Load, admin: Network) -> None:
    guides = files.guides()
    lines = "".join(json.dumps(guide, ensure_ascii=False) + "\n" for guide in guides)
    with load.reporter.bar("Guides", len(guides)) as bar:
        job = start_items(admin, "guides.jsonl", lines.encode(), dry_run=False)
        outcome = finish_items(admin, job, bar)
    if outcome.rejected:
        first = outcome.rejected[0]
        raise Unexpected(
            f"{len(outcome.rejected)} sample guides were rejected, the first in line {first.line}:"
            f" {first.reason}"
        )


Stage = Callable[[Load, Network], None]
STAGES: Final[dict[str, Stage]] = {
    "regions": load_regions,
    "departments": load_departments,
    "staff": load_staff,
    "citizens": load_citizens,
    "companies": load_companies,
    "guides": load_guides,
}


def _each(
    load: Load, label: str, rows: list[dict[str, Any]], work: Callable[[dict[str, Any]], None]
) -> None:
    """Process the rows, a few in parallel; after a failure no other row is begun."""

    def process(row: dict[str, Any]) -> None:
        if load.stopping.is_set():
            raise Interrupted
        work(row)

    with load.reporter.bar(label, len(rows)) as bar, ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for _ in pool.map(process, rows):
                bar.advance()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _add(network: Network, path: str, body: dict[str, Any]) -> None:
    """Create it, unless an interrupted load has created it before."""
    promised(network.send("POST", path, json=body), CREATED, CONFLICT)
