"""What can go wrong when an officer acts.

NotFound
└── ProcedureNotFound          404  no such special procedure on this case
Conflict
├── TaskTaken                  409  someone else was first
├── TaskDone                   409  the task is finished
├── CorrectionUsed             409  a second correction notice is not allowed
├── DeemedAccepted             409  the time to ask or decline is over: accepted by law
├── CorrectionNoticeRequired   409  "still incomplete" needs a notice before it
├── ClaimsPending              409  a claimed certificate is not checked yet
├── ClaimsFailed               409  a required claim failed: ask for a correction
├── AlreadyExtended            409
├── TooLateToExtend            409  an overdue case is not revived
└── WrongStep                  409  the opinion names another step than the present one
Invalid
├── ColleagueNotFit            422  the task cannot be transferred to this colleague
└── BadReason                  422
"""

from chassis.errors import Conflict, FieldError, Invalid, NotFound


class ProcedureNotFound(NotFound):
    slug = "special-procedure-not-found"
    zh = "本办件没有编号为 {procedure_id} 的特别程序。"
    en = "This case has no special procedure {procedure_id}."


class TaskTaken(Conflict):
    slug = "task-taken"
    zh = "任务已被他人认领。请刷新任务池。"
    en = "Someone else was first. Look at the pool again."


class TaskDone(Conflict):
    slug = "task-done"
    zh = "任务已经结束。"
    en = "The task is finished already."


class CorrectionUsed(Conflict):
    slug = "correction-used"
    zh = "每次申请只能一次性告知补正。现在可以受理或不予受理。"
    en = "Corrections are asked for once only. Accept the case, or decline it in writing."


class DeemedAccepted(Conflict):
    slug = "deemed-accepted"
    zh = "受理期限已于 {due} 届满而未告知，依法视为自收到材料之日起受理。请受理并继续办理。"
    en = "Nothing was said until {due}: by law the case counts as accepted. Accept it and go on."


class CorrectionNoticeRequired(Conflict):
    slug = "correction-notice-required"
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


class WrongStep(Conflict):
    slug = "wrong-step"
    zh = "当前环节是 {present}，不是 {named}。"
    en = "The present step is {present}, not {named}."


class ColleagueNotFit(Invalid):
    slug = "colleague-not-fit"

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__([FieldError("/to", code, zh, en)])


class BadReason(Invalid):
    slug = "bad-reason"
