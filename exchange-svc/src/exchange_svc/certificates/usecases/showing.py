"""Show a certificate, and change what it is worth."""

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import Actor
from chassis.preconditions import ensure_match
from chassis.settings import context
from chassis.vault import mask_id_number, mask_name, mask_value
from exchange_svc.calls.usecases.looks import Look, record_look
from exchange_svc.certificates.models import Certificate, CertificateEntry
from exchange_svc.certificates.policies import ensure_may_change
from exchange_svc.certificates.queries import claim_shown_to, find_by_code, get_certificate
from exchange_svc.certificates.rules import codes
from exchange_svc.certificates.rules.validity import Action
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
    look = await _look(session, actor, certificate, ["holder", *face])
    await record_look(session, look, seen=certificate.code)
    return {"holder": _masked_holder(certificate, name, code), "fields": _masked(certificate, face)}


def _masked_holder(certificate: Certificate, name: str, code: str) -> dict[str, str]:
    """A company's name and credit code are public."""
    if certificate.company_id is not None:
        return {"name": name, "code": code}
    return {"name": mask_name(name), "code": mask_id_number(code)}


def _masked(certificate: Certificate, face: dict[str, Any]) -> dict[str, Any]:
    public = certificate.public_fields
    return {name: one if name in public else _mask(one) for name, one in face.items()}


def _mask(value: Any) -> Any:
    if isinstance(value, list):
        return [_mask(one) for one in value]
    if isinstance(value, dict):
        return {name: _mask(one) for name, one in value.items()}
    if value is None or isinstance(value, bool):
        return "*"  # its first letter would tell it
    return mask_value(value)


async def _look(
    session: AsyncSession, actor: Actor, certificate: Certificate, fields: list[str]
) -> Look:
    """The ground is the case that brought the certificate to this department."""
    case_id, case_no = certificate.case_id, certificate.case_no
    ground = "颁发机构依职责查阅本部门颁发的电子证照"
    if actor.department != certificate.issuer_code:
        claim = await claim_shown_to(session, actor.department, certificate)
        assert claim is not None  # else the certificate would not have been visible
        case_id, case_no = claim.case_id, claim.case_no
        ground = "办理以该电子证照代替材料的申请"
    return Look(
        footprint_id=clock.new_id(),
        person_id=None if certificate.company_id else certificate.person_id,
        at=clock.now(),
        department_code=actor.department,
        department_name=None,
        post=actor.post or " ".join(sorted(actor.roles)) or actor.kind,
        actor_id=actor.id,
        fields=fields,
        case_id=case_id,
        case_no=case_no,
        ground=ground,
    )


async def read_document(session: AsyncSession, actor: Actor, code: str) -> str:
    """The signed document (compact JWS), for its holder."""
    certificate = await get_certificate(session, actor, code)
    return context(session).vault.decrypt(certificate.document)


async def change_status(
    session: AsyncSession,
    actor: Actor,
    code: str,
    action: Action,
    *,
    reason: str,
    match: str | None,
) -> Certificate:
    # Locked before reading the status: two officers may act at once.
    certificate = await get_certificate(session, actor, code, for_update=True)
    ensure_may_change(actor, certificate)
    ensure_match(match, certificate.version)
    certificate.move(action, clock.today())
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
    fault = codes.fault_of(code, settings.certificate_root)
    if fault is not None:
        return "unknown", fault.value, None
    certificate = await find_by_code(session, code)
    if certificate is None:
        return "unknown", "not_issued_here", None
    return certificate.status_on(clock.today()).value, None, certificate
