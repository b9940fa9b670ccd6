"""Items, drafts, versions and the base catalogue as administrators write and read them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from catalog_svc.items.models import Draft, Item
from catalog_svc.items.queries import ManagedItem
from catalog_svc.items.rules import codes, lifecycle
from catalog_svc.items.rules.gaps import Gap
from catalog_svc.items.rules.lifecycle import Action, Status
from catalog_svc.items.schemas.public import GapOut, Json, NamedOut

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
TaskType = Annotated[
    str, StringConstraints(pattern=r"^\d{1,2}$"), AfterValidator(lambda written: written.zfill(2))
]
RegionCode = Annotated[
    str,
    StringConstraints(pattern=r"^\d{6}(\d{6})?$"),
    AfterValidator(lambda written: codes.region_code(written) or written),
]
AnyStatus = Literal["draft", "listed", "open", "suspended", "cancelled"]


class DepartmentIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class RegionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: RegionCode
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ItemIn(BaseModel):
    """What identifies the item; `guide` may already hold any part of its guide."""

    model_config = ConfigDict(extra="forbid")

    item_code: Code
    name: Text
    parent_name: Text | None = None
    task_type: TaskType
    department: DepartmentIn
    region: RegionIn
    guide: Json = Field(default_factory=dict)


class DraftIn(BaseModel):
    """The guide as far as it is written; its schema is `GET /api/v1/catalog/guide-schema`."""

    model_config = ConfigDict(extra="forbid")

    guide: Json


class ReasonIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Text


class LawIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    law: Text
    document_no: str | None = Field(default=None, max_length=200)
    article: str | None = Field(default=None, max_length=200)
    text: str | None = Field(default=None, max_length=8000)


class EmptyIn(BaseModel):
    """A body may be `{}` or absent."""

    model_config = ConfigDict(extra="forbid")


class BaseItemIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    catalog_code: Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
    name: Text
    task_type: TaskType
    use_levels: list[Literal["1", "2", "3", "4", "5", "6", "7"]] = Field(min_length=1)
    legal_basis: list[LawIn] = Field(default_factory=list, max_length=100)


class BaseItemOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    catalog_code: str
    name: str
    task_type: str
    use_levels: list[str]
    legal_basis: list[Json]
    created_at: datetime


class ManagedItemOut(BaseModel):
    """`draft_status` is null while the item has no draft."""

    item_id: UUID
    item_code: str
    name: str
    task_type: str
    department: NamedOut
    region: NamedOut
    status: AnyStatus
    version: int
    revision: int
    draft_status: Literal["editing", "submitted", "returned", "approved"] | None
    actions: list[str]
    updated_at: datetime
    links: dict[str, str]


class DraftOut(BaseModel):
    """`tag` is the ETag; it is 0 for a draft that nobody has saved yet."""

    item_id: UUID
    status: Literal["editing", "submitted", "returned", "approved"]
    tag: int
    guide: Json
    guide_gaps: list[GapOut]
    return_reason: str | None
    edited_by: UUID
    submitted_by: UUID | None
    submitted_at: datetime | None
    updated_at: datetime
    actions: list[str]
    links: dict[str, str]


class VersionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    version: int
    source: Literal["approval", "import"]
    submitted_by: UUID
    approved_by: UUID
    published_at: datetime


class VersionDetailOut(VersionOut):
    guide: Json


class RevisionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    revision: int
    action: str
    status: str
    version: int
    name: str
    reason: str | None
    actor_id: UUID
    recorded_at: datetime


class DifferenceOut(BaseModel):
    pointer: str
    change: Literal["added", "removed", "changed"]
    before: Any
    after: Any


class DiffOut(BaseModel):
    from_version: int
    to_version: int
    differences: list[DifferenceOut]


def managed_out(managed: ManagedItem) -> ManagedItemOut:
    named = managed.named
    item = named.item
    self = f"/api/v1/catalog/items/{item.item_id}"
    possible = lifecycle.allowed(lifecycle.MOVES, Status(item.status))
    return ManagedItemOut(
        item_id=item.item_id,
        item_code=item.item_code,
        name=item.name,
        task_type=item.task_type,
        department=NamedOut(code=item.department_code, name=named.department),
        region=NamedOut(code=item.region_code, name=named.region),
        status=item.status,
        version=item.version,
        revision=item.revision,
        draft_status=managed.draft_status,
        actions=[action for action in possible if action in _BY_HAND],
        updated_at=item.updated_at,
        links={
            "draft": f"{self}/draft",
            "versions": f"{self}/versions",
            "revisions": f"{self}/revisions",
            "public": f"/api/v1/items/{item.item_id}",
        },
    )


def draft_out(item: Item, draft: Draft, gaps: list[Gap], actions: list[str]) -> DraftOut:
    return DraftOut.model_validate(
        {
            **{name: getattr(draft, name) for name in _DRAFT_FIELDS},
            "guide_gaps": [vars(gap) for gap in gaps],
            "actions": actions,
            "links": {
                "self": f"/api/v1/catalog/items/{item.item_id}/draft",
                "public": f"/api/v1/items/{item.item_id}",
            },
        }
    )


# Lists and approvals move an item by their own routes.
_BY_HAND = frozenset({Action.SUSPEND, Action.RESUME, Action.CANCEL})
_DRAFT_FIELDS = (
    "item_id",
    "status",
    "tag",
    "guide",
    "return_reason",
    "edited_by",
    "submitted_by",
    "submitted_at",
    "updated_at",
)
