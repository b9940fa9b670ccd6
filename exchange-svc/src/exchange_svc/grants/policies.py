"""Who may answer a request in its present state, and who may revoke a grant."""

from typing import Protocol

from chassis.auth import Actor
from chassis.errors import Forbidden
from exchange_svc.grants.rules.lifecycle import Side


class Provided(Protocol):
    """A request or a grant, by the department that provides the data."""

    provider_code: str


def ensure_turn(actor: Actor, request: Provided, turn: Side) -> None:
    """The authority is the platform's administration, the provider its department's."""
    is_authority = actor.has("platform_admin")
    if not (is_authority if turn is Side.AUTHORITY else provides(actor, request)):
        raise Forbidden


def ensure_may_revoke(actor: Actor, grant: Provided) -> None:
    if not (provides(actor, grant) or actor.has("platform_admin")):
        raise Forbidden


def provides(actor: Actor, row: Provided) -> bool:
    return actor.has("department_admin") and actor.department == row.provider_code
