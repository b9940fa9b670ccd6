"""`python -m gateway serve`."""

import typer
import uvicorn

from chassis import telemetry
from gateway.main import create_app
from gateway.settings import GatewaySettings

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@cli.callback()
def gateway() -> None:
    """The edge of One-Network."""


@cli.command()
def serve() -> None:
    """Answer requests until stopped."""
    settings = GatewaySettings()
    telemetry.configure("gateway", level=settings.log_level, otlp_url=settings.otlp_url)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=settings.grace_seconds,
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=65_536,
    )


cli()
