"""What can go wrong with a case.

NotFound
├── CaseNotFound            404  unknown, or not visible to this actor
├── TaskNotFound            404
├── ProcedureNotFound       404  no such special procedure on this case
└── ProgressNotFound        404  case number and query code do not belong together
Forbidden
├── NotYourStep             403  role does not permit this step, or the acceptor would decide
├── NotApplicant            403  only the applicant side may do this
├── PowerMissing            403  the mandate does not hold this power
└── TransferNotPermitted    403
Conflict
├── IllegalMove             409  the state does not allow it; names what is possible now
├── NotInHand               409  the step's task is not in the actor's hand
├── TaskTaken               409  someone else was first
├── TaskDone                409  the task is finished
├── ItemNotOpen             409  suspended, listed only, or cancelled
├── CorrectionUsed          409  a second correction notice is not allowed
├── DeemedAccepted          409  the time to ask or decline is over: accepted by law
├── NoticeFirst             409  "still incomplete" needs a notice before it
├── ClaimsPending           409  a claimed certificate is not checked yet
├── ClaimsFailed            409  a required claim failed: ask for a correction
├── AlreadyExtended         409
├── TooLateToExtend         409  an overdue case is not revived
├── NothingPromised         409  no promised material is open
└── WrongStep               409  the opinion names another step than the present one
Invalid
├── SubmissionInvalid       422  form, answers or materials; one entry for each
├── BadReason               422
└── BadCalendar             422
TooMany
└── TooManyGuesses          429  wrong query codes
"""

from collections.abc import Iterable
from typing import Any

from chassis.errors import Conflict, Forbidden, Invalid, NotFound, TooMany


class CaseNotFound(NotFound):
    slug = "case-not-found"
    zh = "没有找到办件 {case_id}，或您无权查看。"
    en = "No such case {case_id}, or it is not visible to you."


class TaskNotFound(NotFound):
    slug = "task-not-found"
    zh = "没有找到任务 {task_id}，或您无权查看。"
    en = "No such task {task_id}, or it is not visible to you."


class ProcedureNotFound(NotFound):
    slug = "special-procedure-not-found"
    zh = "本办件没有编号为 {procedure_id} 的特别程序。"
    en = "This case has no special procedure {procedure_id}."


class ProgressNotFound(NotFound):
    slug = "progress-not-found"
    zh = "办件编号与查询密码不符。请核对受理回执后重试。"
    en = "Case number and query code do not belong together. Check your receipt."


class NotYourStep(Forbidden):
    slug = "not-your-step"
    zh = "您的岗位不能办理此环节（{step}）；受理人不得作出决定，即办件除外。"
    en = (
        "Your role may not finish this step ({step}); "
        "who accepted a case does not decide it, unless it is an immediate item."
    )


class NotApplicant(Forbidden):
    slug = "not-applicant"
    zh = "只有申请人或其代理人可以进行这项操作。"
    en = "Only the applicant or the applicant's agent may do this."


class PowerMissing(Forbidden):
    slug = "power-missing"
    zh = "您没有代表该企业办理此事项的有效授权（需要权限 {power}）。请由企业授权后再试。"
    en = "You hold no valid mandate of the company with the power {power} for this item."


class TransferNotPermitted(Forbidden):
    slug = "transfer-not-permitted"
    zh = "只有部门管理员可以转办任务。"
    en = "Only the department's administrator transfers tasks."


class IllegalMove(Conflict):
    slug = "illegal-move"
    zh = "办件当前状态为 {state}，不能进行 {action}。现在可以：{possible}。"
    en = "A case that is {state} does not allow {action}. Possible now: {possible}."

    def __init__(self, state: str, action: str, possible: Iterable[str]) -> None:
        self.possible = [str(one) for one in possible]
        named = ", ".join(self.possible) or "–"
        super().__init__(state=str(state), action=str(action), possible=named)

    def extensions(self) -> dict[str, Any]:
        return {"possible": self.possible}


class NotInHand(Conflict):
    slug = "task-not-in-hand"
    zh = "此环节（{step}）的任务不在您手中。请先认领任务再办理。"
    en = "The task of this step ({step}) is not in your hand. Claim it first."


class TaskTaken(Conflict):
    slug = "task-taken"
    zh = "任务已被他人认领。请刷新任务池。"
    en = "Someone else was first. Look at the pool again."


class TaskDone(Conflict):
    slug = "task-done"
    zh = "任务已经结束。"
    en = "The task is finished already."


class ItemNotOpen(Conflict):
    slug = "item-not-open"
    zh = "事项当前状态为 {status}，暂不接受申请。请关注事项状态或咨询 {department}。"
    en = "The item is {status} and takes no applications at present. Ask {department}."


class CorrectionUsed(Conflict):
    slug = "correction-used"
    zh = "每次申请只能一次性告知补正。现在可以受理或不予受理。"
    en = "Corrections are asked for once only. Accept the case, or decline it in writing."


class DeemedAccepted(Conflict):
    slug = "deemed-accepted"
    zh = "受理期限已于 {due} 届满而未告知，依法视为自收到材料之日起受理。请受理并继续办理。"
    en = "Nothing was said until {due}: by law the case counts as accepted. Accept it and go on."


class NoticeFirst(Conflict):
    slug = "notice-first"
    zh = "尚未一次性告知补正，不能以“补正后仍不齐”不予受理。请先发出补正告知。"
    en = "No correction notice was given, so it cannot be still incomplete. Give notice first."


class ClaimsPending(Conflict):
    slug = "claims-pending"
    zh = "申领的电子证照尚未核验完毕：{materials}。请稍候再受理。"
    en = "Claimed certificates are still being checked: {materials}. Accept when they are."


class ClaimsFailed(Conflict):
    slug = "claims-failed"
    zh = "必要的电子证照核验未通过：{materials}。请发出补正告知，或不予受理。"
    en = "Required certificates failed their check: {materials}. Give notice of correction."


class AlreadyExtended(Conflict):
    slug = "already-extended"
    zh = "期限只能延长一次。"
    en = "The period can be extended once only."


class TooLateToExtend(Conflict):
    slug = "too-late-to-extend"
    zh = "法定期限已于 {due} 届满，不能再延长。请尽快作出决定。"
    en = "The legal period ended on {due} and cannot be extended any more. Decide now."


class NothingPromised(Conflict):
    slug = "nothing-promised"
    zh = "没有待补交的承诺材料；现在只能补交承诺范围内且未逾期的材料。"
    en = "Only promised materials that are not overdue can be supplied now."


class WrongStep(Conflict):
    slug = "wrong-step"
    zh = "当前环节是 {present}，不是 {named}。"
    en = "The present step is {present}, not {named}."


class SubmissionInvalid(Invalid):
    slug = "submission-invalid"


class BadReason(Invalid):
    slug = "bad-reason"


class BadCalendar(Invalid):
    slug = "bad-calendar"


class TooManyGuesses(TooMany):
    slug = "too-many-guesses"
    zh = "查询密码错误次数过多，请在 {retry_after} 秒后再试，或登录后查看。"
    en = "Too many wrong query codes. Try again in {retry_after} seconds, or sign in."
