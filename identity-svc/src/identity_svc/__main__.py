"""The command line: the chassis' commands, and the first administrator."""

import asyncio
import sys
from typing import Annotated

import typer

from chassis.cli import commands
from chassis.db import open_context, transaction
from chassis.errors import Invalid, ServiceError
from identity_svc.main import create_service
from identity_svc.orgs.usecases import install_admin

cli = commands(create_service)


@cli.command("create-admin")
def create_admin(
    username: Annotated[str, typer.Option(help="What the administrator signs in with")],
    region: Annotated[str, typer.Option(help="Region code, 2 to 12 digits")],
) -> None:
    """Make the first platform administrator; the password comes on standard input."""
    password = sys.stdin.readline().rstrip("\r\n")
    try:
        made = asyncio.run(_create_admin(username, password, region))
    except Invalid as refused:
        typer.echo("; ".join(f"{one.pointer[1:]}: {one.en}" for one in refused.errors), err=True)
        raise typer.Exit(1) from None
    except ServiceError as refused:
        typer.echo(refused.detail("en"), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{username} is platform administrator" if made else f"{username} exists already")


async def _create_admin(username: str, password: str, region: str) -> bool:
    service = create_service()
    here = open_context(service.name, service.settings)
    try:
        async with transaction(here) as session:
            return await install_admin(
                session, username=username, password=password, region_code=region
            )
    finally:
        await here.engine.dispose()


if __name__ == "__main__":
    cli()
