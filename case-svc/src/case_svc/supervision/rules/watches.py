"""The supervision rules as the public reads them: what is watched, from when, on what ground."""

from dataclasses import dataclass
from typing import Final

from case_svc.supervision.rules.lights import FAULTS, RED_AT_ONCE, Level, Rule, Thresholds


@dataclass(frozen=True)
class Watch:
    rule: Rule
    name_zh: str
    name_en: str
    basis: str


_PERMIT_LAW: Final = "《中华人民共和国行政许可法》"
WATCHES: Final = (
    Watch(Rule.NOTIFY, "受理时限", "Acceptance clock", f"{_PERMIT_LAW}第三十二条第一款第（四）项"),
    Watch(
        Rule.PROMISE, "承诺办结时限", "Promised clock", "实施清单；《优化营商环境条例》第三十五条"
    ),
    Watch(Rule.LEGAL, "法定办结时限", "Legal clock", f"{_PERMIT_LAW}第四十二条、第四十五条"),
    Watch(Rule.DELIVERY, "送达时限", "Delivery clock", f"{_PERMIT_LAW}第四十四条"),
    Watch(Rule.STEP, "环节时限", "Step limit", "办事指南所列环节时限"),
    Watch(
        Rule.SAME_PERSON,
        "受理与决定为同一人（即办件除外）",
        "Accepted and decided by one person (immediate items aside)",
        "审查与决定岗位分离的内部监督要求",
    ),
    Watch(
        Rule.NO_REASON,
        "不予许可未说明理由",
        "Refused without a reason",
        f"{_PERMIT_LAW}第三十八条第二款",
    ),
    Watch(
        Rule.BAD_RATING,
        "差评未按期联系或整改",
        "Bad rating not contacted or rectified in time",
        "国办发〔2019〕51号；地方时限规定",
    ),
)


def thresholds_text(rule: Rule, thresholds: Thresholds) -> dict[str, str]:
    """Level → when it is written, in one sentence a reader can check a case against."""
    if rule in FAULTS:
        return {Level.YELLOW_CARD: "发现即记"}
    levels = {
        Level.REMIND.value: f"剩余时间不足 {thresholds.remind_share:.0%}",
        Level.YELLOW_WARNING.value: f"剩余不超过 {thresholds.warning_days} 个工作日",
    }
    if rule in RED_AT_ONCE:
        return levels | {Level.RED_CARD.value: "超过到期日"}
    late = f"超过到期日逾 {thresholds.answer_days} 个工作日且未作说明"
    return levels | {Level.YELLOW_CARD.value: "超过到期日", Level.RED_CARD.value: late}
