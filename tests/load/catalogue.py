"""A catalogue of any size in a database of the bench, with names put together from real ones.

The rows are copied in, because publishing them one by one takes hours. The words of the index come
from the service's own tokeniser, so that it holds what publishing would have written.
"""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import rjieba

from catalog_svc.items.models import Item
from catalog_svc.items.usecases.publishing import filter_tokens
from catalog_svc.search.rules import tokens
from catalog_svc.search.usecases import Entry, vectors
from chassis import clock

NAMES: Final = (
    "企业投资项目备案", "个体工商户注册登记", "最低生活保障对象认定", "残疾人证办理",
    "婚姻登记预约", "残疾人护理补贴申领", "道路运输经营许可", "社会保障卡申领",
    "教师资格认定", "食品经营许可", "城镇职工基本养老保险关系转移接续", "医疗机构执业登记",
    "公共场所卫生许可", "取水许可审批",
    "林木采伐许可证核发", "建筑工程施工许可证核发", "不动产登记资料查询", "住房公积金提取",
    "机动车驾驶证换领", "户口迁移登记", "居住证签注", "民办学校设立审批", "社会团体成立登记",
    "农药经营许可", "动物诊疗许可证核发", "种子生产经营许可", "出版物零售业务经营许可",
    "特种设备使用登记", "安全生产许可证核发", "失业保险金申领", "工伤认定申请", "劳动能力鉴定",
    "高龄津贴发放", "临时救助对象审核", "慈善组织公开募捐资格审核", "退役军人优待证申领",
)  # fmt: skip
PAPERS: Final = (
    "居民身份证", "营业执照副本", "申请表", "法定代表人身份证明", "授权委托书", "房屋租赁合同",
    "户口簿", "结婚证", "健康证明", "从业人员名单", "经营场所平面图", "安全管理制度", "验资报告",
    "近期免冠照片", "银行账户信息", "学历证书", "劳动合同", "土地使用证明", "环境影响评价文件",
)  # fmt: skip
COPIES: Final = 20  # divisions that offer the same item
BUREAUX: Final = 30
_INDEXES: Final = ("title", "body", "pairs")
# As PostgreSQL reads them.
_ARRAYS: Final = {"audience": "{natural_person}", "code_parts": "{}", "themes": "{}"}
_ENTRY_COLUMNS: Final = ("item_id", "title", "rank", "title_tsv", "body_tsv", "pairs_tsv")


@dataclass(frozen=True)
class Division:
    code: str
    city: str


@dataclass(frozen=True)
class Catalogue:
    """What can be searched for: the names of its items, and the cities that offer them."""

    names: Sequence[str]
    cities: Sequence[str]

    @staticmethod
    def department(city: str, number: int) -> str:
        return f"115{city[:4]}00{number:09d}"


async def fill(url: str, items: int, *, seed: int = 11) -> Catalogue:
    """Write `items` public items and their index rows into an empty, migrated database."""
    choice = random.Random(seed)
    names = _names(max(200, items // COPIES), choice)
    divisions = [
        Division(f"{city}{county:02d}000000", f"{city}00000000")
        for city in range(5101, 5122)
        for county in range(10)
    ]
    connection = await asyncpg.connect(url)
    try:
        for name in _INDEXES:
            await connection.execute(f"DROP INDEX ix_search_entry_{name}")
        await _copy(connection, names, divisions, items, choice)
        await connection.execute("SET maintenance_work_mem = '256MB'")
        for name in _INDEXES:
            await connection.execute(
                f"CREATE INDEX ix_search_entry_{name} ON search_entry USING gin ({name}_tsv)"
            )
        await connection.execute("VACUUM ANALYZE search_entry, item")
    finally:
        await connection.close()
    return Catalogue(names, sorted({division.city for division in divisions}))


def _names(wanted: int, choice: random.Random) -> list[str]:
    """The beginning of one real name and the end of another, as often as it takes."""
    parts = [rjieba.cut(name) for name in NAMES]
    names = dict.fromkeys(NAMES)
    for _ in range(50 * wanted):
        if len(names) >= wanted:
            break
        beginning, end = choice.choice(parts), choice.choice(parts)
        words = beginning[: choice.randint(1, len(beginning))] + end[len(end) // 2 :]
        names["".join(words)[:60]] = None
    return list(names)[:wanted]


async def _copy(
    connection: Any,
    names: Sequence[str],
    divisions: Sequence[Division],
    items: int,
    choice: random.Random,
) -> None:
    vectors_of = [_vectors(name, choice) for name in names]
    rows: list[str] = []
    entries: list[str] = []
    columns: list[str] = []
    for number in range(items):
        place = number % len(names)
        values = _item(number, names[place], choice.choice(divisions), choice)
        columns = list(values)
        filters = tokens.vector(filter_tokens(Item(**values)))
        title = "".join(tokens.runs(names[place]))
        rank = {"open": 2, "suspended": 1}.get(values["status"], 0)
        words = [f"{text} {filters}" for text in vectors_of[place]]
        rows.append(_line([*(values | _ARRAYS).values()]))
        entries.append(_line([values["item_id"], title, rank, *words]))
    await connection.copy_to_table("item", source=_chunks(rows), columns=columns)
    await connection.copy_to_table(
        "search_entry", source=_chunks(entries), columns=list(_ENTRY_COLUMNS)
    )


def _vectors(name: str, choice: random.Random) -> list[str]:
    body = " ".join((*choice.sample(PAPERS, 8), *choice.sample(NAMES, 6)))
    columns = vectors(Entry(clock.new_id(), name, body, (), 0))
    return [columns[column] for column in _ENTRY_COLUMNS[3:]]


def _item(number: int, name: str, division: Division, choice: random.Random) -> dict[str, Any]:
    """The columns of an item, as its class takes them."""
    status = choice.choices(("open", "suspended", "listed"), (70, 2, 28))[0]
    moment = clock.now()
    return {
        "item_id": clock.new_id(),
        "item_code": f"511Z{number:08d}-{division.code}-000-00",
        "code_kind": "other",
        "code_parts": {},
        "status": status,
        "version": 0 if status == "listed" else 1,
        "revision": 1,
        "name": name,
        "task_type": choice.choice(("01", "05", "07", "10", "20")),
        "department_code": Catalogue.department(division.city, choice.randrange(BUREAUX)),
        "region_code": division.code,
        "audience": ["natural_person"],
        "themes": {},
        "online_applicable": status == "open",
        "created_at": moment,
        "updated_at": moment,
    }


def _line(values: Sequence[Any]) -> str:
    """One line of PostgreSQL's text format; names hold no tabs."""
    return "\t".join(str(value).replace("\\", "\\\\") for value in values)


async def _chunks(lines: Sequence[str]) -> AsyncIterator[bytes]:
    for first in range(0, len(lines), 1000):
        yield ("\n".join(lines[first : first + 1000]) + "\n").encode()
