"""What can go wrong with an item.

ServiceError
├── NotFound
│   ├── ItemNotFound
│   ├── VersionNotFound
│   ├── BaseItemNotFound
│   └── DraftNotFound
├── Forbidden
│   ├── NotYourDepartment
│   └── OwnSubmission        a guide is approved by somebody other than its submitter
├── Conflict
│   ├── ItemNotOpen          listed, suspended or cancelled: no application now
│   ├── IllegalMove          names what is possible instead
│   ├── ItemCodeTaken
│   ├── CatalogCodeTaken
│   └── GuideIncomplete      names every gap
└── Invalid
    └── WrongAnswers
"""

from collections.abc import Sequence
from typing import Any

from chassis.errors import Conflict, Forbidden, Invalid, NotFound


class ItemNotFound(NotFound):
    slug = "item-not-found"
    zh = "没有找到事项 {item_id}。请从事项列表重新选择。"
    en = "No such item: {item_id}. Choose one from the list of items."


class VersionNotFound(NotFound):
    slug = "item-version-not-found"
    zh = "该事项没有第 {version} 版。可在 versions 中查看全部版本。"
    en = "The item has no version {version}. All versions are listed under versions."


class BaseItemNotFound(NotFound):
    slug = "base-item-not-found"
    zh = "基本目录中没有基本编码 {catalog_code}。"
    en = "The base catalogue has no code {catalog_code}."


class DraftNotFound(NotFound):
    slug = "draft-not-found"
    zh = "该事项没有在编的草稿。"
    en = "The item has no draft."


class NotYourDepartment(Forbidden):
    slug = "not-your-department"
    zh = "事项属于部门 {department}，您只能管理本部门的事项。"
    en = "The item belongs to department {department}; you manage your own only."


class OwnSubmission(Forbidden):
    slug = "own-submission"
    zh = "提交人不能审批自己提交的办事指南。请由另一位管理员审批。"
    en = "You submitted this guide, so another administrator must approve it."


class ItemNotOpen(Conflict):
    slug = "item-not-open"
    zh = "事项目前不可在线申请（状态：{status}）。请查看 guide_gaps 或联系部门。"
    en = "The item is not open for application (status: {status}). See its guide_gaps."


class IllegalMove(Conflict):
    slug = "illegal-move"

    zh = "状态为 {state} 时不能 {action}。现在可以：{possible}。"
    en = "In state {state}, {action} is not possible. Possible now: {possible}."

    def __init__(self, state: str, action: str, possible: Sequence[str]) -> None:
        self.possible = tuple(possible)
        super().__init__(state=state, action=action, possible=", ".join(possible) or "–")

    def extensions(self) -> dict[str, Any]:
        return {"actions": list(self.possible)}


class ItemCodeTaken(Conflict):
    slug = "item-code-taken"
    zh = "事项编码 {item_code} 已存在。请修改已有事项。"
    en = "The item code {item_code} exists already. Change that item instead."


class CatalogCodeTaken(Conflict):
    slug = "catalog-code-taken"
    zh = "基本编码 {catalog_code} 已存在。"
    en = "The catalog code {catalog_code} exists already."


class GuideIncomplete(Conflict):
    slug = "guide-incomplete"
    zh = "办事指南未通过发布检查。请按 guide_gaps 逐项补全后重新提交。"
    en = "The guide does not pass the publication checks. Close every gap and submit it again."

    def __init__(self, gaps: Sequence[dict[str, Any]]) -> None:
        self.gaps = tuple(gaps)
        super().__init__()

    def extensions(self) -> dict[str, Any]:
        return {"guide_gaps": list(self.gaps)}


class WrongAnswers(Invalid):
    slug = "wrong-answers"
    zh = "有的回答不在可选范围内。请按各项提示改正。"
    en = "Some answers are not among the options. Correct the fields named in errors."


class BadGuide(Invalid):
    slug = "bad-guide"
    zh = "办事指南的结构有误。请按各项提示改正。"
    en = "The guide is malformed. Correct the fields named in errors."
