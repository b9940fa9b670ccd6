"""What can go wrong when progress is looked up.

NotFound
└── ProgressNotFound   404  case number and query code do not belong together
TooMany
└── TooManyAttempts    429  wrong query codes
"""

from chassis.errors import NotFound, TooMany


class ProgressNotFound(NotFound):
    slug = "progress-not-found"
    zh = "办件编号与查询密码不符。请核对受理回执后重试。"
    en = "Case number and query code do not belong together. Check your receipt."


class TooManyAttempts(TooMany):
    slug = "too-many-attempts"
    zh = "查询密码错误次数过多，请在 {retry_after} 秒后再试，或登录后查看。"
    en = "Too many wrong query codes. Try again in {retry_after} seconds, or sign in."
