"""What can go wrong when a system asks for data or the ledger is checked.

ServiceError
├── NotFound
│   └── LedgerEntryNotFound  404
├── Forbidden             403  recorded in the ledger, each of them
│   ├── NoGrant
│   ├── FieldsNotGranted
│   └── NoSubjectLink     no live case of the department with this subject
└── TooMany
    └── QuotaExceeded     429
"""

from chassis.errors import Forbidden, NotFound, TooMany


class LedgerEntryNotFound(NotFound):
    slug = "ledger-entry-not-found"
    zh = "访问账本没有第 {after} 条。请从 after=0 或上次返回的 next 开始。"
    en = "The ledger has no entry {after}. Start at after=0 or at the `next` of the last answer."


class NoGrant(Forbidden):
    slug = "no-grant"
    zh = "本部门没有资源 {code} 的有效授权。请先提交共享申请。"
    en = "Your department has no grant in force for {code}. Request one first."


class FieldsNotGranted(Forbidden):
    slug = "fields-not-granted"
    zh = "授权不包括这些信息项：{fields}。"
    en = "The grant does not cover these fields: {fields}."


class NoSubjectLink(Forbidden):
    slug = "no-subject-link"
    zh = "没有与该主体对应的本部门在办办件。请核对办件编号与查询对象。"
    en = "No live case of your department has this subject. Check case number and subject."


class QuotaExceeded(TooMany):
    slug = "quota-exceeded"
    zh = "今日查询额度（{quota} 次）已用完，请在 {retry_after} 秒后再试。"
    en = "Today's quota of {quota} questions is exceeded. Try again in {retry_after} seconds."
