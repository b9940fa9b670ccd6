"""Whether the bus knows what we listen to."""

from nats.aio.client import Client

from chassis.events import reached

ANSWER_SECONDS = 2


async def heard(nc: Client) -> None:
    """Return once the server has taken every subscription made so far; raises NATS's errors."""
    await reached(nc, ANSWER_SECONDS)
