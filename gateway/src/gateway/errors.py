"""The gateway's own failures, beside those of the chassis.

ServiceError
├── BadRequest           400  what cannot be read
├── Ambiguous            400  framing or headers that can be read in two ways; ends the connection
├── BadPath              400  a path no honest client sends
├── BadToken             401  a bearer token that is malformed, expired or forged
├── MethodNotAllowed     405
├── RequestTimeout       408  the client did not finish sending its body
├── UriTooLong           414
├── HeadersTooLarge      431
├── UpstreamBroken       502  a service answered what is not HTTP
├── UpstreamUnavailable  503  a service cannot be reached (chassis Unavailable)
├── OutcomeUnknown       503  the connection broke while a write was under way
├── Overloaded           503  too many requests or streams are under way
├── DocumentNotReady     503  a document is not collected yet
└── DeadlineExceeded     504  a service did not answer within the deadline
"""

from chassis.errors import ServiceError, Unauthenticated, Unavailable


class BadRequest(ServiceError):
    slug = "bad-request"
    status = 400
    title_zh = "请求无法读取"
    title_en = "Unreadable request"
    zh = "请求内容无法读取。请检查格式与编码。"
    en = "The request cannot be read. Check its format and encoding."


class Ambiguous(BadRequest):
    def headers(self) -> dict[str, str]:
        # Whatever follows on this connection may belong to the attack.
        return {"Connection": "close"}


class BadPath(ServiceError):
    slug = "bad-path"
    status = 400
    title_zh = "地址不合法"
    title_en = "Bad path"
    zh = "请求地址含有不允许的字符。请使用文档中的地址。"
    en = "The path holds characters that are not allowed. Use a documented address."


class BadToken(Unauthenticated):
    zh = "访问令牌无效或已过期。请重新登录后重试。"
    en = "The access token is invalid or has expired. Sign in again and repeat."

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="onenet", error="invalid_token"'}


class RequestTimeout(ServiceError):
    slug = "request-timeout"
    status = 408
    title_zh = "发送超时"
    title_en = "Request timeout"
    zh = "请求内容未能在时限内发送完毕。请检查网络后重试。"
    en = "The request was not sent completely in time. Check the network and try again."

    def headers(self) -> dict[str, str]:
        return {"Connection": "close"}


class UriTooLong(ServiceError):
    slug = "uri-too-long"
    status = 414
    title_zh = "地址过长"
    title_en = "URI too long"
    zh = "请求地址超过 {limit} 字节的上限。"
    en = "The address exceeds the limit of {limit} bytes."


class HeadersTooLarge(ServiceError):
    slug = "headers-too-large"
    status = 431
    title_zh = "请求头过大"
    title_en = "Headers too large"
    zh = "请求头超过 {limit} 字节的上限。"
    en = "The headers exceed the limit of {limit} bytes."


class UpstreamBroken(ServiceError):
    slug = "bad-gateway"
    status = 502
    title_zh = "服务答复异常"
    title_en = "Bad gateway"
    zh = "后端服务的答复无法读取。请稍后再试。"
    en = "A service behind the gateway gave an unreadable answer. Try again later."


class DeadlineExceeded(ServiceError):
    slug = "deadline-exceeded"
    status = 504
    title_zh = "处理超时"
    title_en = "Deadline exceeded"
    zh = "服务未能在时限内答复。写操作请用同一 Idempotency-Key 重试。"
    en = "The service did not answer in time. Repeat a write with the same Idempotency-Key."


class UpstreamUnavailable(Unavailable):
    slug = "upstream-unavailable"
    zh = "后端服务暂时无法连接，请在 {retry_after} 秒后再试。"
    en = "A service behind the gateway cannot be reached. Try again in {retry_after} seconds."


class OutcomeUnknown(Unavailable):
    slug = "outcome-unknown"
    zh = (
        "与服务的连接中断，无法确定是否已办理。请在 {retry_after} 秒后用同一 Idempotency-Key 重试。"
    )
    en = (
        "The connection broke; it may or may not have been done. Repeat it with the same"
        " Idempotency-Key in {retry_after} seconds."
    )


class Overloaded(Unavailable):
    slug = "overloaded"
    zh = "当前请求过多，请在 {retry_after} 秒后再试。"
    en = "Too many requests are under way. Try again in {retry_after} seconds."


class DocumentNotReady(Unavailable):
    slug = "document-not-ready"
    zh = "文档尚未收集齐（缺：{missing}），请在 {retry_after} 秒后再试。"
    en = (
        "The document is not complete yet (missing: {missing}). Try again in {retry_after} seconds."
    )
