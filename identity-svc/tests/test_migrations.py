import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from chassis.migrations import configuration
from identity_svc.main import METADATA


async def test_revisions_go_down_and_up_again(concurrent_here):
    url = concurrent_here.engine.url.render_as_string(hide_password=False)
    config = configuration("identity_svc:migrations", url)
    await asyncio.to_thread(command.downgrade, config, "base")
    await asyncio.to_thread(command.upgrade, config, "head")


async def test_revisions_build_what_the_models_say(here):
    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), METADATA)

    async with here.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
