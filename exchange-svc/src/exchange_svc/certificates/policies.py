"""Who may change a certificate's status."""

from typing import Protocol

from chassis.auth import Actor
from chassis.errors import Forbidden

CHANGING_ROLES = frozenset({"decider", "department_admin"})


class Issued(Protocol):
    issuer_code: str


def may_change(actor: Actor, certificate: Issued) -> bool:
    """Deciders and administrators of the department that issued it."""
    is_issuer = actor.kind == "staff" and actor.department == certificate.issuer_code
    return is_issuer and bool(actor.roles & CHANGING_ROLES)


def ensure_may_change(actor: Actor, certificate: Issued) -> None:
    if not may_change(actor, certificate):
        raise Forbidden
