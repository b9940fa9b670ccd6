"""Routes of the OpenID provider: pages, tokens, discovery, and clients."""

from fastapi import APIRouter

from chassis.http.route import TransactionRoute
from identity_svc.login.routes import authorization, clients, discovery, tokens

router = APIRouter(route_class=TransactionRoute)
router.include_router(authorization.router)
router.include_router(authorization.staged)
router.include_router(tokens.router)
router.include_router(discovery.router)
router.include_router(clients.router)
