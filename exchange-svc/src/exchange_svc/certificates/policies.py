"""Who may change a certificate's status."""

from chassis.auth import Actor
from chassis.errors import Forbidden
from exchange_svc.certificates.models import Certificate

CHANGING_ROLES = frozenset({"decider", "department_admin"})


def may_change(actor: Actor, certificate: Certificate) -> bool:
    """Deciders and administrators of the department that issued it."""
    is_issuer = actor.kind == "staff" and actor.department == certificate.issuer_code
    return is_issuer and bool(actor.roles & CHANGING_ROLES)


def ensure_may_change(actor: Actor, certificate: Certificate) -> None:
    if not may_change(actor, certificate):
        raise Forbidden
