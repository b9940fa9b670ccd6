"""The public numbers and rules; warnings and cards for the staff they concern."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.supervision import usecases
from case_svc.supervision.errors import BadPeriod, WarningAnswered, WarningNotFound
from case_svc.supervision.models import SupervisionWarning
from case_svc.supervision.queries import warnings as queries
from case_svc.supervision.queries.figures import Figures, Scope, load_figures
from case_svc.supervision.rules.indicators import INDICATORS, value_of
from case_svc.supervision.rules.lights import Level, Rule, light_of
from case_svc.supervision.rules.periods import period_of
from case_svc.supervision.rules.watches import WATCHES, thresholds_text
from case_svc.supervision.schemas import (
    AnswerIn,
    IndicatorOut,
    PerformanceOut,
    PeriodOut,
    RuleList,
    RuleOut,
    ScopeOut,
    WarningOut,
)
from chassis import clock
from chassis.auth import Anyone, Staff
from chassis.database.sessions import ReadSession, WriteSession, process_of
from chassis.http.route import TransactionRoute
from chassis.pagination import Key, Page, PageQuery, page_of, paginate
from chassis.preconditions import digest_of, public_read
from chassis.problems import language_of, problems

router = APIRouter(route_class=TransactionRoute, prefix="/api/v1", tags=["supervision"])

Region = Annotated[
    str | None, Query(pattern=r"^([0-9]{6}|[0-9]{12})$", description="Division and all below it")
]
_NAMES = {watch.rule: watch for watch in WATCHES}


@router.get("/public/performance", responses=problems(BadPeriod))
async def read_performance(
    request: Request,
    response: Response,
    _actor: Anyone,
    session: ReadSession,
    region: Region = None,
    department: Annotated[str | None, Query(max_length=64)] = None,
    period: Annotated[str | None, Query(max_length=30)] = None,
) -> PerformanceOut:
    """Every indicator with numerator, denominator and definition, counted from the rows now.

    `period` is `2026`, `2026-11` or `2026-01-01..2026-03-31`; the current year when left out.
    """
    scope = Scope(
        region=region.ljust(12, "0") if region else None,
        department=department or None,
        period=period_of(period, clock.today()),
    )
    language = language_of(request.headers.get("accept-language"))
    answer = _performance_out(scope, await load_figures(session, scope), language)
    public_read(request, response, digest_of(answer), 0)
    return answer


@router.get("/supervision/rules")
async def list_rules(
    request: Request, response: Response, _actor: Anyone, session: ReadSession
) -> RuleList:
    """What is watched, from when a reminder, a warning or a card is written, and on what ground."""
    thresholds = usecases.thresholds_of(session)
    answer = RuleList(
        data=[
            RuleOut(
                rule=watch.rule.value,
                name_zh=watch.name_zh,
                name_en=watch.name_en,
                thresholds=thresholds_text(watch.rule, thresholds),
                basis=watch.basis,
            )
            for watch in WATCHES
        ],
        next=None,
    )
    public_read(request, response, digest_of(answer), 300)
    return answer


@router.get("/supervision/warnings")
async def list_warnings(
    actor: Staff,
    session: ReadSession,
    page: PageQuery,
    level: Annotated[Level | None, Query(description="Only this level")] = None,
    rule: Annotated[Rule | None, Query(description="Only this rule")] = None,
) -> Page[WarningOut]:
    """Reminders, warnings and cards of the actor's department and region, newest first."""
    statement = queries.visible_to(actor)
    if level is not None:
        statement = statement.where(SupervisionWarning.level == level.value)
    if rule is not None:
        statement = statement.where(SupervisionWarning.rule == rule.value)
    keys: list[Key] = [
        (SupervisionWarning.written_at, "desc"),
        (SupervisionWarning.warning_id, "desc"),
    ]
    window = await paginate(session, statement, keys, page)
    return page_of(window, [_warning_out(session, warning) for warning in window.rows])


@router.get("/supervision/warnings/{warning_id}", responses=problems(WarningNotFound))
async def read_warning(warning_id: UUID, actor: Staff, session: ReadSession) -> WarningOut:
    """One reminder, warning or card of the actor's department and region."""
    return _warning_out(session, await queries.get_warning(session, actor, warning_id))


@router.post(
    "/supervision/warnings/{warning_id}/answer",
    responses=problems(WarningNotFound, WarningAnswered),
)
async def answer_warning(
    warning_id: UUID, body: AnswerIn, actor: Staff, session: WriteSession, response: Response
) -> WarningOut:
    """Explain a warning, once; an explained yellow card does not turn red."""
    warning = await usecases.answer_warning(
        session, actor, warning_id, explanation=body.explanation
    )
    response.headers["Content-Location"] = f"/api/v1/supervision/warnings/{warning_id}"
    return _warning_out(session, warning)


def _performance_out(scope: Scope, figures: Figures, language: str) -> PerformanceOut:
    chinese = language == "zh"
    return PerformanceOut(
        scope=ScopeOut(
            region=scope.region,
            department=scope.department,
            period=PeriodOut(first=scope.period.first, last=scope.period.last),
        ),
        indicators=[
            IndicatorOut(
                code=indicator.code,
                level=indicator.level.value,
                name=indicator.name_zh if chinese else indicator.name_en,
                definition=indicator.zh if chinese else indicator.en,
                name_zh=indicator.name_zh,
                name_en=indicator.name_en,
                numerator=round(figures[indicator.code][0], 4),
                denominator=round(figures[indicator.code][1], 4),
                value=value_of(*figures[indicator.code]),
                unit=indicator.unit,
                definition_zh=indicator.zh,
                definition_en=indicator.en,
            )
            for indicator in INDICATORS
        ],
    )


def _warning_out(session: AsyncSession, warning: SupervisionWarning) -> WarningOut:
    watch = _NAMES[Rule(warning.rule)]
    answered = warning.answered_at is not None
    path = f"/api/v1/supervision/warnings/{warning.warning_id}/answer"
    return WarningOut(
        warning_id=warning.warning_id,
        case_no=warning.case_no,
        department_code=warning.department_code,
        region_code=warning.region_code,
        rule=warning.rule,
        rule_name_zh=watch.name_zh,
        rule_name_en=watch.name_en,
        level=warning.level,
        light=light_of(Level(warning.level)).value,
        due_on=warning.due_on,
        written_at=warning.written_at,
        answer=process_of(session).vault.decrypt(warning.answer) if warning.answer else None,
        answered_at=warning.answered_at,
        actions=[] if answered else ["answer"],
        links={} if answered else {"answer": path},
    )
