"""Certificates as the source behind a shared resource."""

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.settings import context
from exchange_svc.calls.rules.questions import Wanted
from exchange_svc.certificates.models import Certificate
from exchange_svc.certificates.queries import held_of_type


async def shared_records(session: AsyncSession, wanted: Wanted) -> list[dict[str, Any]]:
    """The subject's certificates of the type that the provider itself issued, newest first."""
    found = await held_of_type(
        session,
        type_code=wanted.certificate_type,
        issuer_code=wanted.provider_code,
        person_id=wanted.person_id,
        company_id=wanted.company_id,
        code=wanted.certificate_code,
    )
    return [_record(session, one) for one in found]


def _record(session: AsyncSession, one: Certificate) -> dict[str, Any]:
    """Face fields first: none of them can pass for a field of the register."""
    vault = context(session).vault
    face: dict[str, Any] = json.loads(vault.decrypt(one.face))
    return face | {
        "code": one.code,
        "name": one.name,
        "status": one.status_on(clock.today()).value,
        "issued_on": one.issued_on.isoformat(),
        "valid_to": one.valid_to.isoformat() if one.valid_to else None,
        "holder_name": vault.decrypt(one.holder_name),
        "holder_code": vault.decrypt(one.holder_code),
    }
