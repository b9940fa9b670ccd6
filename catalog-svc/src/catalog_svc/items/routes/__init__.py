"""The routes of the item room: what the public reads, what administrators do."""

from fastapi import APIRouter

from catalog_svc.items.routes import base_items, drafts, managing, public

router = APIRouter(prefix="/api/v1")
for part in (public, drafts, managing, base_items):
    router.include_router(part.router)
