"""The command line of every service: serve, worker, migrate, openapi, asyncapi, repairs."""

import asyncio
import json
import signal
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
import uvloop

from chassis import telemetry
from chassis.database import migrations
from chassis.database.sessions import transaction
from chassis.http import operations, server
from chassis.http.application import build_app, describe_events
from chassis.messaging import republication, worker
from chassis.process import open_process
from chassis.service import Service
from chassis.settings import ServiceSettings

Create = Callable[..., Service]


def commands(create_service: Create) -> typer.Typer:
    """The typer application; a service may add commands of its own to it."""
    cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    @cli.command()
    def serve() -> None:
        """Answer requests (and run the worker inside, unless ONENET_WORKER=false)."""
        service = create_service()
        _configure(service)
        server.serve(build_app(service), service.settings)

    @cli.command("worker")
    def run_worker() -> None:
        """Run relay, consumers and loops without answering requests."""
        service = create_service()
        _configure(service)
        uvloop.run(_work(service))

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

    _add_repairs(cli, create_service)
    return cli


def _add_repairs(cli: typer.Typer, create_service: Create) -> None:
    @cli.command()
    def republish() -> None:
        """Publish the present state of all that others copy once more, through the worker."""
        service = create_service()
        _configure(service)
        uvloop.run(_republish(service))

    @cli.command()
    def rebuild(
        producer: Annotated[str, typer.Option(help="The service whose events are read again")],
        event_type: Annotated[str | None, typer.Option("--type", help="Only this type")] = None,
    ) -> None:
        """Read a producer's events again and renew the copies."""
        service = create_service()
        _configure(service)
        uvloop.run(_rebuild(service, operations.RebuildIn(producer=producer, type=event_type)))


def main(create_service: Create) -> None:
    commands(create_service)()


def offline_settings(create_service: Create) -> ServiceSettings:
    """Settings that reach nothing, for commands that only describe the service."""
    from chassis.testing.settings import settings_of

    return settings_of(create_service)


def _configure(service: Service) -> None:
    settings = service.settings
    telemetry.configure(service.name, level=settings.log_level, otlp_url=settings.otlp_url)


async def _work(service: Service) -> None:
    process = open_process(service.name, service.settings)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with worker.running(service, process, alone=True):
        await stopped.wait()
    await process.engine.dispose()


async def _republish(service: Service) -> None:
    process = open_process(service.name, service.settings)
    async with transaction(process) as session:
        await republication.request_republication(session, service)
    more = True
    while more:
        async with transaction(process) as session:
            more = await republication.republish_page(session, service.republish)
            for row in await republication.progress(session):
                typer.echo(f"{row.name}: {row.published}{' done' if row.finished_at else ''}")
    await process.engine.dispose()


async def _rebuild(service: Service, request: operations.RebuildIn) -> None:
    process = open_process(service.name, service.settings)
    async with worker.running(service, process, alone=True):
        left: Sequence[operations.RebuildOut] = [
            await operations.request_rebuild(process, service, request)
        ]
        while left:
            typer.echo(f"{left[0].producer}: {left[0].taken} taken, {left[0].left} left")
            await asyncio.sleep(1)
            left = await operations.rebuilds(process, service)
    await process.engine.dispose()
