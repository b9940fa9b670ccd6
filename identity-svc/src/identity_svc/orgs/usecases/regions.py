"""Import divisions, and resolve the region codes that people write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database.sessions import WriteSession
from chassis.errors import FieldError, Invalid
from chassis.outbox import record
from identity_svc.orgs import queries
from identity_svc.orgs.errors import BadRegionCode
from identity_svc.orgs.events import RegionChanged
from identity_svc.orgs.models import Region
from identity_svc.orgs.rules.codes import full_code
from identity_svc.orgs.rules.names import is_plain

LONGEST_REGION_NAME: Final = 200
_LONGEST_ECHO: Final = 40


@dataclass
class ImportReport:
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: list[tuple[int, str, str]] = field(default_factory=list)  # index, code, reason


async def import_regions(
    session: WriteSession, rows: Sequence[object], *, dry_run: bool
) -> ImportReport:
    """Add and rename divisions; a row that cannot be read is reported while the others go in."""
    report = ImportReport()
    names = _read_rows(rows, report)
    regions = await queries.regions_by_code(session, names.keys())
    for code, name in names.items():
        region = regions.get(code)
        if region is None:
            report.created += 1
            region = Region.named(code, name)
        elif region.name != name:
            report.changed += 1
            if not dry_run:
                region.name = name
                region.version += 1
        else:
            report.unchanged += 1
            continue
        if not dry_run:
            session.add(region)
            await publish_region(session, region)
    return report


async def publish_region(session: WriteSession, region: Region) -> None:
    await record(
        session,
        RegionChanged(
            region_code=region.code,
            name=region.name,
            level=region.level,
            parent_code=region.parent_code,
            version=region.version,
        ),
    )


async def listed_region(session: AsyncSession, code: str, *, pointer: str) -> str:
    """The 12-digit code; a field error at `pointer` when the region has not been imported."""
    full = full_region_code(code, pointer=pointer)
    if not await queries.is_listed_region(session, full):
        raise _unknown_region(pointer)
    return full


def full_region_code(code: str, *, pointer: str) -> str:
    """The 12-digit code; a field error at `pointer` when this is no division code."""
    try:
        return full_code(code)
    except BadRegionCode:
        raise _unknown_region(pointer) from None


def _unknown_region(pointer: str) -> Invalid:
    return Invalid(
        [
            FieldError(
                pointer,
                "unknown_region",
                "没有这个行政区划，请先导入区划",
                "No such region; import the regions first",
            )
        ]
    )


def _read_rows(rows: Sequence[object], report: ImportReport) -> dict[str, str]:
    """Names by code, in the order of the rows; the first row of a repeated code counts."""
    names: dict[str, str] = {}
    for index, row in enumerate(rows):
        code = row.get("code") if isinstance(row, Mapping) else None
        name = row.get("name") if isinstance(row, Mapping) else None
        # The report repeats the code: cut short, and without halves of surrogate pairs.
        echo = str(code or "")[:_LONGEST_ECHO].encode(errors="replace").decode()
        if not isinstance(code, str) or not isinstance(name, str) or not name.strip():
            report.errors.append((index, echo, "missing"))
            continue
        name = name.strip()
        if len(name) > LONGEST_REGION_NAME or not is_plain(name):
            report.errors.append((index, echo, "name"))
            continue
        try:
            full = full_code(code)
        except BadRegionCode:
            report.errors.append((index, echo, "code"))
            continue
        if full not in names:
            names[full] = name
        elif names[full] == name:
            report.unchanged += 1
        else:
            report.errors.append((index, echo, "twice"))
    return names
