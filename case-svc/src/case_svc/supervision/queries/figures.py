"""The public figures, counted from rows at the moment of asking: no copy that could lag behind.

Each cohort (open items; cases submitted, accepted, decided in the period; ratings given and
rectifications fallen due in the period) is one statement, its columns named after the indicators.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import MATERIAL_PRESENT
from case_svc.cases.rules.lifecycle import MaterialState
from case_svc.cases.rules.regions import stem
from case_svc.supervision.rules.periods import Period
from chassis import clock

Figures = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Scope:
    """None means everything."""

    region: str | None
    department: str | None
    period: Period


# Limits become working days: calendar days × 5/7, a month is 30 calendar days, a day 8 hours.
_DAYS: Final = """
  (guide #>> '{{{0},value}}')::numeric * CASE guide #>> '{{{0},unit}}'
    WHEN 'working_day' THEN 1 WHEN 'calendar_day' THEN 5.0 / 7 WHEN 'month' THEN 150.0 / 7
    WHEN 'hour' THEN 1.0 / 8 WHEN 'minute' THEN 1.0 / 480 END
"""
_SCOPED: Final = """
  starts_with(region_code, :prefix) AND (:department = '' OR department_code = :department)
"""
_ITEMS: Final = f"""
WITH open_item AS (
  SELECT v.guide, (v.guide ->> 'visits')::numeric AS visits,
    {_DAYS.format("legal_limit")} AS legal, {_DAYS.format("promise")} AS promised
  FROM item JOIN item_version v USING (item_id, version)
  WHERE item.status = 'open' AND {_SCOPED}
)
SELECT count(*) AS items,
  count(*) FILTER (WHERE guide ->> 'project_type' = 'immediate') AS immediate,
  count(*) FILTER (WHERE (guide ->> 'online_applicable')::boolean) AS online,
  count(*) FILTER (WHERE guide ->> 'online_depth' = 'IV') AS fully_online,
  coalesce(sum(visits), 0) AS visits,
  count(*) FILTER (WHERE visits <= 1) AS one_visit,
  count(*) FILTER (WHERE visits = 0) AS no_visit,
  coalesce(sum(legal) FILTER (WHERE legal > 0), 0) AS legal,
  coalesce(sum(legal) FILTER (WHERE legal > 0), 0)
    - coalesce(sum(promised) FILTER (WHERE legal > 0), 0) AS spared_time
FROM open_item
"""  # noqa: S608 - constants only; values are bound
_SUBMITTED: Final = f"""
WITH cohort AS (
  SELECT * FROM case_file WHERE submitted_at >= :start AND submitted_at < :end AND {_SCOPED}
), history AS (
  SELECT case_id,
    count(*) FILTER (WHERE action = 'correction-notice') AS notices,
    bool_or(to_status = 'not_accepted') AS not_accepted,
    bool_or(to_status = 'returned') AS returned,
    bool_or(action = 'submission' AND actor_kind = 'citizen') AS online
  FROM case_entry WHERE case_id IN (SELECT case_id FROM cohort) GROUP BY case_id
), given AS (
  SELECT count(*) AS materials,
    count(*) FILTER (
      WHERE certificate_code IS NOT NULL AND state <> '{MaterialState.FAILED}') AS spared
  FROM case_material
  WHERE required AND {MATERIAL_PRESENT} AND case_id IN (SELECT case_id FROM cohort)
)
SELECT count(*) AS submitted,
  count(accepted_at) AS accepted,
  count(*) FILTER (WHERE not_accepted) AS not_accepted,
  count(*) FILTER (WHERE returned) AS returned,
  count(*) FILTER (WHERE outcome = 'refused') AS refused,
  count(*) FILTER (WHERE notices > 0) AS corrected,
  count(*) FILTER (WHERE notices = 1) AS corrected_once,
  count(*) FILTER (WHERE online) AS online,
  count(*) FILTER (WHERE EXISTS (SELECT FROM rating r WHERE r.case_id = cohort.case_id)) AS rated,
  (SELECT materials FROM given) AS materials,
  (SELECT spared FROM given) AS spared
FROM cohort LEFT JOIN history USING (case_id)
"""  # noqa: S608
_ACCEPTED: Final = f"""
SELECT count(*) AS accepted,
  count(*) FILTER (WHERE coalesce(decided_at, ended_at) >= legal.due_at
    OR (decided_at IS NULL AND ended_at IS NULL AND status <> 'suspended' AND :now >= legal.due_at)
  ) AS overdue
FROM case_file LEFT JOIN case_clock legal
  ON legal.case_id = case_file.case_id AND legal.kind = 'legal'
WHERE accepted_at >= :start AND accepted_at < :end AND {_SCOPED}
"""  # noqa: S608
# `passed` counts the working days up to each day, so a span of days is a difference of two.
_DECIDED: Final = f"""
WITH cohort AS (
  SELECT case_file.*, promise.due_at, promise.due_on,
    (accepted_at AT TIME ZONE 'Asia/Shanghai')::date AS accepted_on,
    (decided_at AT TIME ZONE 'Asia/Shanghai')::date AS decided_on
  FROM case_file LEFT JOIN case_clock promise
    ON promise.case_id = case_file.case_id AND promise.kind = 'promise'
  WHERE decided_at >= :start AND decided_at < :end AND {_SCOPED}
), passed AS (
  SELECT one::date AS day, count(*) FILTER (WHERE coalesce(d.is_workday,
      extract(isodow FROM one) < 6 AND (y.year IS NOT NULL OR
      to_char(one, 'MM-DD') NOT IN ('01-01', '05-01', '05-02', '10-01', '10-02', '10-03'))
    )) OVER (ORDER BY one) AS days
  FROM generate_series(
    (SELECT min(accepted_on) FROM cohort), (SELECT max(decided_on) FROM cohort), interval '1 day'
  ) AS one
  LEFT JOIN calendar_year y ON y.year = extract(year FROM one)
  LEFT JOIN calendar_day d ON d.date = one::date AND d.version = y.version
), paused AS (
  SELECT i.case_id, sum(e.days - b.days) AS days
  FROM case_interval i
  JOIN passed b ON b.day = (i.started_at AT TIME ZONE 'Asia/Shanghai')::date
  JOIN passed e ON e.day = (i.ended_at AT TIME ZONE 'Asia/Shanghai')::date
  WHERE i.case_id IN (SELECT case_id FROM cohort) GROUP BY i.case_id
)
SELECT count(*) AS decided,
  count(*) FILTER (WHERE decided_at < due_at) AS on_time,
  count(*) FILTER (WHERE decided_on < due_on) AS early,
  coalesce(sum(e.days - b.days - coalesce(paused.days, 0)), 0) AS days
FROM cohort
LEFT JOIN passed b ON b.day = accepted_on
LEFT JOIN passed e ON e.day = decided_on
LEFT JOIN paused USING (case_id)
"""  # noqa: S608
_RATED: Final = f"""
SELECT count(*) FILTER (WHERE satisfaction <= 3) AS good, count(*) AS ratings
FROM rating WHERE is_valid AND rated_at >= :start AND rated_at < :end AND {_SCOPED}
"""  # noqa: S608
_RECTIFIED: Final = f"""
SELECT count(*) AS due,
  count(rectified_at) AS rectified,
  count(*) FILTER (
    WHERE (rectified_at AT TIME ZONE 'Asia/Shanghai')::date <= rectify_due_on) AS on_time,
  count(called_back_at) AS called_back,
  count(*) FILTER (WHERE called_back_at IS NOT NULL AND satisfied) AS satisfied
FROM rectification
WHERE rectify_due_on BETWEEN :first AND :last
  AND (rectify_due_on < :today OR rectified_at IS NOT NULL)
  AND verification IS DISTINCT FROM 'invalid' AND verification IS DISTINCT FROM 'mistaken'
  AND {_SCOPED}
"""  # noqa: S608


async def load_figures(session: AsyncSession, scope: Scope) -> Figures:
    """Indicator code → numerator and denominator."""
    period = scope.period
    values = {
        "prefix": stem(scope.region) if scope.region else "",
        "department": scope.department or "",
        "first": period.first,
        "last": period.last,
        "start": datetime.combine(period.first, time(), clock.SHANGHAI),
        "end": datetime.combine(period.last + timedelta(days=1), time(), clock.SHANGHAI),
        "now": clock.now(),
        "today": clock.today(),
    }
    figures: Figures = {}
    for cohort, fractions in _COHORTS:
        bound = {name: value for name, value in values.items() if f":{name}" in cohort}
        row = (await session.execute(text(cohort), bound)).mappings().one()
        for code, (numerator, denominator) in fractions.items():
            figures[code] = float(row[numerator]), float(row[denominator])
    return figures


# Of each cohort: indicator code → the columns its numerator and denominator are.
_COHORTS: Final[tuple[tuple[str, dict[str, tuple[str, str]]], ...]] = (
    (
        _ITEMS,
        {
            "immediate_item_rate": ("immediate", "items"),
            "promise_compression": ("spared_time", "legal"),
            "online_item_rate": ("online", "items"),
            "fully_online_item_rate": ("fully_online", "items"),
            "average_visits": ("visits", "items"),
            "one_visit_item_rate": ("one_visit", "items"),
            "zero_visit_item_rate": ("no_visit", "items"),
        },
    ),
    (
        _SUBMITTED,
        {
            "acceptance_rate": ("accepted", "submitted"),
            "non_acceptance_rate": ("not_accepted", "submitted"),
            "return_rate": ("returned", "submitted"),
            "refusal_rate": ("refused", "submitted"),
            "correction_rate": ("corrected", "submitted"),
            "single_correction_rate": ("corrected_once", "corrected"),
            "no_submission_rate": ("spared", "materials"),
            "online_case_rate": ("online", "submitted"),
            "rated_case_rate": ("rated", "submitted"),
        },
    ),
    (_ACCEPTED, {"legal_overdue_rate": ("overdue", "accepted")}),
    (
        _DECIDED,
        {
            "on_time_rate": ("on_time", "decided"),
            "early_rate": ("early", "decided"),
            "average_working_days": ("days", "decided"),
        },
    ),
    (_RATED, {"good_rating_rate": ("good", "ratings")}),
    (
        _RECTIFIED,
        {
            "rectification_rate": ("rectified", "due"),
            "on_time_rectification_rate": ("on_time", "due"),
            "call_back_rate": ("called_back", "due"),
            "call_back_satisfaction_rate": ("satisfied", "called_back"),
        },
    ),
)
