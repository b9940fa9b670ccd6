"""What the services hear of the client, and the client of the services."""

import re

from .factories import answer, gives, problem, read

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_forged_and_hop_by_hop_headers_do_not_pass(network):
    net = await network()
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "X-Internal-Actor": "root",
        "X_Internal_Actor": "root",
        "X-Request-Id": "chosen-by-the-client",
        "Connection": "keep-alive, X-Secret",
        "X-Secret": "1",
        "TE": "trailers",
        "Proxy-Authorization": "Basic eDp5",
        "Upgrade": "h2c",
        "X-Kept": "yes",
        "Cookie": "a=b",
    }
    await net.client.get("/api/v1/me/cases", headers=forged)
    (seen,) = net.case.seen
    assert seen.all("x-forwarded-for") == ["127.0.0.1"]
    assert seen.all("x-forwarded-host") == ["onenet.test"]
    assert seen.all("x-forwarded-proto") == ["http"]
    assert seen.all("forwarded") == ['for=127.0.0.1;host="onenet.test";proto=http']
    assert seen.all("host") == ["onenet.test"]
    assert UUID7.fullmatch(seen.one("x-request-id"))
    gone = ("x-forwarded-prefix", "x-real-ip", "x-internal-actor", "x_internal_actor", "x-secret")
    for name in (*gone, "te", "proxy-authorization", "upgrade", "connection"):
        assert seen.all(name) == [], name
    assert seen.one("x-kept") == "yes"
    assert seen.one("cookie") == "a=b"


async def test_a_trusted_proxy_is_believed_and_nobody_else(network):
    net = await network(trusted_proxies="127.0.0.0/8, 10.0.0.0/8")
    sent = {"X-Forwarded-For": "9.9.9.9, 2001:db8::7, 10.1.2.3"}
    await net.client.get("/api/v1/me/cases", headers=sent)
    assert net.case.seen[0].one("x-forwarded-for") == "2001:db8::7"
    assert 'for="[2001:db8::7]"' in net.case.seen[0].one("forwarded")


async def test_one_request_id_and_one_trace_go_all_the_way(network):
    net = await network()
    found = await net.client.get("/api/v1/me/cases", headers={"Traceparent": TRACE})
    (seen,) = net.case.seen
    assert UUID7.fullmatch(found.headers["x-request-id"])
    assert seen.one("x-request-id") == found.headers["x-request-id"]
    assert seen.one("traceparent") == found.headers["traceparent"] == TRACE


async def test_with_a_collector_named_the_trace_still_goes_on(network):
    net = await network(otlp_url="http://127.0.0.1:1")
    found = await net.client.get("/api/v1/me/cases", headers={"Traceparent": TRACE})
    assert found.status_code == 200
    assert net.case.seen[0].one("traceparent").split("-")[1] == TRACE.split("-")[1]


async def test_a_missing_or_invalid_trace_begins_anew(network):
    net = await network()
    for sent in ({}, {"Traceparent": "00-" + "0" * 32 + "-b7ad6b7169203331-01"}):
        found = await net.client.get("/api/v1/me/cases", headers=sent)
        fresh = re.fullmatch(r"00-([0-9a-f]{32})-[0-9a-f]{16}-01", found.headers["traceparent"])
        assert fresh
        assert fresh[1] == found.headers["x-request-id"].replace("-", "")
        assert net.case.seen[-1].one("traceparent") == found.headers["traceparent"]


async def test_the_services_headers_pass_but_not_those_of_its_connection(network):
    net = await network()
    net.case.answers["/api/v1/tasks"] = gives(
        {"a": 1},
        ETag='"7"',
        X_Request_Id="from-the-service",
        Server="secret/1.0",
        Connection="X-Own",
        X_Own="1",
        Keep_Alive="timeout=5",
        RateLimit="forged",
        Content_Language="zh-CN",
    )
    found = await net.client.get("/api/v1/tasks")
    assert found.headers["etag"] == '"7"'
    assert found.headers["content-language"] == "zh-CN"
    for name in ("server", "x-own", "keep-alive"):
        assert name not in found.headers
    assert len(found.headers.get_list("x-request-id")) == 1
    assert found.headers["x-request-id"] != "from-the-service"
    assert len(found.headers.get_list("date")) == 1
    assert found.headers["ratelimit"] != "forged"


async def test_several_cookies_stay_several(network):
    async def cookies(seen, receive, send):
        await read(seen, receive)
        await answer(send, b"", 303, headers=[("set-cookie", "a=1"), ("set-cookie", "b=2")])

    net = await network()
    net.identity.answers["/oauth2/login"] = cookies
    found = await net.client.post("/oauth2/login")
    assert found.status_code == 303
    assert found.headers.get_list("set-cookie") == ["a=1", "b=2"]


async def test_chinese_header_values_survive(network):
    net = await network()
    await net.client.get("/api/v1/me/cases", headers=[(b"x-name", "张三".encode())])
    assert net.case.seen[0].one("x-name").encode("latin-1").decode() == "张三"


async def test_values_that_are_no_text_are_refused(network):
    net = await network()
    problem(
        await net.client.get("/api/v1/me/cases", headers=[(b"x-name", b"\xff\xfe")]),
        400,
        "bad-request",
    )


async def test_two_of_a_kind_that_must_be_one_are_refused(network):
    net = await network()
    for name in (b"authorization", b"idempotency-key", b"if-match"):
        twice = [(name, b"Basic a"), (name, b"Basic b")]
        problem(await net.client.get("/api/v1/me/cases", headers=twice), 400, "bad-request")
    received = await net.raw(
        "GET /api/v1/me/cases HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"
    )
    assert " 400 " in received
    assert not net.case.seen


async def test_too_many_headers_are_431(network):
    net = await network()
    problem(
        await net.client.get("/api/v1/me/cases", headers={"X-Long": "x" * 40_000}),
        431,
        "headers-too-large",
    )
    many = {f"X-{number}": "x" for number in range(120)}
    problem(await net.client.get("/api/v1/me/cases", headers=many), 431, "headers-too-large")
    assert not net.case.seen


async def test_a_services_problem_passes_unchanged(network):
    body = b'{"type":"urn:onenet:problem:case-not-found","status":404,"title":"\xe6\xb2\xa1"}'

    async def refuses(seen, receive, send):
        await read(seen, receive)
        await answer(send, body, 404, "application/problem+json")

    net = await network()
    net.case.answers["/api/v1/cases/x"] = refuses
    found = await net.client.get("/api/v1/cases/x")
    assert (found.status_code, found.content) == (404, body)
    assert found.headers["content-type"] == "application/problem+json"
