"""What can go wrong with grants.

ServiceError
├── NotFound
│   ├── GrantRequestNotFound
│   └── GrantNotFound
├── Conflict
│   ├── IllegalMove       names what is possible
│   ├── NotShared         the resource is not shared with anyone
│   └── GrantEnded
└── Invalid
    ├── UnknownFields     the resource has no such fields
    └── BadPeriod
"""

from collections.abc import Sequence
from typing import Any

from chassis.errors import Conflict, FieldError, Invalid, NotFound


class GrantRequestNotFound(NotFound):
    slug = "grant-request-not-found"
    zh = "没有找到该共享申请，或您无权查看。"
    en = "No such grant request, or it is not visible to you."


class GrantNotFound(NotFound):
    slug = "grant-not-found"
    zh = "没有找到该授权，或您无权查看。"
    en = "No such grant, or it is not visible to you."


class IllegalMove(Conflict):
    slug = "grant-request-illegal-move"
    zh = "申请当前状态为 {state}，不能这样做。可以进行：{possible}。"
    en = "The request is {state}; this is not possible. Possible: {possible}."

    def __init__(self, state: str, actions: Sequence[str]) -> None:
        self.actions = list(actions)
        super().__init__(state=state, possible=", ".join(self.actions) or "–")

    def extensions(self) -> dict[str, Any]:
        return {"actions": self.actions}


class NotShared(Conflict):
    slug = "resource-not-shared"
    zh = "该资源不予共享。依据：{basis}。"
    en = "This resource is not shared. Legal basis: {basis}."


class GrantEnded(Conflict):
    slug = "grant-ended"
    zh = "授权已经撤销。需要时请重新申请。"
    en = "The grant has been revoked already. Send a new request if you still need it."


class UnknownFields(Invalid):
    slug = "unknown-fields"

    def __init__(self, names: Sequence[str]) -> None:
        text = ", ".join(names)
        zh, en = f"资源没有这些信息项：{text}", f"the resource has no such fields: {text}"
        super().__init__([FieldError("/fields", "unknown", zh, en)])


class BadPeriod(Invalid):
    slug = "bad-period"

    def __init__(self) -> None:
        zh, en = "截止日期应不早于起始日期和今天", "must not lie before valid_from or today"
        super().__init__([FieldError("/valid_to", "period", zh, en)])
