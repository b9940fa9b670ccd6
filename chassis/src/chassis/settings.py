"""Settings every service has, from the environment.

Nothing here has a secret as its default, and nothing reads the environment at import.
"""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ONENET_", frozen=True, extra="ignore")

    database_url: SecretStr = Field(
        description="The service's own database, as its app role: postgresql://user:secret@host/db"
    )
    migration_database_url: SecretStr | None = Field(
        default=None, description="The same database as its owner role; only `migrate` needs it"
    )
    nats_url: str = Field(description="NATS with JetStream: nats://host:4222")
    files_url: str = Field(description="Object storage: file:///folder or s3://bucket/prefix")
    issuer: str = Field(description="Public address of the gateway; also the token issuer")
    keys_url: str = Field(
        description="Where token keys come from: {identity}/.well-known/jwks.json"
    )
    vault_keys: SecretStr = Field(
        description="Column encryption keys, `id:base64,id:base64`, 32 bytes each, current first"
    )
    seal_keys: SecretStr = Field(
        default=SecretStr("{}"),
        description='Keys of sealed members: {"identity>case": {"k1": "<base64>"}}, newest last',
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8000, description="Port to listen on")
    listen_fd: int | None = Field(
        default=None,
        description="A listening socket handed down by whoever starts the process, beside the port",
    )
    drain_seconds: float = Field(
        default=0, description="When stopping: time to let kept connections go before closing them"
    )
    worker: bool = Field(
        default=True, description="Run relay, consumers and loops inside the api process"
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    otlp_url: str | None = Field(
        default=None,
        description="OpenTelemetry collector (OTLP over HTTP); none switches traces off",
    )
    pool_size: int = Field(
        default=10,
        ge=4,
        description="Database connections per process, at times twice as many; a worker holds one"
        " for its relay and one for each service it reads from",
    )
    stream_replicas: int = Field(
        default=1, ge=1, le=5, description="Copies of the event stream; 3 on three NATS servers"
    )
    event_retention_days: int = Field(
        default=14,
        description="Days a published event row is kept, so that it can be published again",
    )
    stream_retention_days: int = Field(
        default=366, description="Days an event stays in its stream, for consumers and rebuilds"
    )
    idempotency_hours: int = Field(
        default=24, description="Hours an Idempotency-Key and its answer are kept"
    )
