"""Reactions to other services: their signing keys are served beside ours."""

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consumer import Received, Subscriptions
from chassis.events import SigningKeyPublished, service_of
from identity_svc.login.usecases import keys

subscriptions = Subscriptions(copies=True)


@subscriptions.on("case.signing_key.published.v1", SigningKeyPublished)
@subscriptions.on("exchange.signing_key.published.v1", SigningKeyPublished)
async def on_signing_key_published(
    session: AsyncSession, event: Received[SigningKeyPublished]
) -> None:
    """Receipts and certificates can be checked as soon as their key is here."""
    await keys.keep_key(
        session,
        producer=service_of(event.type),
        kid=event.data.kid,
        jwk=event.data.jwk,
        retired_at=event.data.retired_at,
    )
