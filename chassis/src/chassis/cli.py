"""The command line of every service: serve, worker, migrate, openapi, asyncapi, revision."""

import asyncio
import json
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
import uvicorn
import uvloop

from chassis import migrations, operations, outbox, telemetry, worker
from chassis.app import build_app, describe_events
from chassis.db import open_context, transaction
from chassis.service import Service
from chassis.settings import ServiceSettings
from chassis.tables import republication

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

    _add_repairs(cli, create_service)
    return cli


def _add_repairs(cli: typer.Typer, create_service: Create) -> None:
    @cli.command()
    def republish() -> None:
        """Tell the present state of all that others copy once more; a worker publishes it."""
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


def serve_forever(service: Service) -> None:
    settings = service.settings
    _configure(service)
    config = uvicorn.Config(
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
    _Server(config, settings).run(worker.sockets(config, settings.listen_fd))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, settings: ServiceSettings) -> None:
        super().__init__(config)
        self._settings = settings

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await worker.let_go(self, self._settings.drain_seconds, handed_down=bool(sockets))
        await super().shutdown(sockets)


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


async def _republish(service: Service) -> None:
    here = open_context(service.name, service.settings)
    async with transaction(here) as session:
        await operations.ask_republication(session, service)
    while await outbox.republish_page(here, service.republish):
        async with here.reading.begin() as session:
            for row in await session.execute(republication.select().order_by("name")):
                typer.echo(f"{row.name}: {row.told}{' done' if row.finished_at else ''}")
    await here.engine.dispose()


async def _rebuild(service: Service, asked: operations.RebuildIn) -> None:
    here = open_context(service.name, service.settings)
    async with worker.running(service, here, alone=True):
        left: Sequence[operations.RebuildOut] = [await operations.ask_rebuild(here, service, asked)]
        while left:
            typer.echo(f"{left[0].producer}: {left[0].taken} taken, {left[0].left} left")
            await asyncio.sleep(1)
            left = await operations.rebuilds(here, service)
    await here.engine.dispose()
