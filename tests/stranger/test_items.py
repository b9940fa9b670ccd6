"""Search, guide, form, precheck; public reads; listed items."""

from __future__ import annotations

import secrets
from typing import Any

import jsonschema
import pytest

from .client import Visitor, done, refused, until
from .journey import Network, draft_body, submit

ROW = {
    "item_id", "task_code", "name", "task_type", "department", "region", "status",
    "online_applicable", "promise", "visits", "version", "links",
}  # fmt: skip
UNKNOWN = "01900000-0000-7000-8000-000000000000"


def test_search_puts_the_best_match_first(public: Visitor) -> None:
    found = public.read("/items", params={"q": "最低生活保障"})["data"]
    assert found[0]["name"] == "最低生活保障"
    assert set(found[0]) >= ROW
    assert set(found[0]["department"]) >= {"code", "name"}
    assert set(found[0]["promise"]) >= {"value", "unit"}


def test_filters_narrow_the_list(public: Visitor) -> None:
    everything = {i["item_id"] for i in public.every("/items")}
    one = public.read("/items", params={"q": "高龄津贴"})["data"][0]
    for name, value in {
        "region": one["region"]["code"], "department": one["department"]["code"],
        "type": one["task_type"], "audience": "natural_person", "online": "true",
    }.items():  # fmt: skip
        narrowed = {i["item_id"] for i in public.every("/items", **{name: value})}
        assert one["item_id"] in narrowed, name
        assert narrowed <= everything, name
    enterprise = {i["item_id"] for i in public.every("/items", audience="enterprise")}
    assert one["item_id"] not in enterprise


def test_short_and_long_region_codes_mean_the_same(public: Visitor) -> None:
    short = public.read("/items", params={"region": "511602", "count": "true"})
    long = public.read("/items", params={"region": "511602000000", "count": "true"})
    assert short["count"] == long["count"] > 0
    assert "count_is_exact" in short


def test_a_list_goes_on_page_by_page_without_a_total(public: Visitor) -> None:
    first = public.read("/items", params={"limit": 3})
    assert len(first["data"]) == 3
    assert "count" not in first
    second = public.read("/items", params={"limit": 3, "after": first["next"]})
    assert not {i["item_id"] for i in first["data"]} & {i["item_id"] for i in second["data"]}


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"after": "garbage"}]
)
def test_an_impossible_page_is_422(public: Visitor, query: dict[str, Any]) -> None:
    refused(public.get("/items", params=query), 422)


def test_at_least_24_guides_are_open_and_ten_are_civil_affairs(public: Visitor) -> None:
    open_items = [i for i in public.every("/items") if i["status"] == "open"]
    assert len(open_items) >= 24
    assert sum(i["department"]["name"] == "区民政局" for i in open_items) >= 10


def test_a_guide_tells_all_that_the_law_wants_told(public: Visitor, item: dict[str, Any]) -> None:
    guide = public.read(f"/items/{item['item_id']}")
    for part in (
        "legal_basis", "conditions", "materials", "steps", "legal_limit", "promise", "fees",
        "windows", "questions", "results", "guide_gaps", "links",
    ):  # fmt: skip
        assert part in guide, part
    assert guide["legal_basis"]
    assert all(s["standard"] for s in guide["steps"])
    assert guide["steps"][0]["step_id"] == "acceptance"
    assert guide["steps"][-1]["step_id"] == "decision"
    assert guide["promise"]["value"] > 0


def test_every_form_is_plain_and_its_examples_fill_it(public: Visitor) -> None:
    for row in public.every("/items"):
        if row["status"] != "open":
            continue
        form = public.read(f"/items/{row['item_id']}/form")
        schema = form["schema"]
        assert set(form) >= {"version", "schema", "ui", "situations"}
        assert not {"$ref", "allOf", "anyOf", "oneOf", "if"} & set(schema)
        for field in schema["properties"].values():
            assert not {"$ref", "allOf", "anyOf", "oneOf", "if"} & set(field)
        filled = {n: schema["properties"][n]["examples"][0] for n in schema["required"]}
        jsonschema.validate(filled, schema, cls=jsonschema.Draft202012Validator)
        assert any(f.get("x-personal") for f in schema["properties"].values())
        for question in form["situations"]:
            assert set(question) >= {"question_id", "text", "options", "default"}


def test_answers_change_the_materials(public: Visitor, item: dict[str, Any]) -> None:
    path = f"/items/{item['item_id']}/precheck"
    lists = set()
    for question in item["questions"]:
        for option in question["options"]:
            checked = public.do(path, {"answers": {question["question_id"]: option["value"]}})
            lists.add(tuple(m["material_id"] for m in checked["materials"]))
    assert len(lists) > 1


