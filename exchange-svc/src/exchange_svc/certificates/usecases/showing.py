"""Show a certificate, and change what it is worth."""

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import Actor
from chassis.context import context
from chassis.masking import mask_id_number, mask_name, mask_value
from exchange_svc.calls.usecases import Look, record_look
from exchange_svc.certificates import codes
from exchange_svc.certificates.models import Certificate, CertificateEntry
from exchange_svc.certificates.policies import ensure_may_change
from exchange_svc.certificates.queries import find_by_code, get_certificate
from exchange_svc.certificates.validity import Action
from exchange_svc.settings import ExchangeSettings


async def read_face(
    session: AsyncSession, actor: Actor, certificate: Certificate
) -> dict[str, Any]:
    """Holder and face: whole for the holder, masked and recorded for staff."""
    vault = context(session).vault
    name = vault.decrypt(certificate.holder_name)
    code = vault.decrypt(certificate.holder_code)
    face: dict[str, Any] = json.loads(vault.decrypt(certificate.face))
    if actor.kind == "citizen":
        return {"holder": {"name": name, "code": code}, "fields": face}
    await record_look(session, _look(actor, certificate, [*face, "holder"]))
    public = certificate.public_fields
    masked = {k: v if k in public else mask_value(v) for k, v in face.items()}
    return {"holder": {"name": mask_name(name), "code": mask_id_number(code)}, "fields": masked}


async def read_document(session: AsyncSession, actor: Actor, code: str) -> str:
    """The signed document (compact JWS), for its holder."""
    certificate = await get_certificate(session, actor, code)
    return context(session).vault.decrypt(certificate.document)


async def change_status(
    session: AsyncSession, actor: Actor, code: str, action: Action, reason: str
) -> Certificate:
    # Locked before reading the status: two officers may act at once.
    certificate = await get_certificate(session, actor, code, for_update=True)
    ensure_may_change(actor, certificate)
    certificate.move(action)
    session.add(
        CertificateEntry(
            entry_id=clock.new_id(),
            certificate_id=certificate.certificate_id,
            action=action,
            reason=reason,
            actor_id=actor.id,
            at=clock.now(),
        )
    )
    return certificate


async def verify(session: AsyncSession, code: str) -> tuple[str, str | None, Certificate | None]:
    """Status, the reason when it is `unknown`, and the certificate; never anything personal."""
    settings = context(session).settings
    assert isinstance(settings, ExchangeSettings)
    if codes.parse(code, settings.certificate_root) is None:
        return "unknown", "malformed", None
    certificate = await find_by_code(session, code)
    if certificate is None:
        return "unknown", "not_issued_here", None
    return certificate.status_on(clock.today()), None, certificate


def _look(actor: Actor, certificate: Certificate, fields: list[str]) -> Look:
    return Look(
        footprint_id=clock.new_id(),
        person_id=certificate.person_id,
        at=clock.now(),
        department_code=actor.department,
        department_name=None,
        post=actor.post or " ".join(sorted(actor.roles)),
        actor_id=actor.id,
        fields=fields,
        case_id=certificate.case_id,
        case_no=certificate.case_no,
        ground="查阅电子证照",
    )
