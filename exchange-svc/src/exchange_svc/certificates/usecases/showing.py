"""Read, verify and change certificates."""

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession, process_of
from chassis.preconditions import ensure_match
from chassis.vault import mask_id_number, mask_name, mask_value
from exchange_svc.calls.usecases.accesses import Access, record_access
from exchange_svc.certificates.models import Certificate, CertificateEntry
from exchange_svc.certificates.policies import ensure_may_change
from exchange_svc.certificates.queries import claim_shown_to, find_by_code, get_certificate
from exchange_svc.certificates.rules import codes
from exchange_svc.certificates.rules.validity import Action
from exchange_svc.settings import exchange_settings


async def read_face(
    session: WriteSession, actor: Actor, certificate: Certificate
) -> dict[str, Any]:
    """Holder and face: in full for the holder; for staff masked, and the access is recorded."""
    vault = process_of(session).vault
    name = vault.decrypt(certificate.holder_name)
    code = vault.decrypt(certificate.holder_code)
    face: dict[str, Any] = json.loads(vault.decrypt(certificate.face))
    if actor.kind == "citizen":
        return {"holder": {"name": name, "code": code}, "fields": face}
    access = await _staff_access(session, actor, certificate, ["holder", *face])
    await record_access(session, access, subject=certificate.code)
    if certificate.company_id is None:  # a company's name and credit code are public
        name, code = mask_name(name), mask_id_number(code)
    public = certificate.public_fields
    fields = {key: value if key in public else _mask(value) for key, value in face.items()}
    return {"holder": {"name": name, "code": code}, "fields": fields}


def _mask(value: Any) -> Any:
    if isinstance(value, list):
        return [_mask(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _mask(member) for name, member in value.items()}
    if value is None or isinstance(value, bool):
        return "*"  # mask_value keeps the first letter, which would reveal it
    return mask_value(value)


async def _staff_access(
    session: WriteSession, actor: Actor, certificate: Certificate, fields: list[str]
) -> Access:
    """Justified by the issuer's duty, or by the case in which the certificate was claimed."""
    case_id, case_no = certificate.case_id, certificate.case_no
    ground = "颁发机构依职责查阅本部门颁发的电子证照"
    if actor.department != certificate.issuer_code:
        claim = await claim_shown_to(session, actor.department, certificate)
        assert claim is not None  # otherwise the certificate would not be visible
        case_id, case_no = claim.case_id, claim.case_no
        ground = "办理以该电子证照代替材料的申请"
    return Access(
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
    return process_of(session).vault.decrypt(certificate.document)


async def change_status(
    session: WriteSession,
    actor: Actor,
    code: str,
    action: Action,
    *,
    reason: str,
    match: str | None,
) -> Certificate:
    # Locked, because two officers may act at once.
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
    """The status, the reason for `unknown`, and the certificate, whoever asks."""
    fault = codes.fault_of(code, exchange_settings(session).certificate_root)
    if fault is not None:
        return "unknown", fault.value, None
    certificate = await find_by_code(session, code)
    if certificate is None:
        return "unknown", "not_issued_here", None
    return certificate.status_on(clock.today()).value, None, certificate