def test_precheck_knows_yes_no_and_not_yet(public: Visitor, item: dict[str, Any]) -> None:
    path = f"/items/{item['item_id']}/precheck"
    asked = public.do(path, {"answers": {}, "applicant_type": "natural_person"})
    assert asked["eligible"] is None
    yes = {q["question_id"]: q["default"] for q in item["questions"]}
    assert public.do(path, {"answers": yes})["eligible"] is True
    verdicts = [
        public.do(path, {"answers": yes | {q["question_id"]: o["value"]}})
        for q in item["questions"]
        for o in q["options"]
    ]
    refusals = [v for v in verdicts if v["eligible"] is False]
    assert refusals
    assert all(v["reasons"] for v in refusals)
    wanted = {
        "material_id",
        "name",
        "required",
        "source",
        "certificate_type",
        "upload_allowed",
        "promise_allowed",
    }
    assert all(set(m) >= wanted for v in verdicts for m in v["materials"])


CROOKED: list[dict[str, Any]] = [
    {"answers": {"no_such_question": "x"}},
    {"answers": []},
    {"answers": {}, "applicant_type": "martian"},
    {"answers": {}, "surprise": 1},
]


@pytest.mark.parametrize("body", CROOKED)
def test_a_malformed_precheck_is_422(public: Visitor, item: dict[str, Any], body: Any) -> None:
    refused(public.post(f"/items/{item['item_id']}/precheck", json=body), 422)


def test_an_answer_that_is_not_offered_is_422(public: Visitor, item: dict[str, Any]) -> None:
    body = {"answers": {item["questions"][0]["question_id"]: "no such option"}}
    refused(public.post(f"/items/{item['item_id']}/precheck", json=body), 422)


@pytest.mark.parametrize("tail", ["", "/form"])
def test_an_unknown_item_is_404_and_a_crooked_id_no_better(public: Visitor, tail: str) -> None:
    refused(public.get(f"/items/{UNKNOWN}{tail}"), 404)
    refused(public.get(f"/items/not-an-id{tail}"), 404, 422)


def test_public_reads_are_cacheable(public: Visitor, item: dict[str, Any]) -> None:
    for path in (f"/items/{item['item_id']}", f"/items/{item['item_id']}/form", "/items"):
        answer = public.get(path)
        assert answer.headers["ETag"], path
        assert answer.headers["Cache-Control"], path
        again = public.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304, path
        assert not again.content


def test_links_lead_on(public: Visitor) -> None:
    row = public.read("/items", params={"limit": 1, "q": "高龄津贴"})["data"][0]
    urls = [v if isinstance(v, str) else v["href"] for v in row["links"].values()]
    assert urls
    assert any(public.get(u).status_code == 200 for u in urls)


def test_prose_comes_in_the_language_asked_for(public: Visitor) -> None:
    zh = refused(public.get(f"/items/{UNKNOWN}"), 404)
    en = refused(public.get(f"/items/{UNKNOWN}", headers={"Accept-Language": "en"}), 404)
    mostly_zh = refused(
        public.get(f"/items/{UNKNOWN}", headers={"Accept-Language": "en;q=0.3, zh-CN"}), 404
    )
    assert zh["type"] == en["type"]
    assert any("\u4e00" <= c <= "\u9fff" for c in zh["detail"])
    assert en["detail"].isascii()
    assert mostly_zh["detail"] == zh["detail"]
    assert zh["title"] != en["title"]


def import_one(network: Network, name: str) -> None:
    """A list of one line, in the format docs/api.md describes."""
    code = f"511B{secrets.randbelow(10**10):010}-511602000000-000-11511301008778298W-1-00"
    text = (
        "department_name,parent_item_name,item_name,item_code,task_type,region_code,department_code\n"
        f"区民政局,,{name},{code},20,511602000000,11511301008778298W\n"
    )
    admin = network.platform_admin
    sent = admin.post("/catalog/imports", files={"file": ("list.csv", text.encode(), "text/csv")})
    job = done(sent, 202)
    address = next(
        (v if isinstance(v, str) else v["href"])
        for k, v in {**job.get("links", {}), "self": sent.headers.get("Location", "")}.items()
        if (v if isinstance(v, str) else v.get("href")) and k == "self"
    )
    until(lambda: admin.read(address)["status"] not in ("queued", "pending", "running"))


def test_a_listed_item_stands_in_search_with_its_gaps_but_is_not_open(
    network: Network, citizen: Visitor, item: dict[str, Any]
) -> None:
    name = f"示例登记事项{secrets.token_hex(4)}"
    import_one(network, name)
    row = until(
        lambda: [
            i
            for i in network.public.read("/items", params={"q": name})["data"]
            if i["name"] == name
        ]
    )[0]
    assert row["status"] == "listed"
    guide = network.public.read(f"/items/{row['item_id']}")
    assert guide["guide_gaps"]
    body = draft_body(citizen, item) | {"item_id": row["item_id"]}

    def told() -> bool:
        answer = submit(citizen, body)
        refused(answer, 404, 409)
        return answer.status_code == 409

    until(told, why="case never learnt of the listed item")
