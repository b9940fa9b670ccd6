"""The lists as the public reads them."""

from pydantic import BaseModel

from catalog_svc.lists.rules.kinds import Kind


class ListOut(BaseModel):
    kind: str
    name_zh: str
    name_en: str
    task_types: tuple[str, ...]
    basis: str
    links: dict[str, str]


class ListsOut(BaseModel):
    data: list[ListOut]
    next: str | None


def list_out(kind: Kind) -> ListOut:
    return ListOut(
        kind=kind.name,
        name_zh=kind.zh,
        name_en=kind.en,
        task_types=kind.task_types,
        basis=kind.basis,
        links={"self": f"/api/v1/lists/{kind.name}"},
    )
