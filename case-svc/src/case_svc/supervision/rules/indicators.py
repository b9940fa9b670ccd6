"""The public numbers as a table: what is divided by what, in both languages (domain 9.2)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Unit = Literal["ratio", "working_day", "visit"]


class Level(StrEnum):
    ITEM = "item"
    CASE = "case"
    RATING = "rating"


@dataclass(frozen=True)
class Indicator:
    code: str
    level: Level
    name_zh: str
    name_en: str
    unit: Unit
    zh: str
    en: str


_OPEN_ZH: Final = "在用且开放申请的事项"
_OPEN_EN: Final = "items open for application"

INDICATORS: Final = (
    Indicator(
        "immediate_item_rate", Level.ITEM, "即办率", "Immediate item rate", "ratio",
        f"即办件事项数 ÷ {_OPEN_ZH}数",
        f"immediate items ÷ {_OPEN_EN}",
    ),
    Indicator(
        "promise_compression", Level.ITEM, "承诺时限压缩比", "Promise compression", "ratio",
        "（法定时限之和 − 承诺时限之和）÷ 法定时限之和；仅计有法定时限的开放事项，折算为工作日："
        "自然日按 5/7，月按 30 自然日，8 小时、480 分钟各为 1 工作日",
        "(Σ legal limits − Σ promised limits) ÷ Σ legal limits of open items that have one, in "
        "working days: calendar days × 5/7, a month is 30 calendar days, 8 hours or 480 minutes "
        "are one working day",
    ),
    Indicator(
        "online_item_rate", Level.ITEM, "网上可办率", "Online item rate", "ratio",
        f"可网上申请的事项数 ÷ {_OPEN_ZH}数",
        f"items that can be applied for online ÷ {_OPEN_EN}",
    ),
    Indicator(
        "fully_online_item_rate", Level.ITEM, "全程网办率", "Fully online item rate", "ratio",
        f"网上办理深度为四级的事项数 ÷ {_OPEN_ZH}数",
        f"items at online depth IV ÷ {_OPEN_EN}",
    ),
    Indicator(
        "average_visits", Level.ITEM, "平均跑动次数", "Average visits", "visit",
        f"指南载明的到现场次数之和 ÷ {_OPEN_ZH}数",
        f"Σ visits declared in the guides ÷ {_OPEN_EN}",
    ),
    Indicator(
        "one_visit_item_rate", Level.ITEM, "最多跑一次率", "At most one visit rate", "ratio",
        f"到现场不超过一次的事项数 ÷ {_OPEN_ZH}数",
        f"items with at most one visit ÷ {_OPEN_EN}",
    ),
    Indicator(
        "zero_visit_item_rate", Level.ITEM, "零跑动率", "Zero visit rate", "ratio",
        f"无需到现场的事项数 ÷ {_OPEN_ZH}数",
        f"items without any visit ÷ {_OPEN_EN}",
    ),
    Indicator(
        "on_time_rate", Level.CASE, "按时办结率", "On-time rate", "ratio",
        "期内作出决定且不晚于承诺到期日的办件数 ÷ 期内作出决定的办件数",
        "cases decided in the period no later than the promised date ÷ cases decided in the period",
    ),
    Indicator(
        "legal_overdue_rate", Level.CASE, "法定超期率", "Legal overdue rate", "ratio",
        "期内受理的办件中，决定（未决定的以今日计）晚于法定到期日的办件数 ÷ 期内受理的办件数",
        "cases accepted in the period whose decision (or today, while running) is past the legal "
        "date ÷ cases accepted in the period",
    ),
    Indicator(
        "early_rate", Level.CASE, "提前办结率", "Early rate", "ratio",
        "期内早于承诺到期日作出决定的办件数 ÷ 期内作出决定的办件数",
        "cases decided in the period before the promised date ÷ cases decided in the period",
    ),
    Indicator(
        "average_working_days", Level.CASE, "平均办理时长", "Average handling time", "working_day",
        "期内作出决定的办件自受理起计入的工作日之和（扣除特别程序）÷ 期内作出决定的办件数",
        "Σ counted working days from acceptance to decision (special procedures excluded) ÷ cases "
        "decided in the period",
    ),
    Indicator(
        "acceptance_rate", Level.CASE, "受理率", "Acceptance rate", "ratio",
        "期内提交的办件中已受理的数量 ÷ 期内提交的办件数",
        "cases submitted in the period that were accepted ÷ cases submitted in the period",
    ),
    Indicator(
        "non_acceptance_rate", Level.CASE, "不予受理率", "Non-acceptance rate", "ratio",
        "期内提交的办件中不予受理的数量（不含依法无需许可）÷ 期内提交的办件数",
        "cases submitted in the period that were not accepted (not counting `not required`) ÷ "
        "cases submitted in the period",
    ),
    Indicator(
        "return_rate", Level.CASE, "退件率", "Return rate", "ratio",
        "期内提交的办件中退件的数量 ÷ 期内提交的办件数",
        "cases submitted in the period that were returned ÷ cases submitted in the period",
    ),
    Indicator(
        "refusal_rate", Level.CASE, "不予许可率", "Refusal rate", "ratio",
        "期内提交的办件中决定不予许可的数量 ÷ 期内提交的办件数",
        "cases submitted in the period that were refused ÷ cases submitted in the period",
    ),
    Indicator(
        "correction_rate", Level.CASE, "补正率", "Correction rate", "ratio",
        "期内提交的办件中发出补正通知的数量 ÷ 期内提交的办件数",
        "cases submitted in the period with a correction notice ÷ cases submitted in the period",
    ),
    Indicator(
        "single_correction_rate", Level.CASE, "一次补正合规率", "Single correction rate", "ratio",
        "期内提交、发出补正通知的办件中只通知一次的数量 ÷ 期内提交、发出补正通知的办件数",
        "cases with exactly one correction notice ÷ cases with any, submitted in the period",
    ),
    Indicator(
        "no_submission_rate", Level.CASE, "免提交率", "No-submission rate", "ratio",
        "期内提交的办件中以电子证照免于提交的必要材料数 ÷ 期内提交的办件的必要材料数",
        "required materials met by a certificate instead of an upload ÷ required materials of the "
        "cases submitted in the period",
    ),
    Indicator(
        "online_case_rate", Level.CASE, "网上办件率", "Online case rate", "ratio",
        "期内经网上渠道提交的办件数 ÷ 期内提交的办件数",
        "cases submitted online ÷ cases submitted in the period",
    ),
    Indicator(
        "good_rating_rate", Level.RATING, "好评率", "Good rating rate", "ratio",
        "期内有效评价中非常满意、满意、基本满意的数量 ÷ 期内有效评价数",
        "valid ratings of 1, 2 or 3 given in the period ÷ valid ratings given in the period",
    ),
    Indicator(
        "rated_case_rate", Level.RATING, "主动评价率", "Rated case rate", "ratio",
        "期内提交的办件中有评价的数量 ÷ 期内提交（可评价）的办件数；未评价不计为好评",
        "cases submitted in the period with a rating ÷ cases submitted in the period; silence "
        "does not count as good",
    ),
    Indicator(
        "rectification_rate", Level.RATING, "差评整改率", "Rectification rate", "ratio",
        "期内到期（或已整改）的差评中已整改的数量 ÷ 期内到期（或已整改）的差评数（不实的除外）",
        "rectified ÷ bad ratings due (or rectified) in the period, excluded ones aside",
    ),
    Indicator(
        "on_time_rectification_rate", Level.RATING, "差评按期整改率",
        "On-time rectification rate", "ratio",
        "期内到期（或已整改）的差评中按期整改的数量 ÷ 期内到期（或已整改）的差评数（不实的除外）",
        "rectified by the due date ÷ bad ratings due (or rectified) in the period, "
        "excluded ones aside",
    ),
    Indicator(
        "call_back_rate", Level.RATING, "回访率", "Call-back rate", "ratio",
        "期内到期（或已整改）的差评中已回访的数量 ÷ 期内到期（或已整改）的差评数（不实的除外）",
        "called back ÷ bad ratings due (or rectified) in the period, excluded ones aside",
    ),
    Indicator(
        "call_back_satisfaction_rate", Level.RATING, "回访满意率",
        "Call-back satisfaction rate", "ratio",
        "期内到期（或已整改）的差评中回访满意的数量 ÷ 其中已回访的数量",
        "satisfied at the call-back ÷ called back, of those that fell due in the period",
    ),
)  # fmt: skip


def value_of(numerator: float, denominator: float) -> float | None:
    """Four decimals; no denominator, no number."""
    return round(numerator / denominator, 4) if denominator else None
