"""Pages people can read: escaped, in their language, without a script."""

import re
from html.parser import HTMLParser

import pytest

from .factories import gives

EVIL = "<script>alert('x')</script>\" onload=\"x"
ITEM_ID = "01900000-0000-7000-8000-000000000001"
ITEM = {
    "item_id": ITEM_ID,
    "name": "残疾人证新办",
    "department": {"code": "1", "name": "区残联"},
    "region": {"code": "511602000000", "name": "广安区"},
    "status": "open",
    "promise": {"value": 15, "unit": "working_day", "note": None},
    "legal_limit": {"value": 30, "unit": "working_day", "note": "评定时间除外"},
    "visits": 1,
    "guide_gaps": [],
    "conditions": [{"text": "户籍在广安区"}],
    "materials": [
        {
            "name": "身份证",
            "need": "required",
            "certificate_type": "x",
            "acceptance_standard": "清晰",
        }
    ],
    "steps": [
        {"name": "受理", "limit": {"value": 1, "unit": "working_day"}, "standard": "材料齐全"}
    ],
    "fees": [],
    "legal_basis": [
        {"law": "残疾人证管理办法", "document_no": "34号", "article": None, "text": None}
    ],
    "windows": [{"name": "政务中心", "address": "路1号", "hours": "9-17", "phone": "0826"}],
    "faqs": [{"question": "多久？", "answer": "十五天"}],
}
INDICATOR = {
    "name": "按时办结率",
    "definition": "按时办结件数与办结件数之比",
    "value": 0.98765,
    "unit": "ratio",
    "numerator": 80,
    "denominator": 81,
}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.labelled, self.links, self.forms = [], set(), set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append((tag, values))
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "label":
            self.labelled.add(values["for"])
        if tag == "a":
            self.links.append(values["href"])


async def show(net, path, language="zh-CN", **more):
    found = await net.client.get(path, headers={"Accept-Language": language}, **more)
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    policy = found.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert found.headers["x-content-type-options"] == "nosniff"
    return found, Page(found.text)


async def test_the_start_page_searches(network):
    net = await network()
    net.catalog.answers["/api/v1/items"] = gives({"data": [ITEM], "next": "c+/="})
    found, page = await show(net, "/?q=%E6%AE%8B%E7%96%BE")
    assert found.status_code == 200
    assert "残疾人证新办" in found.text
    assert "区残联" in found.text
    assert net.catalog.seen[-1].query == "q=%E6%AE%8B%E7%96%BE"
    assert f"/guide/{ITEM_ID}" in page.links
    assert any("after=c%2B" in link and "q=%E6%AE%8B" in link for link in page.links)
    assert "/docs" in page.links


async def test_the_guide_tells_what_a_citizen_needs(network):
    net = await network()
    net.catalog.answers[f"/api/v1/items/{ITEM_ID}"] = gives(ITEM)
    found, _ = await show(net, f"/guide/{ITEM_ID}")
    for word in (
        "身份证",
        "受理",
        "材料齐全",
        "30 个工作日",
        "15 个工作日",
        "不收费",
        "残疾人证管理办法",
        "34号",
        "十五天",
    ):
        assert word in found.text, word
    english, page = await show(net, f"/guide/{ITEM_ID}", "en")
    assert "Free of charge" in english.text
    assert ("html", {"lang": "en"}) in page.tags


async def test_a_listed_item_shows_what_its_guide_lacks(network):
    net = await network()
    gaps = [
        {"code": "x", "pointer": "/steps", "zh": "缺少办理流程", "en": "No steps", "message": None}
    ]
    bare = {key: ITEM[key] for key in ("item_id", "name", "department", "region")}
    net.catalog.answers[f"/api/v1/items/{ITEM_ID}"] = gives(
        bare | {"status": "listed", "guide_gaps": gaps}
    )
    found, _ = await show(net, f"/guide/{ITEM_ID}")
    assert "缺少办理流程" in found.text


@pytest.mark.parametrize("path", ["/guide/x", "/guide/", f"/guide/{ITEM_ID}/x", "/static/x.js"])
async def test_unknown_pages_are_a_404_page(network, path):
    net = await network()
    found, _ = await show(net, path)
    assert found.status_code == 404


async def test_an_unknown_item_is_a_404_page(network):
    net = await network()
    net.catalog.answers[f"/api/v1/items/{ITEM_ID}"] = gives({"detail": "no"}, 404)
    found, _ = await show(net, f"/guide/{ITEM_ID}")
    assert found.status_code == 404


