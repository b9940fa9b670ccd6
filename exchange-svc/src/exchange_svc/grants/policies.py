"""Who may answer a request in its present state, and who may revoke a grant."""

from chassis.auth import Actor
from chassis.errors import Forbidden
from exchange_svc.grants.models import Grant, GrantRequest
from exchange_svc.grants.rules.lifecycle import Side


def ensure_turn(actor: Actor, request: GrantRequest, turn: Side) -> None:
    """The authority is the platform's administration, the provider its department's."""
    mine = {
        Side.AUTHORITY: actor.has("platform_admin"),
        Side.PROVIDER: actor.has("department_admin") and actor.department == request.provider_code,
    }
    if not mine[turn]:
        raise Forbidden


def ensure_may_revoke(actor: Actor, grant: Grant) -> None:
    provides = actor.has("department_admin") and actor.department == grant.provider_code
    if not (provides or actor.has("platform_admin")):
        raise Forbidden
