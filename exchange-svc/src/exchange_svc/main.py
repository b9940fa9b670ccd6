"""Composition root of the exchange service."""

from chassis.service import Service
from exchange_svc.calls.routes import query_router
from exchange_svc.calls.routes import router as calls
from exchange_svc.calls.subscriptions import links
from exchange_svc.calls.subscriptions import subscriptions as accesses
from exchange_svc.certificates.events import CertificateIssued, ClaimChecked
from exchange_svc.certificates.routes import router as certificates
from exchange_svc.certificates.subscriptions import subscriptions as decisions
from exchange_svc.certificates.usecases.sharing import shared_records
from exchange_svc.directory.routes import router as directory
from exchange_svc.grants.routes import router as grants
from exchange_svc.parties.subscriptions import subscriptions as parties
from exchange_svc.settings import ExchangeSettings
from exchange_svc.tables import Base

METADATA = Base.metadata


def create_service(settings: ExchangeSettings | None = None) -> Service:
    return Service(
        name="exchange",
        settings=settings or ExchangeSettings(),
        routers=[certificates, query_router(shared_records), calls, grants, directory],
        subscriptions=[parties, accesses, links, decisions],
        metadata=METADATA,
        events=[CertificateIssued, ClaimChecked],
        migrations="exchange_svc:migrations",
        signs=True,
    )
