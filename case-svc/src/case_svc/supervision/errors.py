"""What can go wrong in supervision.

Invalid
└── BadPeriod          422  not `YYYY`, `YYYY-MM` or `YYYY-MM-DD..YYYY-MM-DD`
NotFound
└── WarningNotFound    404
Conflict
└── WarningAnswered    409  a warning is answered once
"""

from chassis.errors import Conflict, FieldError, Invalid, NotFound


class BadPeriod(Invalid):
    slug = "bad-period"
    zh = "统计期间无法识别。请用 2026、2026-11 或 2026-01-01..2026-03-31（至多十年）。"
    en = "The period cannot be read. Use 2026, 2026-11 or 2026-01-01..2026-03-31 (ten years)."

    def __init__(self) -> None:
        super().__init__([FieldError("/query/period", "period", "统计期间有误", "not a period")])


class WarningNotFound(NotFound):
    slug = "warning-not-found"
    zh = "没有找到监察记录 {warning_id}，或您无权查看。"
    en = "No such warning {warning_id}, or it is not visible to you."


class WarningAnswered(Conflict):
    slug = "warning-answered"
    zh = "该监察记录已说明，无需再次说明。"
    en = "This warning has been answered already."
