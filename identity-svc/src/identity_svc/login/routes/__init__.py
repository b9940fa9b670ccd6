"""Routes of the OpenID provider: pages, tokens, discovery, and clients."""

from fastapi import APIRouter

from identity_svc.login.routes import authorization, clients, discovery, tokens

router = APIRouter()
router.include_router(authorization.router)
router.include_router(tokens.router)
router.include_router(discovery.router)
router.include_router(clients.router)
