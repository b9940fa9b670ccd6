"""The kinds of failure every service shares; rooms derive their own named failures from them.

ServiceError
├── Unauthenticated      401  nobody is signed in, or the token is not good
├── Forbidden            403  signed in, but not permitted on a thing one may know of
├── NotFound             404  unknown, or not visible to this actor
├── Conflict             409  the wrong moment; says what is possible now
├── Stale                412  If-Match names an older version
├── TooLarge             413
├── WrongType            415
├── Invalid              422  malformed input, with one entry per field
├── PreconditionMissing  428  If-Match or Idempotency-Key is required here
├── TooMany              429  with Retry-After
└── Unavailable          503  with Retry-After

Each class carries a slug, a status and one sentence per language; the sentence says what to do
next and takes the keyword values given to the constructor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with the input; `pointer` is an RFC 6901 JSON pointer into the body."""

    pointer: str
    code: str
    zh: str
    en: str


class ServiceError(Exception):
    slug: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title_zh: ClassVar[str] = "服务出错"
    title_en: ClassVar[str] = "Service error"
    zh: ClassVar[str] = "服务暂时出错，请稍后再试。"
    en: ClassVar[str] = "The service failed. Try again later."

    def __init__(self, **values: Any) -> None:
        self.values: Mapping[str, Any] = values
        super().__init__(self.detail("en"))

    def title(self, language: str) -> str:
        return self.title_zh if language == "zh" else self.title_en

    def detail(self, language: str) -> str:
        template = self.zh if language == "zh" else self.en
        return template.format_map(_Missing(self.values))

    def extensions(self) -> dict[str, Any]:
        """Extra members of the problem document, for instance what is possible now."""
        return {}

    def headers(self) -> dict[str, str]:
        return {}


class _Missing(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "–"


class Unauthenticated(ServiceError):
    slug = "unauthenticated"
    status = 401
    title_zh = "请先登录"
    title_en = "Sign in first"
    zh = "没有有效的访问令牌。请登录后重试。"
    en = "There is no valid access token. Sign in and try again."

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="onenet"'}


class Forbidden(ServiceError):
    slug = "forbidden"
    status = 403
    title_zh = "没有权限"
    title_en = "Not permitted"
    zh = "您的身份不能进行这项操作。"
    en = "Your role does not permit this."


class NotFound(ServiceError):
    slug = "not-found"
    status = 404
    title_zh = "没有找到"
    title_en = "Not found"
    zh = "没有找到所请求的内容，或您无权查看。请核对地址。"
    en = "Nothing here, or it is not visible to you. Check the address."


class Conflict(ServiceError):
    slug = "conflict"
    status = 409
    title_zh = "当前不能这样做"
    title_en = "Not possible now"
    zh = "当前状态下不能这样做。"
    en = "This is not possible in the present state."


class Stale(ServiceError):
    slug = "stale"
    status = 412
    title_zh = "内容已被更新"
    title_en = "Changed meanwhile"
    zh = "您看到的版本已过期（当前为 {current}）。请重新读取后再提交。"
    en = "Your version is stale (now {current}). Read it again, then repeat."


class PreconditionMissing(ServiceError):
    slug = "precondition-required"
    status = 428
    title_zh = "缺少前提条件"
    title_en = "Precondition required"
    zh = "请求缺少 {header} 头。请补上后重试。"
    en = "The header {header} is required here. Send it and try again."


class TooLarge(ServiceError):
    slug = "too-large"
    status = 413
    title_zh = "内容过大"
    title_en = "Too large"
    zh = "内容超过 {limit} 字节的上限。请压缩或拆分后再传。"
    en = "The content exceeds the limit of {limit} bytes. Compress or split it."


class WrongType(ServiceError):
    slug = "wrong-type"
    status = 415
    title_zh = "类型不支持"
    title_en = "Unsupported type"
    zh = "不支持这种内容类型。可用：{allowed}。"
    en = "This content type is not supported. Use: {allowed}."


class Invalid(ServiceError):
    slug = "invalid"
    status = 422
    title_zh = "填写有误"
    title_en = "Invalid input"
    zh = "请按各项提示改正后再提交。"
    en = "Correct the fields named in errors and send it again."

    def __init__(self, errors: Sequence[FieldError] = (), **values: Any) -> None:
        self.errors = tuple(errors)
        super().__init__(**values)


class TooMany(ServiceError):
    slug = "too-many-requests"
    status = 429
    title_zh = "请求过于频繁"
    title_en = "Too many requests"
    zh = "请求过于频繁，请在 {retry_after} 秒后再试。"
    en = "Too many requests. Try again in {retry_after} seconds."

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.values.get("retry_after", 1))}


class Unavailable(ServiceError):
    slug = "unavailable"
    status = 503
    title_zh = "服务暂不可用"
    title_en = "Temporarily unavailable"
    zh = "服务暂不可用，请在 {retry_after} 秒后再试。"
    en = "Temporarily unavailable. Try again in {retry_after} seconds."

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.values.get("retry_after", 1))}
