"""Which platform a command uses, and with which account."""

from pathlib import Path
from typing import Any

from onenet.client import Network, SignedIn, is_there
from onenet.failures import NotAnswering, Refusal, Unusable
from onenet.state import known_home, read_json

DEFAULT_BASE_URL = "http://127.0.0.1:8080"


def base_url_of(state: Path, base_url: str | None) -> str:
    """The given platform, else the one running here; raises NotAnswering if it is not up."""
    address = running_base_url(state, base_url)
    if address is None or not is_there(address):
        raise NotAnswering(address or DEFAULT_BASE_URL)
    return address


def running_base_url(state: Path, base_url: str | None) -> str | None:
    if base_url:
        return base_url.rstrip("/")
    running = read_json(known_home(state).running)
    return str(running["base_url"]) if running and "base_url" in running else None


def samples_of(path: Path) -> dict[str, Any]:
    samples: dict[str, Any] | None = read_json(path)
    if samples is None:
        raise Unusable(f"{path} is not there: it is written at the end of the first `make run`.")
    return samples


def importer(
    state: Path, base_url: str | None, username: str | None, password: str | None
) -> Network:
    """The given account, else the platform administrator of the samples."""
    base = base_url_of(state, base_url)
    if username and password:
        return Network.at(base, SignedIn(base, username, password))
    if username or password:
        raise Refusal("ONENET_USERNAME and ONENET_PASSWORD belong together: give both or neither.")
    staff = samples_of(known_home(state).samples)["staff"]
    admin = next(member for member in staff if "platform_admin" in member["roles"])
    return Network.at(base, SignedIn(base, admin["username"], admin["password"]))
