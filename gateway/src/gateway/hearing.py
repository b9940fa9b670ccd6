"""Whether the bus knows what we listen to."""

from nats.aio.client import Client

ANSWER_SECONDS = 2


async def heard(nc: Client) -> None:
    """Return once the server has taken every subscription made so far; raises NATS's errors.

    The client writes a ping at once but a subscription a moment later, so the first answer only
    shows that the subscriptions are on their way, and the second that they have arrived.
    """
    for _ in range(2):
        await nc.flush(timeout=ANSWER_SECONDS)
