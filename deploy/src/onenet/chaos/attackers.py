"""Attempts that must be refused and must leave a trace, made while processes are killed."""

import asyncio
import random
import secrets
from collections.abc import Generator, Mapping
from typing import Any, Final

import httpx

from onenet.chaos.clients import PAUSE_SECONDS, TIMEOUT_SECONDS, Work
from onenet.client import REDIRECT_URI, SignedIn
from onenet.failures import SignInFailed

# Few, because an address must pause after a hundred failures within a quarter of an hour.
TRIES: Final = 6
Flow = Generator[httpx.Request, httpx.Response, Any]


class Attacker(SignedIn):
    """Signs in as SignedIn does, but uses its code twice, or guesses."""

    def enter(self) -> Flow:
        """Sign in and use the code twice; True when the second use was refused."""
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        cookies = httpx.Cookies()
        page = yield from self.follow(self.authorization_request(verifier, state), cookies)
        answer = yield from self.submitted(page, cookies)
        fields = {"code": self.code_of(answer, state), "redirect_uri": REDIRECT_URI}
        fields |= {"grant_type": "authorization_code", "code_verifier": verifier}
        first = yield self.token_request(fields)
        if not first.is_success:
            return False
        second = yield self.token_request(fields)
        return second.status_code == httpx.codes.BAD_REQUEST

    def guess(self) -> Flow:
        """Try a wrong password; True when it was answered with a refusal."""
        cookies = httpx.Cookies()
        page = yield from self.follow(self.authorization_request("x" * 50, "s"), cookies)
        answer = yield from self.submitted(page, cookies)
        is_pause = answer.status_code == httpx.codes.TOO_MANY_REQUESTS
        return not is_pause and answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR


async def attacker(work: Work, account: Mapping[str, str], choice: random.Random) -> None:
    """Replay codes and guess passwords, a few times during the run."""
    said = work.acknowledged
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as http:
        for _ in range(TRIES):
            if not work.goes_on():
                return
            owner = Attacker(work.base_url, account["username"], account["password"])
            said.replays += await _driven(http, owner.enter())
            stranger = Attacker(work.base_url, f"nobody-{secrets.token_hex(6)}", "wrong")
            said.failed_sign_ins += await _driven(http, stranger.guess())
            await asyncio.sleep(choice.uniform(2, 8) + PAUSE_SECONDS)


async def _driven(http: httpx.AsyncClient, flow: Flow) -> bool:
    """The result of the flow; False when the platform did not answer."""
    try:
        request = next(flow)
        while True:
            answer = await http.send(request)
            request = flow.send(answer)
    except StopIteration as end:
        return bool(end.value)
    except (httpx.TransportError, SignInFailed, KeyError, ValueError):
        return False
