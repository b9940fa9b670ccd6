"""What a rating tells the other services: the mark, never the words or the person behind them."""

from typing import ClassVar

from case_svc.cases.events import CaseEvent


class CaseRated(CaseEvent):
    """A service of a case was rated, once."""

    type: ClassVar[str] = "case.rated.v1"

    service: str
    satisfaction: int
