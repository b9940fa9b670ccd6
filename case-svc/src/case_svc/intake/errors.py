"""What can go wrong with an application.

Forbidden
├── NotApplicant           403  only the applicant side may do this
└── InsufficientMandate    403  the mandate does not hold this power
Conflict
├── ItemNotOpen            409  suspended, listed only, or cancelled
└── NothingPromised        409  no promised material is open
Invalid
└── SubmissionInvalid      422  form, answers or materials; one entry for each
"""

from chassis.errors import Conflict, Forbidden, Invalid


class NotApplicant(Forbidden):
    slug = "not-applicant"
    zh = "只有申请人或其代理人可以进行这项操作。"
    en = "Only the applicant or the applicant's agent may do this."


class InsufficientMandate(Forbidden):
    slug = "insufficient-mandate"
    zh = "您没有代表该企业办理此事项的有效授权（需要权限 {power}）。请由企业授权后再试。"
    en = "You hold no valid mandate of the company with the power {power} for this item."


class ItemNotOpen(Conflict):
    slug = "item-not-open"
    zh = "事项当前状态为 {status}，暂不接受申请。请关注事项状态或咨询 {department}。"
    en = "The item is {status} and takes no applications at present. Ask {department}."


class NothingPromised(Conflict):
    slug = "nothing-promised"
    zh = "没有待补交的承诺材料；现在只能补交承诺范围内且未逾期的材料。"
    en = "Only promised materials that are not overdue can be supplied now."


class SubmissionInvalid(Invalid):
    slug = "submission-invalid"
