"""The tokens of Chinese titles: words, pinyin, initials, pairs of characters."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

import pypinyin
import rjieba

# Words that the general dictionary splits or lacks.
DOMAIN_WORDS: Final = (
    "一网通办", "跨省通办", "好差评", "容缺受理", "办件", "即办件", "承诺件", "告知承诺", "一件事",
    "社会保障卡", "居住证", "残疾人证", "特困人员", "低保", "公积金", "不动产", "营业执照",
    "道路运输", "卫生许可", "社会团体", "民办非企业单位", "最低生活保障", "临时救助",
)  # fmt: skip
# The catalogue's term → the everyday one; the index holds both.
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
# Longer runs of letters are cut: PostgreSQL allows a lexeme 2 KB.
_RUN: Final = re.compile(r"[\u3400-\u9fff]+|[0-9a-z]{1,500}")
_PINYIN_LETTERS: Final = 48
_INITIAL_LETTERS: Final = 24


@cache
def cutter() -> rjieba.Jieba:
    """The segmenter with the domain's words added; loading its dictionary takes a while."""
    jieba = rjieba.Jieba()
    for word in (*DOMAIN_WORDS, *ALIASES, *ALIASES.values()):
        jieba.add_word(word, 20_000, None)
    return jieba


def runs(text: str) -> list[str]:
    """The runs of Chinese characters and of letters and digits; anything else separates them.

    Full-width and capital letters are folded first.
    """
    return _RUN.findall(unicodedata.normalize("NFKC", text).lower())


def is_chinese(run: str) -> bool:
    return not run.isascii()


def words(text: str) -> list[str]:
    """Each word once; a long word also as its parts."""
    segments = (cutter().cut_for_search(run) if is_chinese(run) else [run] for run in runs(text))
    return list(dict.fromkeys(word for segment in segments for word in segment))


def with_aliases(text: str) -> list[str]:
    """The words of a text, and the everyday terms for what it names."""
    aliases = [alias for term, alias in ALIASES.items() if term in text]
    return list(dict.fromkeys(word for part in (text, *aliases) for word in words(part)))


def query_words(text: str) -> list[str]:
    """The words of a question without its stop words, unless it has no others."""
    segments = (cutter().cut(run) if is_chinese(run) else [run] for run in runs(text))
    every = list(dict.fromkeys(word for segment in segments for word in segment))
    return [word for word in every if word not in STOP_WORDS] or every


def pinyin(text: str) -> list[str]:
    """Pinyin and initials from every character on, so that a prefix match finds any part."""
    spellings: list[str] = []
    for run in filter(is_chinese, runs(text)):
        syllables = pypinyin.lazy_pinyin(run)
        initials = [syllable[0] for syllable in syllables]
        for start in range(len(run)):
            spellings.append("".join(syllables[start:])[:_PINYIN_LETTERS])
            spellings.append("".join(initials[start:])[:_INITIAL_LETTERS])
    return list(dict.fromkeys(spellings))


def pairs(text: str) -> list[str]:
    """Single characters and neighbouring pairs, for substrings that cut through words."""
    return list(dict.fromkeys(part for run in runs(text) for part in (*run, *query_pairs(run))))


def query_pairs(run: str) -> list[str]:
    """The neighbouring pairs of a run, or its only character."""
    return [run] if len(run) == 1 else [run[at : at + 2] for at in range(len(run) - 1)]


def lexeme(text: str) -> str:
    """The text quoted as one lexeme of a tsvector or tsquery."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def vector(lexemes: Iterable[str]) -> str:
    """A tsvector literal, without positions: ranking does not use them."""
    return " ".join(lexeme(text) for text in dict.fromkeys(lexemes))


def all_of(queries: Sequence[str]) -> str:
    """A tsquery literal that requires every one of these tsquery literals."""
    return " & ".join(f"({query})" for query in queries)
