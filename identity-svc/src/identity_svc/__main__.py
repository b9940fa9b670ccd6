"""The command line: the commands of the chassis, and the first administrator."""

import asyncio
import sys
from typing import Annotated

import typer

from chassis.cli import commands
from chassis.database.sessions import transaction
from chassis.errors import Invalid, ServiceError
from chassis.process import open_process
from identity_svc.main import create_service
from identity_svc.orgs import queries
from identity_svc.orgs.usecases.accounts import hash_password
from identity_svc.orgs.usecases.staff import first_admin, take_on_staff

cli = commands(create_service)


@cli.command("create-admin")
def create_admin(
    username: Annotated[str, typer.Option(help="What the administrator signs in with")],
    region: Annotated[str, typer.Option(help="Region code, 2 to 12 digits")],
) -> None:
    """Create the first platform administrator; the password is read from standard input."""
    password = sys.stdin.readline().rstrip("\r\n")
    try:
        created = asyncio.run(_create_admin(username, password, region))
    except Invalid as error:
        faults = (f"{fault.pointer[1:]}: {fault.en}" for fault in error.errors)
        typer.echo("; ".join(faults), err=True)
        raise typer.Exit(1) from None
    except ServiceError as error:
        typer.echo(error.detail("en"), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{username} is platform administrator" if created else f"{username} exists already")


async def _create_admin(username: str, password: str, region: str) -> bool:
    """False when the name is in use already."""
    admin = first_admin(username=username, password=password, region_code=region)
    password_hash = await hash_password(password)
    service = create_service()
    process = open_process(service.name, service.settings)
    try:
        async with transaction(process) as session:
            if await queries.accounts_named(session, username):
                return False
            await take_on_staff(session, admin, password_hash=password_hash)
            return True
    finally:
        await process.engine.dispose()


if __name__ == "__main__":
    cli()
