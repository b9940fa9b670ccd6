"""Every look of an officer at someone's data is a fact of the same transaction."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.events import FootprintRecorded
from case_svc.cases.models import Case, CaseMaterial
from case_svc.files.ground import FileGround
from case_svc.parties import queries as parties
from chassis.auth import Actor
from chassis.clock import new_id, now
from chassis.outbox import record


async def record_look(
    session: AsyncSession, actor: Actor, case: Case, fields: Sequence[str], ground: str
) -> None:
    assert case.case_no is not None
    await record(
        session,
        FootprintRecorded(
            footprint_id=new_id(),
            person_id=case.person_id,
            at=now(),
            department_code=actor.department,
            department_name=await parties.department_name(session, actor),
            # Who has no post of a name is told by role: the holder must see who looked.
            post=actor.post or " ".join(sorted(actor.roles)) or actor.kind,
            actor_id=actor.id,
            fields=list(fields),
            case_id=case.case_id,
            case_no=case.case_no,
            ground=ground,
            version=1,
        ),
    )


async def record_file_read(
    session: AsyncSession, actor: Actor, ground: FileGround, file_id: str
) -> None:
    """An officer opened a file of the case; it is told by its material, not by its own name."""
    case = await session.get_one(Case, ground.case_id)
    statement = select(CaseMaterial.name).where(
        CaseMaterial.case_id == case.case_id, CaseMaterial.file_id == UUID(file_id)
    )
    names = sorted(set(await session.scalars(statement)))
    await record_look(session, actor, case, [f"material:{name}" for name in names], case.item_name)


async def record_timeline_read(session: AsyncSession, actor: Actor, case: Case) -> None:
    """The applicant's and the officers' own words stand in the history of a case."""
    if actor.kind != "citizen":
        await record_look(session, actor, case, ["timeline"], case.item_name)
