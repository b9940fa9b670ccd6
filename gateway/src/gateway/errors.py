"""The gateway's own failures, beside those of the chassis.

BadPath            400  a path no honest client sends
UpstreamLate       504  a service did not answer within the deadline
UpstreamAway       503  a service cannot be reached (chassis Unavailable)
Overloaded         503  too many requests are under way to a service
"""

from chassis.errors import ServiceError, Unavailable


class BadPath(ServiceError):
    slug = "bad-path"
    status = 400
    title_zh = "地址不合法"
    title_en = "Bad path"
    zh = "请求地址含有不允许的字符。请使用文档中的地址。"
    en = "The path holds characters that are not allowed. Use a documented address."


class UpstreamLate(ServiceError):
    slug = "deadline-exceeded"
    status = 504
    title_zh = "处理超时"
    title_en = "Deadline exceeded"
    zh = "服务未能在时限内答复。写操作请用同一 Idempotency-Key 重试。"
    en = "The service did not answer in time. Repeat a write with the same Idempotency-Key."


class UpstreamAway(Unavailable):
    slug = "service-away"
    zh = "后端服务暂时无法连接，请在 {retry_after} 秒后再试。"
    en = "A service behind the gateway cannot be reached. Try again in {retry_after} seconds."


class Overloaded(Unavailable):
    slug = "overloaded"
    zh = "当前请求过多，请在 {retry_after} 秒后再试。"
    en = "Too many requests are under way. Try again in {retry_after} seconds."
