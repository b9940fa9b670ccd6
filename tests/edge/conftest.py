import contextlib
import tempfile
from pathlib import Path

import pytest
import pytest_asyncio

from .front import BINARY, running


def pytest_collection_modifyitems(items):
    process = Path(__file__).parent
    if BINARY is None:
        for item in items:
            if process in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="nginx is not installed here"))


@pytest.fixture
def folder():
    """Reachable for nginx' own user, too, which a private temporary folder is not."""
    with tempfile.TemporaryDirectory(prefix="onenet-nginx-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest_asyncio.fixture
async def front(folder):
    """Start nginx with these directives changed; it ends with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**changes):
            return await stack.enter_async_context(running(folder, **changes))

        yield start
