import contextlib

import pytest_asyncio

from .factories import running_network


@pytest_asyncio.fixture
async def network():
    """Start a network with these settings; it ends with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**settings):
            return await stack.enter_async_context(running_network(**settings))

        yield start
