"""Events of `exchange`: a certificate was issued for a case."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from case_svc.handling.usecases.decision import Issued, keep_certificate
from chassis.database.sessions import WriteSession
from chassis.subscriptions import Received, Subscriptions

subscriptions = Subscriptions()


class CertificateRead(BaseModel):
    model_config = ConfigDict(extra="ignore")

    certificate_id: UUID
    code: str
    case_id: UUID
    certificate_type: str
    name: str
    issued_on: date
    valid_to: date | None


@subscriptions.on("exchange.certificate_issued.v1", CertificateRead)
async def on_certificate_issued(session: WriteSession, event: Received[CertificateRead]) -> None:
    certificate = event.data
    issued = Issued(
        certificate_id=certificate.certificate_id,
        code=certificate.code,
        type=certificate.certificate_type,
        name=certificate.name,
        issued_on=certificate.issued_on,
        valid_to=certificate.valid_to,
    )
    await keep_certificate(session, certificate.case_id, issued)
