"""Reactions to other services: their signing keys are published beside ours."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from chassis.database.sessions import WriteSession
from chassis.events import service_of
from chassis.subscriptions import Received, Subscriptions
from identity_svc.login.usecases import keys

subscriptions = Subscriptions(copies=True)


class SigningKeyRead(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kid: str
    jwk: dict[str, str]
    retired_at: datetime | None = None


@subscriptions.on("case.signing_key.published.v1", SigningKeyRead)
@subscriptions.on("exchange.signing_key.published.v1", SigningKeyRead)
async def on_signing_key_published(session: WriteSession, event: Received[SigningKeyRead]) -> None:
    """Publish the key, so that receipts or certificates can be verified."""
    await keys.store_key(
        session,
        producer=service_of(event.type),
        kid=event.data.kid,
        jwk=event.data.jwk,
        retired_at=event.data.retired_at,
    )
