"""What an operator asks of all services at once."""

from .factories import gives, problem

LETTERS = "/api/v1/operations/dead-letters"


def rows(net, following=None):
    for name, one in net.services.items():
        content = {"data": [{"service": name}], "next": (following or {}).get(name)}
        one.answers[f"/api/v1/operations/{name}/dead-letters"] = gives(content)


async def test_all_services_rows_come_in_one_list(network, token):
    net = await network()
    rows(net)
    headers = token("staff", roles=["platform_admin"])
    found = (await net.client.get(f"{LETTERS}?limit=5&redriven=true", headers=headers)).json()
    assert {row["service"] for row in found["data"]} == set(net.services)
    assert (found["next"], found["away"]) == (None, [])
    for one in net.services.values():
        (asked,) = one.seen
        assert asked.one("authorization") == headers["Authorization"]
        assert asked.query == "limit=5&redriven=true"


async def test_the_next_page_asks_only_those_that_have_more(network, token):
    net = await network()
    rows(net, {"case": "c2", "catalog": "k2"})
    found = await net.client.get(LETTERS)
    assert found.headers["cache-control"] == "no-store"
    first = found.json()
    rows(net, {})
    second = (await net.client.get(LETTERS, params={"after": first["next"]})).json()
    assert {row["service"] for row in second["data"]} == {"case", "catalog"}
    assert second["next"] is None
    assert net.case.seen[-1].query == "after=c2"
    assert len(net.identity.seen) == 1


async def test_a_forged_cursor_is_refused(network):
    net = await network()
    for after in ("x", "bnVsbA==", "W10=", "W1tb" * 1900):
        found = await net.client.get(LETTERS, params={"after": after})
        assert found.status_code in {200, 422}
        assert found.status_code == 422 or found.json()["data"] == []


async def test_a_service_that_is_away_is_named(network):
    net = await network()
    rows(net)
    await net.exchange.stop()
    net.case.answers["/api/v1/operations/case/dead-letters"] = gives({}, 500)
    found = (await net.client.get(LETTERS)).json()
    assert {row["service"] for row in found["data"]} == {"identity", "catalog"}
    assert sorted(found["away"]) == ["case", "exchange"]
    await net.exchange.start()


async def test_a_refusal_is_the_services_own(network):
    net = await network()
    rows(net)
    refusal = {"type": "urn:onenet:problem:forbidden", "status": 403}
    net.case.answers["/api/v1/operations/case/dead-letters"] = gives(refusal, 403)
    found = await net.client.get(LETTERS)
    assert (found.status_code, found.json()) == (403, refusal)


async def test_outboxes_are_one_row_per_service(network):
    net = await network()
    for name, one in net.services.items():
        one.answers[f"/api/v1/operations/{name}/outbox"] = gives({"service": name, "backlog": 0})
    found = (await net.client.get("/api/v1/operations/outbox")).json()
    assert [row["service"] for row in found["data"]] == list(net.gateway.upstreams.services)


async def test_a_redrive_goes_to_its_service(network):
    net = await network()
    path = "/api/v1/operations/exchange/dead-letters/1/redrive"
    assert (await net.client.post(path)).json()["service"] == "exchange"


async def test_the_joined_list_is_for_reading(network):
    net = await network()
    problem(await net.client.post(LETTERS), 405, "method-not-allowed")
