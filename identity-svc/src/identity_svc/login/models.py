"""Tables of this room.

Of codes, refresh tokens and client secrets only a SHA-256 is stored: they are random, so they need
no slower hash.
"""

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis import clock
from identity_svc.tables import Base


def digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


class Client(Base):
    """An application, or a department's system; `onenet-web` exists from the first start."""

    __tablename__ = "oauth_client"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    client_id: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    secret_digest: Mapped[bytes | None]
    redirect_uris: Mapped[list[str]] = mapped_column(ARRAY(Text))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    department_code: Mapped[str | None] = mapped_column(ForeignKey("department.code"))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)

    @property
    def is_public(self) -> bool:
        return self.secret_digest is None


class SignIn(Base):
    """A sign-in of an account to a client; its tokens end with it."""

    __tablename__ = "sign_in"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    client_id: Mapped[str] = mapped_column(Text)
    scope: Mapped[str] = mapped_column(Text)
    nonce: Mapped[str | None] = mapped_column(Text)
    signed_in_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_reason: Mapped[str | None] = mapped_column(Text)

    def end(self, reason: str) -> None:
        if self.ended_at is None:
            self.ended_at = clock.now()
            self.end_reason = reason


class AuthorizationCode(Base):
    __tablename__ = "authorization_code"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    sign_in_id: Mapped[UUID] = mapped_column(ForeignKey("sign_in.id", ondelete="CASCADE"))
    redirect_uri: Mapped[str] = mapped_column(Text)
    challenge: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class RefreshToken(Base):
    __tablename__ = "refresh_token"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    sign_in_id: Mapped[UUID] = mapped_column(
        ForeignKey("sign_in.id", ondelete="CASCADE"), index=True
    )
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SignInAttempt(Base):
    """An attempt to sign in; `succeeded` is NULL until the password has been verified.

    The name is stored as a keyed hash only, because it may be a password typed in the wrong field.
    """

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        Index("ix_sign_in_attempt_name", "name_digest", "address", "tried_at"),
        Index("ix_sign_in_attempt_address", "address", "tried_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    name_digest: Mapped[bytes]
    address: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID | None]
    succeeded: Mapped[bool | None]
    tried_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)


class PublishedKey(Base):
    """Public halves of the keys other services sign receipts and certificates with."""

    __tablename__ = "published_key"

    kid: Mapped[str] = mapped_column(Text, primary_key=True)
    producer: Mapped[str] = mapped_column(Text)
    jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
