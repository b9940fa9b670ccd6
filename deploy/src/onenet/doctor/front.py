"""The gateway, the keys it publishes, and the calendar that legal clocks need."""

import time
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import httpx

from chassis.clock import today
from onenet.doctor.findings import Finding, good, notice, wrong
from onenet.endpoints import Endpoints

AUTUMN: Final = 11
GONE: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


async def examine_gateway(endpoints: Endpoints) -> list[Finding]:
    """Each service as the gateway sees it, and its keys."""
    async with httpx.AsyncClient(base_url=endpoints.base_url, timeout=10) as http:
        try:
            before = time.time()
            ready = await http.get("/readyz")
        except httpx.HTTPError as error:
            do = "Start the gateway or mend its address: runbook AllGone."
            return [wrong("gateway", "answers", type(error).__name__, do)]
        seen = [*examine_parts(ready), examine_date(ready, before)]
        try:
            return [*seen, examine_keys(await http.get("/.well-known/jwks.json"))]
        except httpx.HTTPError as error:
            do = "Identity publishes them: see what it lacks, runbook PartMissing."
            return [*seen, wrong("keys", "published", type(error).__name__, do)]


def examine_parts(ready: httpx.Response) -> list[Finding]:
    try:
        parts: dict[str, dict[str, Any]] = ready.json()["parts"]
    except (ValueError, KeyError, TypeError):
        do = "What answers there is no gateway of this platform: check the address."
        return [wrong("gateway", "readiness", f"status {ready.status_code}", do)]
    findings = []
    for name, part in parts.items():
        what, detail = f"sees {name}", part["detail"]
        if part["ready"]:
            findings.append(good("gateway", what, "ready"))
        elif isinstance(detail, dict):  # a service that answers names what it lacks
            missing = "; ".join(f"{part}: {reason}" for part, reason in detail.items())
            findings.append(wrong("gateway", what, missing, "Runbook PartMissing."))
        else:
            findings.append(wrong("gateway", what, detail, "Runbook ServiceUnanswered."))
    return findings


def examine_date(ready: httpx.Response, before: float) -> Finding:
    said = ready.headers.get("date")
    if said is None:
        return good("gateway", "clock", "not told")
    there = datetime.strptime(said, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC).timestamp()
    apart = max(0.0, abs(there - before) - 1)  # the header has whole seconds
    if apart > 2:  # noqa: PLR2004 - as in databases
        do = "Switch time synchronisation (NTP) on, here and on the gateway's machine."
        return wrong("gateway", "clock", f"{apart:.0f} s apart", do)
    return good("gateway", "clock", f"{apart:.0f} s apart")


def examine_keys(answer: httpx.Response) -> Finding:
    kids = [one.get("kid", "") for one in answer.json()["keys"]] if answer.is_success else []
    makers = {kid.partition("-")[0] for kid in kids}
    missing = sorted({"identity", "case", "exchange"} - makers)
    if missing:
        do = (
            "Tokens, receipts and certificates cannot be checked by others until the keys are"
            f" there: look whether identity reads the events of {', '.join(missing)}."
        )
        return wrong("keys", "published", f"none of {', '.join(missing)}", do)
    return good("keys", "published", f"{len(kids)} for {', '.join(sorted(makers))}")


async def examine_calendar(endpoints: Endpoints) -> list[Finding]:
    """Legal clocks run in working days, so this year's and soon next year's must be official."""
    try:
        connection = await asyncpg.connect(endpoints.databases["case"], timeout=5)
        try:
            rows = await connection.fetch("SELECT year FROM calendar_year ORDER BY year")
        finally:
            await connection.close()
    except GONE:
        return []  # the database has a finding of its own
    years = {row["year"] for row in rows}
    this = today().year
    do = (
        "Enter the State Council's notice of public holidays with PUT /api/v1/calendar/YEAR;"
        " deadlines already running are computed again."
    )
    if this not in years:
        return [wrong("calendar", "this year", f"{this} is missing", do)]
    if this + 1 in years:
        return [good("calendar", "coverage", f"{min(years)}–{max(years)}")]
    # The notice for the next year comes out in autumn; until then weekends alone are counted.
    late = today().month >= AUTUMN
    said = f"ends with {max(years)}"
    return [
        notice("calendar", "next year", said, do) if late else good("calendar", "coverage", said)
    ]
