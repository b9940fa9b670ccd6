"""The command line of every service: serve, worker, migrate, openapi, asyncapi, revision."""

import asyncio
import json
import signal
from collections.abc import Callable
from typing import Annotated

import typer
import uvicorn

from chassis import migrations, telemetry, worker
from chassis.app import build_app, describe_events
from chassis.db import open_context
from chassis.service import Service
from chassis.settings import ServiceSettings

Create = Callable[..., Service]

GRACE_SECONDS = 20


def commands(create_service: Create) -> typer.Typer:
    """The typer application; a service may add commands of its own to it."""
    cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    @cli.command()
    def serve() -> None:
        """Answer requests (and run the worker inside, unless ONENET_WORKER=false)."""
        serve_forever(create_service())

    @cli.command("worker")
    def run_worker() -> None:
        """Run relay, consumers and loops without answering requests."""
        service = create_service()
        _configure(service)
        asyncio.run(_work(service))

    @cli.command()
    def migrate() -> None:
        """Bring the database to the newest revision, as its owner role."""
        service = create_service()
        url = service.settings.migration_database_url or service.settings.database_url
        migrations.upgrade(service.migrations, url.get_secret_value())

    @cli.command()
    def openapi() -> None:
        """Print the OpenAPI document."""
        document = build_app(create_service(offline_settings(create_service))).openapi()
        print(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True))  # noqa: T201

    @cli.command()
    def asyncapi() -> None:
        """Print the AsyncAPI document."""
        document = describe_events(create_service(offline_settings(create_service)))
        print(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True))  # noqa: T201

    @cli.command()
    def revision(
        message: Annotated[str, typer.Argument(help="What changes, in a few words")],
    ) -> None:
        """Write a migration from the difference between the models and the newest revision."""
        from chassis.testing.servers import scratch_postgres

        service = create_service(offline_settings(create_service))
        with scratch_postgres() as url:
            migrations.upgrade(service.migrations, url)
            migrations.write_revision(service.migrations, url, message)

    return cli


def main(create_service: Create) -> None:
    commands(create_service)()


def serve_forever(service: Service) -> None:
    settings = service.settings
    _configure(service)
    uvicorn.run(
        build_app(service),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        proxy_headers=True,
        forwarded_allow_ips="*",
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=75,
    )


def offline_settings(create_service: Create) -> ServiceSettings:
    """Settings that reach nothing, for commands that only describe the service."""
    from chassis.testing.settings import settings_of

    return settings_of(create_service)


def _configure(service: Service) -> None:
    settings = service.settings
    telemetry.configure(service.name, level=settings.log_level, otlp_url=settings.otlp_url)


async def _work(service: Service) -> None:
    here = open_context(service.name, service.settings)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with worker.running(service, here, alone=True):
        await stopped.wait()
    await here.engine.dispose()
