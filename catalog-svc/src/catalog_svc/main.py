"""The composition root of the catalogue: rooms, subscriptions, events and loops."""

from catalog_svc.interchange.routes import router as interchange
from catalog_svc.interchange.usecases import run_imports
from catalog_svc.items.events import EVENTS
from catalog_svc.items.models import Item
from catalog_svc.items.routes import router as items
from catalog_svc.items.subscriptions import subscriptions as items_subscriptions
from catalog_svc.items.usecases.publishing import publish_state
from catalog_svc.lists.routes import router as lists
from catalog_svc.settings import CatalogSettings
from catalog_svc.tables import Base
from chassis.service import Copied, Loop, Service

METADATA = Base.metadata


def create_service(settings: CatalogSettings | None = None) -> Service:
    return Service(
        name="catalog",
        settings=settings or CatalogSettings(),
        routers=[interchange, lists, items],
        subscriptions=[items_subscriptions],
        metadata=METADATA,
        events=EVENTS,
        migrations="catalog_svc:migrations",
        loops=[Loop("imports", every=0.3, run=run_imports)],
        republish=[Copied(Item, publish_state)],
    )
