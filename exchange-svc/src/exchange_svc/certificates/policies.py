"""Who may change a certificate's status."""

from chassis.auth import Actor
from chassis.errors import Forbidden
from exchange_svc.certificates.models import Certificate

CHANGING_ROLES = frozenset({"decider", "department_admin"})


def ensure_may_change(actor: Actor, certificate: Certificate) -> None:
    """Deciders and administrators of the department that issued it."""
    if actor.department != certificate.issuer_code or not actor.roles & CHANGING_ROLES:
        raise Forbidden
