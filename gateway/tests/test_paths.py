"""Which paths pass, and to whom."""

import json

import pytest

from gateway.proxy.routing import ROUTES, is_upload, may_change, service_of

from .factories import problem

EXPECTED = {
    "/oauth2/token": "identity",
    "/.well-known/jwks.json": "identity",
    "/api/v1/identity/registrations": "identity",
    "/api/v1/me/companies": "identity",
    "/api/v1/me/mandates/x/revocation": "identity",
    "/api/v1/mandates/x/acceptance": "identity",
    "/api/v1/orgs/regions": "identity",
    "/api/v1/me/profile": "identity",
    "/api/v1/me/messages/x": "identity",
    "/api/v1/items": "catalog",
    "/api/v1/items/x/form": "catalog",
    "/api/v1/catalog/imports": "catalog",
    "/api/v1/lists/power": "catalog",
    "/api/v1/bundles": "catalog",
    "/api/v1/cases/x/decision": "case",
    "/api/v1/tasks/x/claim": "case",
    "/api/v1/files": "case",
    "/api/v1/progress": "case",
    "/api/v1/me/cases": "case",
    "/api/v1/public/performance": "case",
    "/api/v1/supervision/warnings": "case",
    "/api/v1/calendar": "case",
    "/api/v1/me/certificates": "exchange",
    "/api/v1/certificates/verify": "exchange",
    "/api/v1/me/footprints": "exchange",
    "/api/v1/exchange/grants": "exchange",
    **{f"/api/v1/operations/{s}/outbox": s for s in ("identity", "catalog", "case", "exchange")},
}
UNKNOWN = [
    "/api",
    "/api/v1",
    "/api/v1/itemsx",
    "/api/v1/me",
    "/api/v1/me/casesx",
    "/api/v1/operations/other/outbox",
    "/api/v2/items",
    "/oauth2x",
    "/admin",
    "/guide",
    "/API/v1/items",
]
TRICKS = [
    "/api/v1/items/../cases",
    "/api/v1/items/./x",
    "/api/v1/items/..",
    "/..",
    "/api/v1/items/..;/cases",
    "/api/v1/items/%2e%2e/cases",
    "/api/v1/items/%2E%2e/cases",
    "/api/v1/items/.%2e/cases",
    "/api/v1/items%2f..%2fcases",
    "/api/v1/items%5c..%5ccases",
    "/api/v1/items/%252e%252e/cases",
    "/api/v1/items/%25",
    "/api/v1/items\\..\\cases",
    "//evil.example/api/v1/items",
    "/api/v1//items",
    "/api/v1/items/%00",
    "/api/v1/items/%0d%0aX-Evil:1",
    "/api/v1/items/%1f",
    "/api/v1/items/%7f",
    "/api/v1/items/%zz",
    "/api/v1/items/%4",
    "*",
]


@pytest.mark.parametrize(("path", "service"), EXPECTED.items())
async def test_every_prefix_has_its_service(path, service):
    assert service_of(path) == service


def test_the_table_is_covered():
    reached = {prefix for prefix in ROUTES for path in EXPECTED if path.startswith(prefix)}
    assert reached == set(ROUTES)


async def test_requests_reach_their_service_as_they_are(network):
    net = await network()
    found = await net.client.get("/api/v1/me/cases?after=%E4%B8%AD&x=a%2Fb&x=2")
    assert found.json()["service"] == "case"
    (seen,) = net.case.seen
    assert seen.query == "after=%E4%B8%AD&x=a%2Fb&x=2"
    assert seen.path == "/api/v1/me/cases"


async def test_chinese_in_a_path_passes_unchanged(network):
    net = await network()
    await net.client.get("/api/v1/orgs/departments/%E5%8C%BA%E6%AE%8B%E8%81%94")
    assert net.identity.seen[0].raw_path == "/api/v1/orgs/departments/%E5%8C%BA%E6%AE%8B%E8%81%94"


@pytest.mark.parametrize("path", UNKNOWN)
async def test_what_is_not_in_the_table_is_404_in_the_readers_language(network, path):
    net = await network()
    said = problem(await net.client.get(path), 404, "not-found")
    assert said["title"] == "没有找到"
    assert said["instance"] == path
    english = await net.client.get(path, headers={"Accept-Language": "en-GB, zh;q=0.5"})
    assert problem(english, 404, "not-found")["title"] == "Not found"
    assert english.headers["content-language"] == "en"


@pytest.mark.parametrize("target", TRICKS)
async def test_tricks_are_refused_before_any_service_is_asked(network, target):
    net = await network()
    received = await net.get_raw(target)
    status = int(received.split()[1])
    assert status == 400, received
    body = json.loads(received.partition("\r\n\r\n")[2])
    assert body["type"] in {"urn:onenet:problem:bad-path", "urn:onenet:problem:bad-request"}
    assert not any(one.seen for one in net.services.values())


async def test_an_encoded_letter_is_judged_by_what_it_means(network):
    """`%74` is a `t`: the strict limit of the token endpoint holds for it too."""
    net = await network()
    found = await net.client.post("/oauth2/%74oken")
    assert found.headers["ratelimit-policy"].startswith('"entry"')


async def test_addresses_have_a_length(network):
    net = await network()
    for target, limit in (
        ("/api/v1/items/" + "x" * 3000, "2048"),
        ("/api/v1/items?q=" + "x" * 9000, "8192"),
    ):
        said = problem(await net.client.get(target), 414, "uri-too-long")
        assert limit in said["detail"].replace(",", "")


@pytest.mark.parametrize("method", ["TRACE", "LINK"])
async def test_strange_methods_are_405(network, method):
    net = await network()
    answer = await net.client.request(method, "/api/v1/items")
    problem(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/items", False),
        ("POST", "/api/v1/items/1/precheck", False),
        ("POST", "/oauth2/token", False),
        ("POST", "/api/v1/identity/registrations", False),
        ("POST", "/api/v1/catalog/items/1/approval", True),
        ("PUT", "/api/v1/catalog/items/1/draft", True),
        ("POST", "/api/v1/orgs/regions/imports", True),
        ("DELETE", "/api/v1/bundles/1", True),
    ],
)
def test_what_may_change_a_public_read(method, path, expected):
    assert may_change(method, path) is expected


def test_uploads_are_known():
    assert is_upload("/api/v1/files")
    assert is_upload("/api/v1/catalog/imports")
    assert not is_upload("/api/v1/cases")
