"""`python -m gateway serve`."""

import typer

from chassis import telemetry
from chassis.http.server import listening_sockets
from gateway.main import create_app
from gateway.server import server_of
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
    server = server_of(settings, create_app(settings))
    server.run(listening_sockets(server.config, settings.listen_fd))


if __name__ == "__main__":
    cli()
