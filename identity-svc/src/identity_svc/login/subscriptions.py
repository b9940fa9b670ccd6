"""Reactions to other services: their signing keys are published beside ours."""

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
    """Publish the key, so that receipts or certificates can be verified."""
    await keys.store_key(
        session,
        producer=service_of(event.type),
        kid=event.data.kid,
        jwk=event.data.jwk,
        retired_at=event.data.retired_at,
    )
