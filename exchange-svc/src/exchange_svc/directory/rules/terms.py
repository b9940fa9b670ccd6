"""Resource codes and the terms of sharing (政务信息资源目录编制指南)."""

import re
from enum import StrEnum
from typing import Final

NO_CONDITION: Final = "无条件"
_CATEGORY: Final = re.compile(r"[123][0-9]{5}[0-9A-Z]{0,8}")


class ShareType(StrEnum):
    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NONE = "none"


def is_category(text: str) -> bool:
    """Class (1 base, 2 theme, 3 department), two digits, three digits, then free detail."""
    return _CATEGORY.fullmatch(text) is not None


def compose(category: str, number: int) -> str:
    """The resource code: its category and a running number in it."""
    return f"{category}{number:06d}"


def condition_of(share_type: ShareType, condition: str | None) -> str | None:
    """The text of the condition field; for unconditional sharing it is prescribed."""
    return NO_CONDITION if share_type is ShareType.UNCONDITIONAL else condition


def lacking(share_type: ShareType, condition: str | None, legal_basis: str | None) -> str | None:
    """The missing field: conditional sharing needs its condition, a refusal its legal basis."""
    if share_type is ShareType.CONDITIONAL and not condition:
        return "share_condition"
    if share_type is ShareType.NONE and not legal_basis:
        return "legal_basis"
    return None
