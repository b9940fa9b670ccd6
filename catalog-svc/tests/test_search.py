import pytest

from catalog_svc.search.rules import tokens

from .factories import (
    code_of,
    csv_of,
    department,
    finish_import,
    guide,
    make_open_item,
    platform,
    row,
)

NAMES = [
    "最低生活保障",
    "残疾人证办理",
    "残疾人护理补贴申领",
    "企业投资项目备案",
    "个体工商户注册登记",
    "道路运输经营许可",
    "社会保障卡申领",
    "婚姻登记预约",
    "教师资格认定",
    "食品经营许可（首次）",
]


@pytest.fixture
async def catalogue(client, process):
    await finish_import(
        client, process, csv_of([row(n, item_name=name) for n, name in enumerate(NAMES)])
    )


async def names(client, **query):
    answer = await client.get("/api/v1/items", params=query)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["data"]]


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("残疾", {"残疾人证办理", "残疾人护理补贴申领"}),
        ("许可", {"道路运输经营许可", "食品经营许可（首次）"}),
        ("登记", {"个体工商户注册登记", "婚姻登记预约"}),
        ("教师", {"教师资格认定"}),
        ("残疾 补贴", {"残疾人护理补贴申领"}),
        ("低保", {"最低生活保障"}),  # what people say
        ("社保卡", {"社会保障卡申领"}),
        ("我要怎么办残疾人证", {"残疾人证办理"}),
        ("活保", {"最低生活保障"}),  # cuts through two words
        ("姻登", {"婚姻登记预约"}),
        ("婚", {"婚姻登记预约"}),
        ("canjiren", {"残疾人证办理", "残疾人护理补贴申领"}),
        ("jiaoshi", {"教师资格认定"}),
        ("JSZG", {"教师资格认定"}),
        ("zdshbz", {"最低生活保障"}),
        ("hydj", {"婚姻登记预约"}),
        ("cjr 补贴", {"残疾人护理补贴申领"}),
        ("512B0000000003", {"企业投资项目备案"}),
        ("ＪＳＺＧ", {"教师资格认定"}),  # full-width letters
        ("民政局 备案", {"企业投资项目备案"}),  # words of title and department together
        ("潜水艇", set()),
        ("！！", set()),
        ("' & | ! :* \\", set()),
    ],
)
async def test_words_pinyin_and_substrings_are_found(client, q, expected):
    assert set(await names(client, q=q)) == expected


@pytest.mark.usefixtures("catalogue")
async def test_blank_words_list_everything(client):
    assert set(await names(client, q="  ")) == set(NAMES)


async def test_the_best_match_comes_first(client, process):
    titles = ["护士执业注册变更", "变更护士执业注册", "护士执业注册", "护士执业注册延续与变更"]
    await finish_import(
        client, process, csv_of([row(n, item_name=t) for n, t in enumerate(titles)])
    )
    ordered = await names(client, q="护士执业注册")
    assert ordered[0] == "护士执业注册"
    assert ordered[-1] == "变更护士执业注册"


async def test_title_matches_stand_before_body_matches_and_open_before_listed(client, process):
    await finish_import(client, process, csv_of([row(1, item_name="临时救助申请")]))
    await make_open_item(client, guide(2, name="临时救助申领"))
    await make_open_item(
        client,
        guide(
            3,
            name="医疗费减免",
            conditions=[{"condition_id": "c9", "text": "未领取临时救助", "expression": None}],
        ),
    )
    assert await names(client, q="临时救助") == ["临时救助申领", "临时救助申请", "医疗费减免"]


async def test_open_items_are_listed_first_without_words(client, process):
    await finish_import(client, process, csv_of([row(1), row(2)]))
    await make_open_item(client, guide(3))
    assert (await names(client))[0] == "最低生活保障"


