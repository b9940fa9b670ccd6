"""Certificates as the source behind a shared resource."""

import json
from typing import Any

from chassis import clock
from chassis.database.sessions import WriteSession, process_of
from exchange_svc.calls.rules.questions import RecordRequest
from exchange_svc.certificates.queries import held_of_type


async def shared_records(session: WriteSession, request: RecordRequest) -> list[dict[str, Any]]:
    """The subject's certificates of the type that the provider itself issued, newest first."""
    certificates = await held_of_type(
        session,
        type_code=request.certificate_type,
        issuer_code=request.provider_code,
        person_id=request.person_id,
        company_id=request.company_id,
        code=request.certificate_code,
    )
    vault = process_of(session).vault
    # The face comes first, so that none of its fields can replace one of the register.
    return [
        json.loads(vault.decrypt(certificate.face))
        | {
            "code": certificate.code,
            "name": certificate.name,
            "status": certificate.status_on(clock.today()).value,
            "issued_on": certificate.issued_on.isoformat(),
            "valid_to": certificate.valid_to.isoformat() if certificate.valid_to else None,
            "holder_name": vault.decrypt(certificate.holder_name),
            "holder_code": vault.decrypt(certificate.holder_code),
        }
        for certificate in certificates
    ]
