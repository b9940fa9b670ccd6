"""What other services learn of a rating: the mark, never the words or who gave it."""

from typing import ClassVar

from case_svc.cases.events import CaseEvent


class CaseRated(CaseEvent):
    """A service of a case was rated, once."""

    type: ClassVar[str] = "case.rated.v1"

    service: str
    satisfaction: int
