"""Issue the certificates that a decision grants: exactly one per result."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from chassis import clock
from chassis.database.sessions import WriteSession, process_of
from chassis.outbox import record
from chassis.signing import sign
from chassis.subscriptions import Later
from exchange_svc.certificates.events import CertificateIssued
from exchange_svc.certificates.models import Certificate
from exchange_svc.certificates.queries import is_issued
from exchange_svc.certificates.rules import codes
from exchange_svc.certificates.rules.validity import Status, last_day
from exchange_svc.parties.models import Company, Person
from exchange_svc.settings import exchange_settings

DOCUMENT_TYPE = "onenet-certificate+jwt"
NO_RESULT = "none"


@dataclass(frozen=True)
class Result:
    """One result of a decision; anyone may see the face fields in `public_fields`."""

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
    item_code: str
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


async def issue_certificates(session: WriteSession, decision: Decision) -> None:
    """Raises Later while the copy of the holder has not arrived."""
    holder = await _holder(session, decision)
    for index, result in results_due(decision):
        # The index identifies a result, not the event: the same decision may be published again.
        if await is_issued(session, decision.case_id, index):
            continue
        certificate = _new_certificate(session, decision, index, result)
        await _seal(session, certificate, holder, decision.face)
        session.add(certificate)
        event = CertificateIssued(
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
        await record(session, event)


def results_due(decision: Decision) -> list[tuple[int, Result]]:
    """Each result with its index; a grant without results still issues its decision document."""
    due = [(at, result) for at, result in enumerate(decision.results) if result.type != NO_RESULT]
    document = Result(f"{decision.item_name}准予决定书", "approval", None, None, ())
    return due or [(0, document)]


async def _holder(session: WriteSession, decision: Decision) -> Holder:
    if decision.company_id is not None:
        company = await session.get(Company, decision.company_id)
        if company is None:
            raise Later(f"company {decision.company_id} has not arrived")
        return Holder(company.name, company.uscc)
    person = await session.get(Person, decision.person_id)
    if person is None:
        raise Later(f"person {decision.person_id} has not arrived")
    vault = process_of(session).vault
    return Holder(vault.decrypt(person.name), vault.decrypt(person.id_number))


def _new_certificate(
    session: WriteSession, decision: Decision, index: int, result: Result
) -> Certificate:
    issuer = codes.issuer_of(decision.department_code, decision.region_code)
    type_code = codes.type_of(result.certificate_type, issuer)
    # Random digits: with consecutive serials anyone could enumerate the register.
    serial = f"{decision.decided_on:%Y%m%d}{clock.random_digits(12)}"
    root = exchange_settings(session).certificate_root
    return Certificate(
        certificate_id=clock.new_id(),
        code=codes.compose(root, type_code=type_code, issuer=issuer, serial=serial, version=1),
        type_code=type_code,
        name=result.name,
        case_id=decision.case_id,
        case_no=decision.case_no,
        result_index=index,
        item_code=decision.item_code,
        item_name=decision.item_name,
        person_id=decision.person_id,
        company_id=decision.company_id,
        issuer_code=decision.department_code,
        issuer_name=decision.department_name,
        region_code=decision.region_code,
        issued_at=clock.now(),
        issued_on=decision.decided_on,
        valid_from=decision.decided_on,
        valid_to=last_day(decision.decided_on, result.validity_months),
        status=Status.VALID,
        public_fields={
            name: decision.face[name] for name in result.public_fields if name in decision.face
        },
        version=1,
    )


async def _seal(
    session: WriteSession, certificate: Certificate, holder: Holder, face: dict[str, Any]
) -> None:
    """Fill the encrypted columns, among them the signed document for the holder."""
    process = process_of(session)
    document = await sign(
        session,
        {
            "iss": process.settings.issuer,
            "iat": int(certificate.issued_at.timestamp()),
            "code": certificate.code,
            "type": certificate.type_code,
            "name": certificate.name,
            "holder": {"name": holder.name, "code": holder.code},
            "issuer": {"code": certificate.issuer_code, "name": certificate.issuer_name},
            "issued_on": certificate.issued_on,
            "valid_from": certificate.valid_from,
            "valid_to": certificate.valid_to,
            "case_no": certificate.case_no,
            "fields": face,
        },
        typ=DOCUMENT_TYPE,
    )
    vault = process.vault
    certificate.holder_name = vault.encrypt(holder.name)
    certificate.holder_code = vault.encrypt(holder.code)
    certificate.face = vault.encrypt(json.dumps(face, ensure_ascii=False))
    certificate.document = vault.encrypt(document)
