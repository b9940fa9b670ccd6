"""Requests and answers about clients."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from identity_svc.login.models import Client

Scope = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.:-]{0,60}$")]


class ClientIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    department_code: Annotated[str, Field(max_length=60)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)] = ["exchange"]


class ClientOut(BaseModel):
    client_id: str
    name: str
    public: bool
    redirect_uris: list[str]
    scopes: list[str]
    department_code: str | None
    active: bool
    created_at: datetime

    @classmethod
    def of(cls, client: Client) -> "ClientOut":
        return cls(
            client_id=client.client_id,
            name=client.name,
            public=client.is_public,
            redirect_uris=client.redirect_uris,
            scopes=client.scopes,
            department_code=client.department_code,
            active=client.active,
            created_at=client.created_at,
        )


class ClientWithSecretOut(ClientOut):
    """The secret is shown only in this answer; its hash alone is stored."""

    client_secret: str

    @classmethod
    def with_secret(cls, client: Client, secret: str) -> "ClientWithSecretOut":
        return cls(**ClientOut.of(client).model_dump(), client_secret=secret)