@pytest.mark.parametrize("q", [None, "事项", "项"])
async def test_pages_follow_one_another_without_gap_or_repeat(client, process, q):
    await finish_import(client, process, csv_of([row(n) for n in range(25)]))
    query, seen = {"limit": 7} | ({"q": q} if q else {}), []
    while True:
        page = (await client.get("/api/v1/items", params=query)).json()
        seen += [item["item_code"] for item in page["data"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert len(seen) == 25
    assert set(seen) == {code_of(n) for n in range(25)}


async def test_pages_cross_from_titles_to_bodies(client, process):
    rows = [row(n, item_name=f"渔业许可{n}") for n in range(3)]
    rows += [row(n, item_name=f"捕捞{n}", parent_item_name="渔业") for n in range(3, 7)]
    await finish_import(client, process, csv_of(rows))
    first = (await client.get("/api/v1/items?q=渔业&limit=5&count=true")).json()
    assert (first["count"], first["count_is_exact"]) == (7, True)
    rest = (await client.get("/api/v1/items", params={"q": "渔业", "after": first["next"]})).json()
    assert len(first["data"]) + len(rest["data"]) == 7
    assert not {i["item_id"] for i in first["data"]} & {i["item_id"] for i in rest["data"]}


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "bnVsbA",
        "WzAsMSwiYSJd",
        "WzksMSx7InUiOiIwMTk5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDEifV0",
    ],
)
async def test_a_foreign_cursor_is_refused(client, cursor):
    answer = await client.get("/api/v1/items", params={"q": "事项", "after": cursor})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:onenet:problem:bad-cursor")


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("q", [None, "经营", "jingying", "营许"])
async def test_filters_hold_with_and_without_words(client, process, q):
    town = guide(
        99,
        name="小餐饮经营许可",
        task_type="01",
        department={"code": "68236467-9", "name": "区行政审批局"},
        region={"code": "511602001000", "name": "浓洄街道"},
        audience=["enterprise"],
        themes={"natural_person": [], "legal_person": ["010"]},
    )
    await make_open_item(client, town)
    words = {"q": q} if q else {}
    matching = [
        {"region": "511602001000"},
        {"department": "68236467-9"},
        {"type": "1"},
        {"type": "01", "audience": "enterprise"},
        {"audience": "enterprise", "theme": "010"},
        {"theme": "010"},
        {"online": "true"},
        {"region": "511602", "department": "68236467-9", "online": "true"},
    ]
    for query in matching:
        assert await names(client, **words, **query) == ["小餐饮经营许可"], query
    others = [
        {"region": "511603"},
        {"department": "nobody"},
        {"type": "02"},
        {"audience": "government"},
        {"audience": "natural_person", "theme": "010"},
        {"theme": "085"},
    ]
    for query in others:
        assert await names(client, **words, **query) == [], query
    for above in ("510000", "511600000000", "511602"):
        assert "小餐饮经营许可" in await names(client, **words, region=above)
    assert "小餐饮经营许可" not in await names(client, **words, online="false")


@pytest.mark.parametrize(
    "query",
    [
        {"region": "5116"},
        {"type": "permit"},
        {"audience": "all"},
        {"theme": "1"},
        {"limit": 0},
        {"online": "perhaps"},
        {"q": "长" * 201},
    ],
)
async def test_malformed_filters_are_named(client, query):
    answer = await client.get("/api/v1/items", params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/query/{next(iter(query))}"


async def test_a_new_name_is_found_at_once_and_the_old_no_more(client):
    item_id = await make_open_item(client, guide(1, name="旧名称事项"))
    path = f"/api/v1/catalog/items/{item_id}"
    tag = (await client.get(f"{path}/draft", headers=department())).headers["etag"]
    author = department(id="01990000-0000-7000-8000-000000000009")
    await client.put(
        f"{path}/draft",
        json={"guide": guide(1, name="崭新称呼")},
        headers=author | {"If-Match": tag},
    )
    await client.post(f"{path}/submission", headers=author)
    await client.post(f"{path}/approval", headers=platform())
    assert await names(client, q="崭新") == ["崭新称呼"]
    assert await names(client, q="旧名称") == []


def test_domain_words_stay_whole():
    assert "一网通办" in tokens.words("一网通办服务")
    assert "低保" in tokens.with_aliases("最低生活保障金")


def test_a_question_of_stop_words_only_is_kept():
    assert tokens.query_words("怎么办")


def test_pinyin_starts_at_every_character():
    assert tokens.pinyin("登记A") == ["dengji", "dj", "ji", "j"]


def test_pairs_hold_single_characters_too():
    assert tokens.pairs("低保") == ["低", "保", "低保"]


def test_lexemes_are_quoted():
    assert tokens.vector(["a'b", "c\\d", "a'b"]) == "'a''b' 'c\\\\d'"
