"""What can go wrong with a case, whoever acts on it.

NotFound
├── CaseNotFound            404  unknown, or not visible to this actor
└── TaskNotFound            404
Forbidden
├── StepNotPermitted        403  role does not permit this step, or the acceptor would decide
└── TransferNotPermitted    403
Conflict
├── IllegalMove             409  the state does not allow it; names what is possible now
└── TaskNotClaimed          409  the step's task is not in the actor's hand
"""

from collections.abc import Iterable
from typing import Any

from chassis.errors import Conflict, Forbidden, NotFound


class CaseNotFound(NotFound):
    slug = "case-not-found"
    zh = "没有找到办件 {case_id}，或您无权查看。"
    en = "No such case {case_id}, or it is not visible to you."


class TaskNotFound(NotFound):
    slug = "task-not-found"
    zh = "没有找到任务 {task_id}，或您无权查看。"
    en = "No such task {task_id}, or it is not visible to you."


class StepNotPermitted(Forbidden):
    slug = "step-not-permitted"
    zh = "您的岗位不能办理此环节（{step}）；受理人不得作出决定，即办件除外。"
    en = (
        "Your role may not finish this step ({step}); "
        "who accepted a case does not decide it, unless it is an immediate item."
    )


class TransferNotPermitted(Forbidden):
    slug = "transfer-not-permitted"
    zh = "只有部门管理员可以转办任务。"
    en = "Only the department's administrator transfers tasks."


class IllegalMove(Conflict):
    slug = "illegal-move"
    zh = "办件当前状态为 {state}，不能进行 {action}。现在可以：{possible}。"
    en = "A case that is {state} does not allow {action}. Possible now: {possible}."

    def __init__(self, state: str, action: str, possible: Iterable[str]) -> None:
        self.possible = [str(action) for action in possible]
        named = ", ".join(self.possible) or "–"
        super().__init__(state=str(state), action=str(action), possible=named)

    def extensions(self) -> dict[str, Any]:
        return {"possible": self.possible}


class TaskNotClaimed(Conflict):
    slug = "task-not-claimed"
    zh = "此环节（{step}）的任务不在您手中。请先认领任务再办理。"
    en = "The task of this step ({step}) is not in your hand. Claim it first."
