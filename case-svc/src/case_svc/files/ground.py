"""On what ground someone other than the uploader reads a file; `cases` decides, this room asks."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class FileGround:
    """`recorded`: the look goes into the holder's footprint list (staff, never the party)."""

    case_id: UUID
    recorded: bool
