"""Issue what a decision grants: one certificate per result, never two."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.consumer import Later
from chassis.context import context
from chassis.outbox import record
from chassis.signing import sign
from exchange_svc.certificates import codes
from exchange_svc.certificates.events import CertificateIssued
from exchange_svc.certificates.models import Certificate, serial_numbers
from exchange_svc.certificates.queries import is_issued
from exchange_svc.certificates.validity import Status, add_months
from exchange_svc.parties.queries import find_company, find_person
from exchange_svc.settings import ExchangeSettings

DOCUMENT_TYPE = "onenet-certificate+jwt"


@dataclass(frozen=True)
class Result:
    """What a decision grants; `public_fields` name face fields anyone may see."""

    name: str
    type: str
    certificate_type: str | None
    validity_months: int | None
    public_fields: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    case_id: UUID
    case_no: str
    item_name: str
    person_id: UUID
    company_id: UUID | None
    department_code: str
    department_name: str
    region_code: str
    decided_on: date
    results: tuple[Result, ...]
    face: dict[str, Any]


@dataclass(frozen=True)
class Holder:
    name: str
    code: str


async def issue_certificates(session: AsyncSession, decision: Decision) -> None:
    """Raises Later while the holder's copy has not arrived."""
    holder = await _holder(session, decision)
    # Every grant issues at least the decision document.
    document = Result(f"{decision.item_name}决定书", "approval", None, None, ())
    for index, result in enumerate(decision.results or (document,)):
        if not await is_issued(session, decision.case_id, index):
            await _issue(session, decision, holder, index, result)


async def _holder(session: AsyncSession, decision: Decision) -> Holder:
    if decision.company_id is not None:
        company = await find_company(session, decision.company_id)
        if company is None:
            raise Later(f"company {decision.company_id} has not arrived")
        return Holder(company.name, company.uscc)
    person = await find_person(session, decision.person_id)
    if person is None:
        raise Later(f"person {decision.person_id} has not arrived")
    vault = context(session).vault
    return Holder(vault.decrypt(person.name), vault.decrypt(person.id_number))


async def _issue(
    session: AsyncSession, decision: Decision, holder: Holder, index: int, result: Result
) -> None:
    months = result.validity_months
    certificate = Certificate(
        certificate_id=clock.new_id(),
        code=await _new_code(session, decision, result),
        type_code=codes.type_of(result.certificate_type, _issuer(decision)),
        name=result.name,
        case_id=decision.case_id,
        case_no=decision.case_no,
        result_index=index,
        person_id=decision.person_id,
        company_id=decision.company_id,
        issuer_code=decision.department_code,
        issuer_name=decision.department_name,
        region_code=decision.region_code,
        issued_at=clock.now(),
        issued_on=decision.decided_on,
        valid_to=add_months(decision.decided_on, months) if months else None,
        status=Status.VALID,
        public_fields={
            name: str(decision.face[name]) for name in result.public_fields if name in decision.face
        },
        version=1,
    )
    await _seal(session, certificate, holder, decision.face)
    session.add(certificate)
    await record(session, _issued(certificate))


def _issuer(decision: Decision) -> str:
    return codes.issuer_of(decision.department_code, decision.region_code)


async def _new_code(session: AsyncSession, decision: Decision, result: Result) -> str:
    settings = context(session).settings
    assert isinstance(settings, ExchangeSettings)
    number = await session.scalar(serial_numbers)
    issuer = _issuer(decision)
    return codes.compose(
        settings.certificate_root,
        type_code=codes.type_of(result.certificate_type, issuer),
        issuer=issuer,
        serial=f"{decision.decided_on:%Y%m%d}{number:08d}",
        version=1,
    )


async def _seal(
    session: AsyncSession, certificate: Certificate, holder: Holder, face: dict[str, Any]
) -> None:
    """Fill the encrypted columns and sign the document the holder can show anywhere."""
    vault = context(session).vault
    document = await sign(
        session,
        {
            "code": certificate.code,
            "type": certificate.type_code,
            "name": certificate.name,
            "holder": {"name": holder.name, "code": holder.code},
            "issuer": {"code": certificate.issuer_code, "name": certificate.issuer_name},
            "issued_on": certificate.issued_on,
            "valid_to": certificate.valid_to,
            "case_no": certificate.case_no,
            "fields": face,
        },
        typ=DOCUMENT_TYPE,
    )
    certificate.holder_name = vault.encrypt(holder.name)
    certificate.holder_code = vault.encrypt(holder.code)
    certificate.face = vault.encrypt(json.dumps(face, ensure_ascii=False))
    certificate.document = vault.encrypt(document)


def _issued(certificate: Certificate) -> CertificateIssued:
    return CertificateIssued(
        certificate_id=certificate.certificate_id,
        code=certificate.code,
        case_id=certificate.case_id,
        certificate_type=certificate.type_code,
        name=certificate.name,
        person_id=certificate.person_id,
        company_id=certificate.company_id,
        issued_on=certificate.issued_on,
        valid_to=certificate.valid_to,
        version=certificate.version,
    )
