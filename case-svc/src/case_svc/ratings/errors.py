"""What can go wrong with ratings and rectifications.

Conflict
├── AlreadyRated            409  this service of this case has its rating
├── NothingToRate           409  a draft has had no service yet
└── IllegalStep             409  the rectification is elsewhere; names what is possible
Forbidden
└── NotTheApplicant         403  a party without the power to rate, or staff
NotFound
└── RectificationNotFound   404  unknown, or not visible; never visible to who was rated
"""

from typing import Any

from chassis.errors import Conflict, Forbidden, NotFound


class AlreadyRated(Conflict):
    slug = "already-rated"
    zh = "“{service}”已评价过，一次一评。可评价的环节：{left}。"
    en = "{service} has been rated; each service is rated once. Still open: {left}."


class NothingToRate(Conflict):
    slug = "nothing-to-rate"
    zh = "草稿尚未提交，暂不能评价。请先提交申请。"
    en = "A draft has had no service yet. Submit the application first."


class IllegalStep(Conflict):
    slug = "illegal-rectification-step"
    zh = "整改单当前为 {state}，不能进行 {action}。现在可以：{allowed}。"
    en = "The rectification is {state}; {action} is not possible. Possible now: {allowed}."

    def __init__(self, state: str, action: str, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(state=state, action=action, allowed="、".join(allowed) or "–")

    def extensions(self) -> dict[str, Any]:
        return {"actions": list(self.allowed)}


class NotTheApplicant(Forbidden):
    slug = "not-the-applicant"
    zh = "只有申请人，或获授权可代为评价的经办人，才能评价。"
    en = "Only the applicant, or an agent with the power to rate, may rate this case."


class RectificationNotFound(NotFound):
    slug = "rectification-not-found"
    zh = "没有找到整改单 {rectification_id}，或您无权查看。"
    en = "No such rectification {rectification_id}, or it is not visible to you."
