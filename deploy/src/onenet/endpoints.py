"""The addresses of a platform's parts: of the one running here, or as the operator names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onenet.databases import database_of
from onenet.failures import Refusal
from onenet.secret_keys import open_secrets
from onenet.services import SERVICES
from onenet.state import known_home, read_json


@dataclass(frozen=True)
class Endpoints:
    """Databases are addressed as their app roles; `files` is None unless it is a local folder."""

    databases: Mapping[str, str]
    nats_url: str
    base_url: str
    files: Path | None


def endpoints_of(
    state: Path,
    databases: Sequence[str] = (),
    *,
    nats_url: str | None = None,
    base_url: str | None = None,
) -> Endpoints:
    """`databases` are `service=postgresql://…`; whatever is not named is looked up in the state."""
    named = dict(_named(one) for one in databases)
    running = read_json(known_home(state).running)
    if running is None:
        if set(named) == set(SERVICES) and nats_url and base_url:
            return Endpoints(named, nats_url, base_url.rstrip("/"), None)
        raise Refusal(
            f"No platform runs in {state}: start it with `make run`, or name one with --base-url,"
            f" --nats-url and a --database for each of {', '.join(SERVICES)}."
        )
    home = known_home(state)
    roles = open_secrets(home, SERVICES).roles
    own = {
        name: database_of(name, running["database_url"], roles).app_url
        for name in SERVICES
        if name not in named
    }
    return Endpoints(
        databases=own | named,
        nats_url=nats_url or running["nats_url"],
        base_url=(base_url or running["base_url"]).rstrip("/"),
        files=home.place / "files" if (home.place / "files").is_dir() else None,
    )


def _named(option: str) -> tuple[str, str]:
    service, sign, url = option.partition("=")
    if not sign or service not in SERVICES:
        raise Refusal(
            f"--database {option.partition('=')[0]}…: write it as service=postgresql://…,"
            f" the service one of {', '.join(SERVICES)}."
        )
    return service, url
