"""One OpenAPI and one AsyncAPI document out of four."""

import pytest

from gateway.openapi.merging import merged_asyncapi, merged_openapi

from .factories import ISSUER, QUIET, problem, until


def service(path, schemas, **operation):
    reference = {"$ref": f"#/components/schemas/{next(iter(schemas))}"}
    content = {"application/json": {"schema": reference}}
    one = {"operationId": "read", "responses": {"200": {"description": "", "content": content}}}
    return {
        "openapi": "3.1.0",
        "paths": {path: {"get": one | operation}},
        "components": {"schemas": schemas},
    }


def schema_of(document, path):
    answer = document["paths"][path]["get"]["responses"]["200"]
    return answer["content"]["application/json"]["schema"]["$ref"]


PROBLEM = {"type": "object", "properties": {"Problem": {"type": "string"}}}


class TestMergedOpenapi:
    def test_what_two_services_define_alike_stands_once(self):
        merged = merged_openapi(
            {"case": service("/a", {"Problem": PROBLEM}), "x": service("/b", {"Problem": PROBLEM})},
            ISSUER,
        )
        assert merged["components"]["schemas"] == {"Problem": PROBLEM}
        assert list(merged["paths"]) == ["/a", "/b"]
        assert merged["servers"] == [{"url": ISSUER}]

    def test_what_differs_gets_its_services_name_and_every_reference_follows(self):
        inner = {"Page": {"items": {"$ref": "#/components/schemas/Row"}}}
        merged = merged_openapi(
            {
                "case": service("/a", inner | {"Row": {"type": "string"}}),
                "exchange": service("/b", inner | {"Row": {"type": "integer"}}),
            },
            ISSUER,
        )
        schemas = merged["components"]["schemas"]
        assert schemas["Row"] == {"type": "string"}
        assert schemas["ExchangeRow"] == {"type": "integer"}
        assert schemas["Page"]["items"]["$ref"].endswith("/Row")
        assert schemas["ExchangePage"]["items"]["$ref"].endswith("/ExchangeRow")
        assert schema_of(merged, "/a").endswith("/Page")
        assert schema_of(merged, "/b").endswith("/ExchangePage")

    def test_a_property_that_is_named_like_a_component_keeps_its_name(self):
        other = {"type": "object", "properties": {"Problem": {"type": "integer"}}}
        merged = merged_openapi(
            {"case": service("/a", {"Problem": PROBLEM}), "x": service("/b", {"Problem": other})},
            ISSUER,
        )
        assert merged["components"]["schemas"]["XProblem"] == other

    def test_operations_are_unique_and_tagged(self):
        merged = merged_openapi(
            {"case": service("/a", {"A": {}}), "x": service("/b", {"A": {}}, tags=["things"])},
            ISSUER,
        )
        one, other = merged["paths"]["/a"]["get"], merged["paths"]["/b"]["get"]
        assert (one["operationId"], other["operationId"]) == ("case_read", "x_read")
        assert (one["tags"], other["tags"]) == (["case"], ["things"])
        assert [tag["name"] for tag in merged["tags"]] == ["case", "things"]

    def test_one_path_may_be_served_by_two(self):
        first = service("/a", {"A": {}})
        second = {"paths": {"/a": {"post": {"operationId": "write", "responses": {}}}}}
        merged = merged_openapi({"case": first, "x": second}, ISSUER)
        assert set(merged["paths"]["/a"]) == {"get", "post"}


def test_a_publishers_channel_wins_over_a_readers():
    told = {"address": "onenet.a", "messages": {"a": {}}}
    reader = {"channels": {"a": {"address": "onenet.a"}}, "operations": {"receive a": 1}}
    writer = {
        "channels": {"a": told},
        "operations": {"publish a": 2},
        "components": {"messages": {"a": {"name": "a"}}},
    }
    for order in ({"case": reader, "z": writer}, {"case": writer, "z": reader}):
        merged = merged_asyncapi(order)
        assert merged["channels"] == {"a": told}
        assert len(merged["operations"]) == 2
        assert merged["components"]["messages"] == {"a": {"name": "a"}}


class TestServed:
    async def test_all_documents_are_there(self, network):
        net = await network()
        await until(lambda: len(net.gateway.documents.merged) == 2)
        merged = (await net.client.get("/openapi.json")).json()
        assert merged["openapi"] == "3.1.0"
        assert "/api/v1/cases/{case_id}/stream" in merged["paths"]
        assert (await net.client.get("/asyncapi.json")).json()["asyncapi"] == "3.0.0"
        own = await net.client.get("/openapi/case.json")
        assert own.json() == QUIET["/openapi.json"]

    async def test_until_the_last_one_is_there_it_is_503_naming_it(self, network):
        net = await network()
        net.gateway.documents.merged.clear()
        net.gateway.documents.openapi = None
        net.gateway.documents.parsed["openapi"].pop("case", None)
        said = problem(await net.client.get("/openapi.json"), 503, "document-not-ready")
        assert "case" in said["detail"]
        problem(await net.client.get("/openapi/case.json"), 503, "document-not-ready")
        page = await net.client.get("/docs")
        assert page.status_code == 503
        assert page.headers["content-type"].startswith("text/html")

    async def test_what_was_there_stays_when_its_service_goes(self, network):
        net = await network()
        await until(lambda: "openapi" in net.gateway.documents.merged)
        await net.case.stop()
        assert (await net.client.get("/openapi.json")).status_code == 200
        await net.case.start()

    @pytest.mark.parametrize("path", ["/openapi/other.json", "/openapi/case", "/openapi/"])
    async def test_other_documents_do_not_exist(self, network, path):
        net = await network()
        problem(await net.client.get(path), 404, "not-found")

    async def test_documents_are_for_reading(self, network):
        net = await network()
        problem(await net.client.post("/openapi.json"), 405, "method-not-allowed")

    async def test_the_docs_page_shows_every_operation_escaped(self, network):
        net = await network()
        evil = service("/api/v1/x/{y}", {"A": {}}, summary="<script>alert(1)</script>")
        evil["paths"]["/api/v1/x/{y}"]["get"]["parameters"] = [
            {"name": "y", "in": "path", "required": True, "description": "<b>bold</b>"}
        ]
        await until(lambda: not net.gateway.documents.missing("openapi"))
        net.gateway.documents.parsed["openapi"]["case"] = evil
        net.gateway.documents.merge()
        page = (await net.client.get("/docs")).text
        assert "GET /api/v1/x/{y}" in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "<script" not in page
        assert "&lt;b&gt;bold" in page
