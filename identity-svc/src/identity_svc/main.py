"""The composition of the identity service."""

from chassis.service import Copied, Loop, Service
from identity_svc.inbox import routes as inbox
from identity_svc.inbox.subscriptions import subscriptions as inbox_subscriptions
from identity_svc.login import routes as login
from identity_svc.login.subscriptions import subscriptions as login_subscriptions
from identity_svc.login.usecases.clients import ensure_web_client
from identity_svc.login.usecases.keys import accept_own_keys, delete_old
from identity_svc.mandates import routes as mandates
from identity_svc.mandates.events import MandateChanged
from identity_svc.mandates.models import Mandate
from identity_svc.mandates.usecases import (
    appoint_legal_representative,
    expire_mandates,
    publish_mandate,
)
from identity_svc.orgs import routes as orgs
from identity_svc.orgs.events import DepartmentChanged, RegionChanged, StaffChanged
from identity_svc.orgs.models import Department, Region, Staff
from identity_svc.orgs.usecases.departments import publish_department
from identity_svc.orgs.usecases.regions import publish_region
from identity_svc.orgs.usecases.staff import publish_staff
from identity_svc.people import routes as people
from identity_svc.people.events import CompanyChanged, PersonChanged, PersonRegistered
from identity_svc.people.models import Company, Person
from identity_svc.people.usecases import publish_company, publish_person
from identity_svc.settings import IdentitySettings
from identity_svc.tables import Base

METADATA = Base.metadata  # complete once the rooms above are imported


def create_service(settings: IdentitySettings | None = None) -> Service:
    return Service(
        name="identity",
        settings=settings or IdentitySettings(),  # from the environment
        routers=(
            inbox.router,
            login.router,
            mandates.router,
            people.build_router(appoint=appoint_legal_representative),
            orgs.router,
            orgs.staged,
        ),
        subscriptions=(inbox_subscriptions, login_subscriptions),
        metadata=METADATA,
        events=(
            RegionChanged,
            DepartmentChanged,
            StaffChanged,
            PersonRegistered,
            PersonChanged,
            CompanyChanged,
            MandateChanged,
        ),
        migrations="identity_svc:migrations",
        loops=(
            Loop("expire mandates", 60, expire_mandates),
            Loop("delete old sign-ins", 3600, delete_old),
        ),
        republish=(
            Copied(Region, publish_region),
            Copied(Department, publish_department),
            Copied(Staff, publish_staff),
            Copied(Person, publish_person),
            Copied(Company, publish_company),
            Copied(Mandate, publish_mandate),
        ),
        signs=True,
        startup=(ensure_web_client, accept_own_keys),
    )
