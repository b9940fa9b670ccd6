"""Words of Chinese titles as the index keeps them: words, pinyin, initials, pairs of characters."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

import pypinyin
import rjieba

# The general dictionary cuts these in two or does not know them.
DOMAIN_WORDS: Final = (
    "一网通办", "跨省通办", "好差评", "容缺受理", "办件", "即办件", "承诺件", "告知承诺", "一件事",
    "社会保障卡", "居住证", "残疾人证", "特困人员", "低保", "公积金", "不动产", "营业执照",
    "道路运输", "卫生许可", "社会团体", "民办非企业单位", "最低生活保障", "临时救助",
)  # fmt: skip
# What people say → what the catalogue says; both stand in the index.
ALIASES: Final = {
    "最低生活保障": "低保",
    "特困人员": "五保",
    "道路运输": "货运",
    "机动车驾驶证": "驾照",
    "住房公积金": "公积金",
    "社会保险": "社保",
    "社会保障卡": "社保卡",
    "医疗保险": "医保",
    "营业执照": "工商执照",
    "殡葬": "丧葬",
    "养老保险": "养老金",
}
STOP_WORDS: Final = frozenset({
    "我", "我要", "我想", "想", "要", "怎么", "怎样", "如何", "的", "了", "吗", "呢", "在", "哪里",
    "哪", "请问", "办", "办理", "申请", "申办", "怎么办", "如何办", "要办", "去", "可以", "什么",
    "和", "与", "及",
})  # fmt: skip
# Longer stretches of letters are cut: a lexeme of PostgreSQL ends at 2 KB.
_RUN: Final = re.compile(r"[\u3400-\u9fff]+|[0-9a-z]{1,500}")
_PINYIN_LETTERS: Final = 48
_INITIAL_LETTERS: Final = 24


@cache
def _cutter() -> rjieba.Jieba:
    cutter = rjieba.Jieba()
    for word in (*DOMAIN_WORDS, *ALIASES, *ALIASES.values()):
        cutter.add_word(word, 20_000, None)
    return cutter


def plain(text: str) -> str:
    """Full-width and capital letters made ordinary."""
    return unicodedata.normalize("NFKC", text).lower()


def runs(text: str) -> list[str]:
    """The stretches of Chinese characters and of letters and digits; the rest separates."""
    return _RUN.findall(plain(text))


def is_chinese(run: str) -> bool:
    return not run.isascii()


def words(text: str) -> list[str]:
    """Each word once, long words also as their parts."""
    found: list[str] = []
    for run in runs(text):
        found += _cutter().cut_for_search(run) if is_chinese(run) else [run]
    return list(dict.fromkeys(found))


def with_aliases(text: str) -> list[str]:
    said = [alias for term, alias in ALIASES.items() if term in text]
    return list(dict.fromkeys(word for part in (text, *said) for word in words(part)))


def asked(text: str) -> list[str]:
    """The words of a question, without those that only make it a sentence."""
    cut = (_cutter().cut(run) if is_chinese(run) else [run] for run in runs(text))
    found = list(dict.fromkeys(word for part in cut for word in part))
    return [word for word in found if word not in STOP_WORDS] or found


def pinyin(text: str) -> list[str]:
    """From every character on: its pinyin and its initials, so that a prefix match finds it."""
    found: list[str] = []
    for run in filter(is_chinese, runs(text)):
        full = pypinyin.lazy_pinyin(run)
        first = [syllable[0] for syllable in full]
        for place in range(len(run)):
            found.append("".join(full[place:])[:_PINYIN_LETTERS])
            found.append("".join(first[place:])[:_INITIAL_LETTERS])
    return list(dict.fromkeys(found))


def pairs(text: str) -> list[str]:
    """Single characters and neighbouring pairs, for substrings that cut through words."""
    found: list[str] = []
    for run in runs(text):
        found += [*run, *(run[at : at + 2] for at in range(len(run) - 1))]
    return list(dict.fromkeys(found))


def pairs_asked(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[at : at + 2] for at in range(len(run) - 1)]


def lexeme(text: str) -> str:
    """`text` quoted as one lexeme of a tsvector or tsquery."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def vector(lexemes: Iterable[str]) -> str:
    """A tsvector literal, without positions: ranking does not use them."""
    return " ".join(lexeme(text) for text in dict.fromkeys(lexemes))


def every(parts: Sequence[str]) -> str:
    """A tsquery literal that asks for all `parts`, which are queries already."""
    return " & ".join(f"({part})" for part in parts)
