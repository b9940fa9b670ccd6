"""The settings of the gateway, read from the environment."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ONENET_", frozen=True, extra="ignore")

    issuer: str = Field(description="The gateway's public address; also the token issuer")
    keys_url: str = Field(description="Token keys: {identity}/.well-known/jwks.json")
    nats_url: str = Field(description="NATS: invalidates the cache and feeds progress streams")
    catalog_url: str = Field(description="Address of the catalogue service")
    case_url: str = Field(description="Address of the case service")
    identity_url: str = Field(description="Address of the identity service")
    exchange_url: str = Field(description="Address of the exchange service")
    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8080, description="Port to listen on")
    listen_fd: int | None = Field(
        default=None,
        description="A listening socket handed down by whoever starts the process, beside the port",
    )
    drain_seconds: float = Field(
        default=0, description="When stopping: time to let kept connections go before closing them"
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR")
    otlp_url: str | None = Field(
        default=None, description="OpenTelemetry collector; none, no traces"
    )
    trusted_proxies: str = Field(
        default="",
        description="Networks whose X-Forwarded-For is believed; from others it is dropped",
    )
    deadline_seconds: float = Field(default=30, description="Longest wait for an ordinary answer")
    upload_deadline_seconds: float = Field(default=120, description="Longest wait for an upload")
    body_bytes: int = Field(default=1024 * 1024, description="Largest ordinary request body")
    upload_bytes: int = Field(default=55 * 1024 * 1024, description="Largest upload")
    upstream_concurrency: int = Field(
        default=64, description="Requests under way to one service; more are answered with 503"
    )
    concurrency: int = Field(
        default=512, description="Requests under way to all services; more are answered with 503"
    )
    client_concurrency: int = Field(
        default=32, description="Requests of one client under way; more are answered with 429"
    )
    upload_concurrency: int = Field(
        default=64,
        description="Bodies over 64 KiB on their way to services; more are answered with 503",
    )
    client_upload_concurrency: int = Field(
        default=6, description="The same, of one client; more are answered with 429"
    )
    cache_bytes: int = Field(default=32 * 1024 * 1024, description="Memory for cached public reads")
    stream_limit: int = Field(default=500, description="Live progress streams at once")
    stream_limit_per_client: int = Field(
        default=10, description="Live progress streams of one client at once"
    )
    read_rate: float = Field(default=100, description="Reads per second and client; 0: no limit")
    read_burst: int = Field(default=400, description="Reads at once per client")
    write_rate: float = Field(default=100, description="Writes per second and client; 0: no limit")
    write_burst: int = Field(default=400, description="Writes at once per client")
    entry_rate: float = Field(
        default=20, description="Sign-ins, tokens and registrations per second and client"
    )
    entry_burst: int = Field(default=400, description="The same, at once")
    progress_rate: float = Field(
        default=1, description="Progress queries by case number per second and client"
    )
    progress_burst: int = Field(default=60, description="The same, at once")
    metrics_from: str = Field(
        default="127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",
        description="Networks that may read /metrics; for others it does not exist",
    )
    grace_seconds: int = Field(default=20, description="Time to finish requests when stopping")

    def upstreams(self) -> dict[str, str]:
        return {
            "catalog": self.catalog_url,
            "case": self.case_url,
            "identity": self.identity_url,
            "exchange": self.exchange_url,
        }