async def test_progress_is_asked_by_post_and_told_in_words(network):
    net = await network()
    said = {"status": "in_review", "step": "review", "due_on": "2026-12-01"}
    net.case.answers["/api/v1/progress"] = gives(said)
    found, page = await show(net, "/progress")
    assert ("form", {"method": "post", "action": "/progress"}) in page.tags
    assert not net.case.seen
    form = {"case_no": "川2026 ", "query_code": "123456"}
    found = await net.client.post("/progress", data=form, headers={"Authorization": "Basic x"})
    assert "审查中" in found.text
    assert "2026-12-01" in found.text
    assert found.headers["cache-control"] == "no-store"
    (asked,) = net.case.seen
    assert asked.query == "case_no=%E5%B7%9D2026&query_code=123456"
    assert asked.method == "GET"
    assert asked.all("authorization") == asked.all("content-type") == []


async def test_a_wrong_code_is_told_as_the_service_tells_it(network):
    net = await network()
    net.case.answers["/api/v1/progress"] = gives({"detail": "没有找到，请核对。"}, 404)
    form = {"case_no": EVIL, "query_code": "1"}
    found = await net.client.post("/progress", data=form)
    assert found.status_code == 404
    assert "没有找到，请核对。" in found.text
    assert "<script" not in found.text


async def test_a_form_that_is_too_long_is_a_page_as_well(network):
    net = await network()
    found = await net.client.post("/progress", data={"case_no": "x" * 9000})
    assert found.status_code == 413
    assert found.headers["content-type"].startswith("text/html")


async def test_indicators_show_numerator_and_denominator(network):
    net = await network()
    rows = [INDICATOR, INDICATOR | {"name": "空", "value": None}]
    net.case.answers["/api/v1/public/performance"] = gives({"indicators": rows})
    found, _ = await show(net, "/performance?region=511602&period=2026-11&x=1")
    assert "按时办结率" in found.text
    assert "80 / 81" in found.text
    assert "0.988" in found.text
    assert net.case.seen[0].query == "region=511602&period=2026-11"


@pytest.mark.parametrize("path", ["/", f"/guide/{ITEM_ID}", "/performance"])
async def test_a_service_that_is_away_is_a_page_in_plain_words(network, path):
    net = await network()
    for one in (net.catalog, net.case):
        await one.stop()
    found, _ = await show(net, path)
    assert found.status_code == 503
    assert "后端服务暂时无法连接" in found.text
    for one in (net.catalog, net.case):
        await one.start()


def evil(content):
    if isinstance(content, dict):
        return {key: one if key in KEPT else evil(one) for key, one in content.items()}
    if isinstance(content, list):
        return [evil(one) for one in content]
    return EVIL if isinstance(content, str) else content


KEPT = {"unit", "need", "item_id"}


async def test_nothing_a_service_says_becomes_markup(network):
    net = await network()
    net.catalog.answers["/api/v1/items"] = gives({"data": [evil(ITEM)], "next": EVIL})
    net.catalog.answers[f"/api/v1/items/{ITEM_ID}"] = gives(evil(ITEM))
    net.case.answers["/api/v1/public/performance"] = gives({"indicators": [evil(INDICATOR)]})
    net.case.answers["/api/v1/progress"] = gives({"status": EVIL, "step": EVIL, "due_on": EVIL})
    texts = [
        (await net.client.get(path)).text
        for path in (f"/?q={EVIL}", f"/guide/{ITEM_ID}", f"/performance?region={EVIL}")
    ]
    texts.append((await net.client.post("/progress", data={"case_no": EVIL})).text)
    for text in texts:
        assert "&lt;script&gt;" in text
        assert "<script" not in text
        assert not any("onload" in values for _, values in Page(text).tags)


@pytest.mark.parametrize("path", ["/", "/progress", "/performance", f"/guide/{ITEM_ID}"])
async def test_pages_are_accessible(network, path):
    net = await network()
    net.catalog.answers["/api/v1/items"] = gives({"data": [ITEM], "next": None})
    net.catalog.answers[f"/api/v1/items/{ITEM_ID}"] = gives(ITEM)
    net.case.answers["/api/v1/public/performance"] = gives({"indicators": [INDICATOR]})
    found, page = await show(net, path)
    names = [tag for tag, _ in page.tags]
    assert names.count("h1") == 1
    assert names.count("main") == 1
    assert ("html", {"lang": "zh-CN"}) in page.tags
    assert any(values.get("name") == "viewport" for _, values in page.tags)
    inputs = {values["id"] for tag, values in page.tags if tag == "input"}
    assert inputs <= page.labelled
    assert "#content" in page.links
    assert "content" in page.ids
    assert not re.search(r"(?:src|href)=\"https?:", found.text)
    assert not any("style" in values or tag == "style" for tag, values in page.tags)


async def test_the_style_sheet_is_ours(network):
    net = await network()
    found = await net.client.get("/static/style.css")
    assert found.headers["content-type"] == "text/css; charset=utf-8"
    assert "max-age" in found.headers["cache-control"]
    assert (await net.client.head("/")).content == b""


async def test_pages_are_for_reading(network):
    net = await network()
    found = await net.client.post("/performance")
    assert found.status_code == 405
    assert found.headers["allow"] == "GET, HEAD"
