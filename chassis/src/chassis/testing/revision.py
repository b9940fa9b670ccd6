"""`python -m chassis.testing.revision case_svc "what changes"`: write a migration."""

import shutil
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from alembic import command

from chassis.database import migrations
from chassis.testing.servers import scratch_postgres
from chassis.testing.settings import settings_of


def write_revision(
    package: Annotated[str, typer.Argument(help="The service, such as case_svc")],
    message: Annotated[str, typer.Argument(help="What changes, in a few words")],
) -> None:
    """Write a migration from the difference between the models and the newest revision."""
    create_service = import_module(f"{package}.main").create_service
    service = create_service(settings_of(create_service))
    with scratch_postgres() as url:
        migrations.upgrade(service.migrations, url)
        config = migrations.configuration(service.migrations, url)
        folder = Path(config.get_main_option("script_location") or ".")
        # Alembic looks for its template beside the revisions; one template serves every service.
        template = Path(migrations.__file__).with_name("script.py.mako")
        copied = shutil.copy(template, folder)
        try:
            command.revision(config, message, autogenerate=True)
        finally:
            Path(copied).unlink()


if __name__ == "__main__":
    typer.run(write_revision)
