"""What can go wrong with mandates.

ServiceError
├── NotFound
│   └── MandateNotFound
├── Forbidden
│   └── NotTheGrantee
└── Conflict
    ├── IllegalMove         names what is possible in the present state
    └── StatutoryMandate    the legal representative's own
"""

from collections.abc import Sequence
from typing import Any

from chassis.errors import Conflict, Forbidden, NotFound


class MandateNotFound(NotFound):
    slug = "mandate-not-found"
    zh = "没有找到该授权，或您不是当事人。"
    en = "No such mandate, or you are not a party to it."


class NotTheGrantee(Forbidden):
    slug = "not-the-grantee"
    zh = "只有被授权人可以接受授权。"
    en = "Only the grantee can accept a mandate."


class IllegalMove(Conflict):
    slug = "mandate-illegal-move"
    zh = "授权当前状态为 {state}，不能这样做。可以进行：{possible}。"
    en = "The mandate is {state}; this is not possible. Possible: {possible}."

    def __init__(self, state: str, allowed: Sequence[str]) -> None:
        self.allowed = list(allowed)
        super().__init__(state=state, possible=", ".join(self.allowed) or "–")

    def extensions(self) -> dict[str, Any]:
        return {"actions": self.allowed}


class StatutoryMandate(Conflict):
    slug = "statutory-mandate"
    zh = "法定代表人的权限随登记而定，不能撤销。请先办理法定代表人变更。"
    en = "A legal representative's authority follows the register and cannot be revoked here."
    en += " Change the legal representative first."
