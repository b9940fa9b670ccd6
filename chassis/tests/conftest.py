"""The chassis is tested through a small real service of its own (`sample`)."""

import sys
from contextlib import suppress
from pathlib import Path

import pytest
from nats.js.errors import NotFoundError

from chassis.messaging import bus

sys.path.insert(0, str(Path(__file__).parent))

from losing import LossyClient, connected
from sample.main import create_service


@pytest.fixture(scope="session")
def service_factory():
    return create_service


@pytest.fixture
async def nc(nats_url):
    """A connection that can be told to lose messages; the streams are there, and empty."""
    opened = await connected(nats_url, LossyClient)
    for name in ("sample", "other"):
        with suppress(NotFoundError):
            await opened.jetstream().delete_stream(name.upper())
        await bus.ensure_stream(opened.jetstream(), name)
    yield opened
    await opened.close()
