"""429; last, because it uses up what this address may guess."""

from __future__ import annotations

import secrets

from .client import refused
from .journey import Case, Network


def test_guessing_query_codes_ends_in_429_with_retry_after(network: Network, case: Case) -> None:
    for guess in range(200):
        query = {"case_no": case.answer["case_no"], "query_code": f"{guess:06}"}
        answer = network.public.get("/progress", params=query, polite=False)
        if answer.status_code == 429:
            break
    refused(answer, 429)
    assert int(answer.headers["Retry-After"]) > 0


def test_every_answer_tells_the_limits_and_its_request_id(network: Network) -> None:
    answer = network.public.get("/items", params={"limit": 1})
    for header in ("RateLimit-Policy", "RateLimit", "X-Request-Id"):
        assert answer.headers.get(header), header


def test_a_trace_goes_in_and_comes_out(network: Network) -> None:
    trace = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
    answer = network.public.get("/items", params={"limit": 1}, headers=headers)
    assert answer.headers["traceparent"].split("-")[1] == trace
