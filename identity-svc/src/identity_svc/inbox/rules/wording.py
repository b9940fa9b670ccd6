"""The text of a message by event type; it names the item and the case number, and nobody."""

from typing import Final

# event type → (title, text) in Chinese and in English
WORDING: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "case.submitted.v1": {
        "zh": ("申请已提交", "您的“{item_name}”申请已提交，办件编号 {case_no}，等待受理。"),
        "en": ("Submitted", "“{item_name}” was submitted under number {case_no}."),
    },
    "case.accepted.v1": {
        "zh": ("申请已受理", "您的“{item_name}”（{case_no}）已受理，办理时限开始计算。"),
        "en": ("Accepted", "“{item_name}” ({case_no}) was accepted; the time limit runs."),
    },
    "case.correction_requested.v1": {
        "zh": ("需要补正", "您的“{item_name}”（{case_no}）需要补正，请查看补正通知并按期提交。"),
        "en": ("Correction needed", "“{item_name}” ({case_no}) needs corrections; see the notice."),
    },
    "case.not_accepted.v1": {
        "zh": ("未予受理", "您的“{item_name}”（{case_no}）未予受理，理由和后续办法见办件详情。"),
        "en": ("Not accepted", "“{item_name}” ({case_no}) was not accepted; the case says why."),
    },
    "case.decided.v1": {
        "zh": ("已作出决定", "您的“{item_name}”（{case_no}）已作出决定：{outcome}。"),
        "en": ("Decided", "“{item_name}” ({case_no}) was decided: {outcome}."),
    },
    "case.finished.v1": {
        "zh": ("已办结", "您的“{item_name}”（{case_no}）已办结，欢迎评价。"),
        "en": ("Finished", "“{item_name}” ({case_no}) is finished. Please rate the service."),
    },
    "case.returned.v1": {
        "zh": ("已退件", "您的“{item_name}”（{case_no}）已退件，理由见办件详情。"),
        "en": ("Returned", "“{item_name}” ({case_no}) was returned; the case says why."),
    },
}
_OUTCOMES: Final = {
    "zh": {"granted": "准予", "refused": "不予许可", None: "见办件详情"},
    "en": {"granted": "granted", "refused": "refused", None: "see the case"},
}


def worded(
    kind: str, language: str, *, item_name: str, case_no: str, outcome: str | None
) -> tuple[str, str]:
    """Title and text in `zh` or `en`."""
    title, text = WORDING[kind][language]
    outcomes = _OUTCOMES[language]
    words = outcomes.get(outcome, outcomes[None])
    return title, text.format(item_name=item_name, case_no=case_no, outcome=words)
