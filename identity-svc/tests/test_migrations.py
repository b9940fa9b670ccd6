import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from chassis.database.migrations import configuration, upgrade
from identity_svc.main import METADATA


async def test_revisions_go_down_and_up_again(concurrent_process):
    url = concurrent_process.engine.url.render_as_string(hide_password=False)
    config = configuration("identity_svc:migrations", url)
    await asyncio.to_thread(command.downgrade, config, "base")
    await asyncio.to_thread(command.upgrade, config, "head")


async def test_revisions_build_what_the_models_say(process):
    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), METADATA)

    async with process.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_code_of_the_release_before_starts_on_a_newer_database(concurrent_process):
    """A rollout that is undone, or a pod that is moved during one, migrates once more."""
    url = concurrent_process.engine.url.render_as_string(hide_password=False)
    revision = "UPDATE alembic_version SET version_num = {} RETURNING version_num"
    async with concurrent_process.engine.begin() as connection:
        before = (
            await connection.execute(text("SELECT version_num FROM alembic_version"))
        ).scalar()
        await connection.execute(text(revision.format("'of_tomorrow'")))
    try:
        await asyncio.to_thread(upgrade, "identity_svc:migrations", url)
    finally:
        async with concurrent_process.engine.begin() as connection:
            found = await connection.execute(text("SELECT version_num FROM alembic_version"))
            await connection.execute(text(revision.format(f"'{before}'")))
    assert found.scalar() == "of_tomorrow"
