"""Whether the bus has done what this process has asked of it."""

from nats.aio.client import Client


async def round_trip(nc: Client, seconds: float) -> None:
    """Return once the server knows our subscriptions; raises NatsError or TimeoutError.

    A message of our own comes back behind them. `flush()` overtakes what still waits to be written,
    and when its answer is late, the client stops reading for good.
    """
    echo = await nc.subscribe(nc.new_inbox(), max_msgs=1)
    try:
        await nc.publish(echo.subject, b"")
        await echo.next_msg(seconds)
    finally:
        await echo.unsubscribe()
