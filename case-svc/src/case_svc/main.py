"""The case service, composed: rooms, subscriptions, events, loops."""

from case_svc.cases import events
from case_svc.cases import subscriptions as case_subscriptions
from case_svc.cases.models import Case
from case_svc.cases.queries.cases import may_see_file
from case_svc.cases.routes import case_routes
from case_svc.cases.usecases import overdue
from case_svc.cases.usecases.calendar import seed_calendar
from case_svc.cases.usecases.footprints import record_file_read
from case_svc.cases.usecases.restating import restate
from case_svc.files.routes import file_routes
from case_svc.files.usecases import sweep_uploads
from case_svc.items import subscriptions as item_subscriptions
from case_svc.parties import subscriptions as party_subscriptions
from case_svc.ratings.events import CaseRated
from case_svc.ratings.queries import rating_actions
from case_svc.ratings.routes import router as rating_router
from case_svc.settings import CaseSettings
from case_svc.supervision.routes import router as supervision_router
from case_svc.supervision.usecases import write_warnings
from case_svc.tables import Base
from chassis.service import Copied, Loop, Service

METADATA = Base.metadata


def create_service(settings: CaseSettings | None = None) -> Service:
    """Everything this service is; without settings they come from the environment."""
    settings = settings or CaseSettings()
    every = settings.loop_seconds
    return Service(
        name="case",
        settings=settings,
        routers=[
            case_routes(more_actions=rating_actions),
            file_routes(may_see=may_see_file, witness=record_file_read),
            rating_router,
            supervision_router,
        ],
        subscriptions=[
            case_subscriptions.subscriptions,
            item_subscriptions.subscriptions,
            party_subscriptions.subscriptions,
        ],
        metadata=METADATA,
        events=[
            events.CaseSubmitted,
            events.CaseRestated,
            events.CaseAccepted,
            events.CorrectionRequested,
            events.CaseCorrected,
            events.CaseNotAccepted,
            events.CaseSuspended,
            events.CaseResumed,
            events.CaseExtended,
            events.CaseReviewed,
            events.CaseDecided,
            events.CaseFinished,
            events.CaseWithdrawn,
            events.CaseReturned,
            events.CertificateClaimed,
            events.FootprintRecorded,
            CaseRated,
        ],
        migrations="case_svc:migrations",
        loops=[
            Loop("deem overdue cases accepted", every, overdue.deem_overdue_accepted),
            Loop("end overdue corrections", every, overdue.end_overdue_corrections),
            Loop("end overdue promises", every, overdue.end_overdue_promises),
            Loop("sweep file uploads", 600, sweep_uploads),
            Loop("write warnings", 300, write_warnings),
        ],
        republish=[Copied(Case, restate)],
        signs=True,
        startup=[seed_calendar],
    )
