"""The case service, composed: rooms, subscriptions, events, loops."""

from case_svc.cases import events as case_events
from case_svc.cases.models import Case
from case_svc.cases.usecases import publish_state, recompute_year
from case_svc.clocks.routes import calendar_routes
from case_svc.clocks.usecases import seed_calendar
from case_svc.files.routes import file_routes
from case_svc.files.usecases import sweep_uploads
from case_svc.handling import subscriptions as handling_subscriptions
from case_svc.handling.routes import cases as handling_cases
from case_svc.handling.routes import tasks as handling_tasks
from case_svc.handling.usecases.acceptance import deem_overdue_accepted
from case_svc.intake import routes as intake
from case_svc.intake import subscriptions as intake_subscriptions
from case_svc.intake.usecases import correction
from case_svc.items import subscriptions as item_subscriptions
from case_svc.parties import subscriptions as party_subscriptions
from case_svc.ratings.events import CaseRated
from case_svc.ratings.policies import rating_actions
from case_svc.ratings.routes import router as rating_router
from case_svc.settings import CaseSettings
from case_svc.supervision.routes import router as supervision_router
from case_svc.supervision.usecases import write_warnings
from case_svc.tables import Base
from case_svc.views.routes import cases as case_views
from case_svc.views.routes import tasks as task_views
from case_svc.views.routes.actions import case_routes
from case_svc.views.usecases.detail import find_file_access, record_file_access
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
            case_routes(
                intake.router, case_views.router, handling_cases.router, more_actions=rating_actions
            ),
            task_views.router,
            handling_tasks.router,
            calendar_routes(recompute=recompute_year),
            file_routes(find_access=find_file_access, record_access=record_file_access),
            rating_router,
            supervision_router,
        ],
        subscriptions=[
            intake_subscriptions.subscriptions,
            handling_subscriptions.subscriptions,
            item_subscriptions.subscriptions,
            party_subscriptions.subscriptions,
        ],
        metadata=METADATA,
        events=(*case_events.EVENTS, CaseRated),
        migrations="case_svc:migrations",
        loops=[
            Loop("deem overdue cases accepted", every, deem_overdue_accepted),
            Loop("end overdue corrections", every, correction.end_overdue_corrections),
            Loop("end overdue promises", every, correction.end_overdue_promises),
            Loop("sweep file uploads", 600, sweep_uploads),
            Loop("write warnings", 300, write_warnings),
        ],
        republish=[Copied(Case, publish_state)],
        signs=True,
        startup=[seed_calendar],
    )
