"""The databases: reachable, at the right revision, with free connections, nothing stuck."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
from alembic.script import ScriptDirectory

from onenet.doctor.findings import Finding, good, notice, wrong
from onenet.endpoints import Endpoints
from onenet.services import package_of

GONE: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
WAITING_SECONDS: Final = 30
LONG_SECONDS: Final = 300
FULL: Final = 0.8

QUESTION: Final = """
    SELECT
      (SELECT version_num FROM alembic_version) AS revision,
      (SELECT count(*) FROM outbox_event
        WHERE published_at IS NULL AND parked_reason IS NULL) AS waiting,
      (SELECT min(recorded_at) FROM outbox_event
        WHERE published_at IS NULL AND parked_reason IS NULL) AS oldest,
      (SELECT count(*) FROM outbox_event WHERE parked_reason IS NOT NULL) AS parked,
      (SELECT count(*) FROM dead_letter WHERE redriven_at IS NULL) AS letters,
      (SELECT sum(numbackends)::int FROM pg_stat_database) AS connections,
      current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int AS most,
      (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND xact_start < now() - make_interval(secs => $1)) AS long_ones,
      has_schema_privilege(current_user, 'public', 'CREATE') AS may_alter,
      clock_timestamp() AS moment
"""


async def examine(endpoints: Endpoints) -> list[Finding]:
    found: list[Finding] = []
    for service, url in endpoints.databases.items():
        found += await examine_database(service, url)
    return found


async def examine_database(service: str, url: str) -> list[Finding]:
    part = f"database of {service}"
    try:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            row = await connection.fetchrow(QUESTION, LONG_SECONDS)
        finally:
            await connection.close()
    except GONE as error:
        return [
            wrong(
                part,
                "answers",
                f"{type(error).__name__}",
                "Start PostgreSQL or mend its address; runbook DatabaseAway.",
            )
        ]
    assert row is not None
    return [
        examine_revision(part, service, row),
        examine_events(part, row),
        examine_dead_letters(part, service, row),
        *examine_connections(part, row),
        examine_rights(part, row),
        examine_clock(part, row),
    ]


def head_of(service: str) -> str:
    """The newest revision of the service's migrations, as this installation has them."""
    from importlib.util import find_spec

    spec = find_spec(package_of(service))
    assert spec is not None
    assert spec.origin is not None
    script = ScriptDirectory(str(Path(spec.origin).parent / "migrations"))
    return str(script.get_current_head())


def examine_revision(part: str, service: str, row: Mapping[str, Any]) -> Finding:
    head, present = head_of(service), row["revision"]
    if present == head:
        return good(part, "revision", head)
    return wrong(
        part,
        "revision",
        f"{present}, needs {head}",
        f"Run `python -m {package_of(service)} migrate`, or install the release it belongs to.",
    )


def examine_events(part: str, row: Mapping[str, Any]) -> Finding:
    if row["parked"]:
        return wrong(
            part,
            "outgoing events",
            f"{row['parked']} parked",
            "The bus refuses them for good: runbook EventParked.",
        )
    age = (row["moment"] - row["oldest"]).total_seconds() if row["oldest"] else 0
    if age > WAITING_SECONDS:
        return wrong(
            part,
            "outgoing events",
            f"{row['waiting']} wait, the oldest for {age:.0f} s",
            "The relay stands still: runbook RelayStandsStill.",
        )
    return good(part, "outgoing events", f"{row['waiting']} wait")


def examine_dead_letters(part: str, service: str, row: Mapping[str, Any]) -> Finding:
    if not row["letters"]:
        return good(part, "dead letters", "none")
    return wrong(
        part,
        "dead letters",
        f"{row['letters']} not re-driven",
        f"Look at them with GET /api/v1/operations/{service}/dead-letters, mend the cause,"
        " re-drive them: runbook DeadLetter.",
    )


def examine_connections(part: str, row: Mapping[str, Any]) -> list[Finding]:
    used = f"{row['connections']} of {row['most']}"
    findings = [good(part, "connections", used)]
    if row["connections"] > row["most"] * FULL:
        do = "Raise max_connections, or lower ONENET_POOL_SIZE or the number of replicas."
        findings = [notice(part, "connections", used, do)]
    if row["long_ones"]:
        findings.append(
            notice(
                part,
                "long transactions",
                f"{row['long_ones']} older than {LONG_SECONDS} s",
                "Find them in pg_stat_activity (xact_start) and end them with"
                " pg_terminate_backend(pid): they keep old rows from being cleared away.",
            )
        )
    return findings


def examine_rights(part: str, row: Mapping[str, Any]) -> Finding:
    if row["may_alter"]:
        do = "Run the service as its app role, which may read and write but not alter tables."
        return notice(part, "role", "may alter tables", do)
    return good(part, "role", "reads and writes only")


def examine_clock(part: str, row: Mapping[str, Any]) -> Finding:
    apart = abs((datetime.now(UTC) - row["moment"]).total_seconds())  # noqa: TID251 - the clock examined
    if apart > 2:  # noqa: PLR2004 - legal days turn at midnight, tokens live for minutes
        do = "Switch time synchronisation (NTP) on, here and on the database's machine."
        return wrong(part, "clock", f"{apart:.1f} s apart", do)
    return good(part, "clock", f"{apart:.2f} s apart")
