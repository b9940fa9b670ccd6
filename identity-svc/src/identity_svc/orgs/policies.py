"""Who may manage whom: pure functions that raise Forbidden."""

from collections.abc import Collection

from chassis.auth import Actor
from identity_svc.orgs.errors import NotYourDepartment
from identity_svc.orgs.rules.codes import covers
from identity_svc.orgs.rules.roles import Role


def ensure_manages(
    actor: Actor, *, department_code: str | None, region_code: str, roles: Collection[str]
) -> None:
    """An administrator of a department manages it within a region, and no platform admins."""
    if actor.has(Role.PLATFORM_ADMIN):
        return
    own = department_code is not None and department_code == actor.department
    inside = actor.region is not None and covers(actor.region, region_code)
    if not own or not inside or Role.PLATFORM_ADMIN in roles:
        raise NotYourDepartment
