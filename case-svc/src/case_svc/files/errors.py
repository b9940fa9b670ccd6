"""What can go wrong with an upload or a download.

NotFound
└── FileMissing         404  unknown, or not visible to this actor
TooLarge
└── FileTooLarge        413  the content passes the limit; reading stopped there
WrongType
├── NotMultipart        415  the body is not multipart/form-data
└── FileTypeRefused     415  kind not accepted, or content, name and declared type disagree
Invalid
├── UploadBroken        422  the multipart body is malformed, cut off, or has no `file` part
├── FileEmpty           422  no bytes
├── BadDigest           422  Repr-Digest cannot be read
└── DigestMismatch      422  Repr-Digest names other content than what arrived
Conflict
└── UploadExpired       409  the upload took so long that it was swept
Unavailable
└── ContentUnreachable  503  the row is there, its content is not at hand
"""

from chassis.errors import Conflict, FieldError, Invalid, NotFound, TooLarge, Unavailable, WrongType


class FileMissing(NotFound):
    slug = "file-not-found"
    zh = "没有找到文件 {file_id}，或您无权查看。"
    en = "No such file {file_id}, or it is not visible to you."


class FileTooLarge(TooLarge):
    slug = "file-too-large"
    zh = "文件超过 {limit} 字节的上限。请压缩或拆分后再传。"
    en = "The file exceeds the limit of {limit} bytes. Compress or split it."


class NotMultipart(WrongType):
    slug = "not-multipart"
    zh = "请以 multipart/form-data 上传，文件放在名为 file 的部分。"
    en = "Upload as multipart/form-data, with the file in the part named `file`."


class FileTypeRefused(WrongType):
    slug = "file-type-refused"
    zh = "文件内容、扩展名与声明的类型不一致，或不接受此类文件。可上传：{allowed}。"
    en = "Content, extension and declared type disagree, or are not accepted. Use: {allowed}."


class UploadBroken(Invalid):
    slug = "upload-broken"
    zh = "上传内容不完整或格式有误。请检查后重新上传。"
    en = "The upload is incomplete or malformed. Check it and send it again."

    def __init__(self, code: str, zh: str, en: str, *, part: str = "file") -> None:
        super().__init__([FieldError(f"/{part}", code, zh, en)])


class FileEmpty(Invalid):
    slug = "file-empty"
    zh = "文件为空。请选择有内容的文件。"
    en = "The file is empty. Choose a file with content."

    def __init__(self) -> None:
        super().__init__([FieldError("/file", "empty", "文件为空", "the file is empty")])


class BadDigest(Invalid):
    slug = "bad-digest"
    zh = "Repr-Digest 头无法读取。应为 sha-256=:…:（RFC 9530）。"
    en = "Repr-Digest cannot be read. Send sha-256=:…: (RFC 9530)."

    def __init__(self) -> None:
        super().__init__([FieldError("", "digest", "摘要格式有误", "malformed digest")])


class DigestMismatch(Invalid):
    slug = "digest-mismatch"
    zh = "收到的内容与 Repr-Digest 不符，文件未保存。请重新上传。"
    en = "What arrived does not match Repr-Digest; nothing was kept. Upload it again."

    def __init__(self) -> None:
        super().__init__([FieldError("/file", "digest", "内容校验不符", "checksum differs")])


class UploadExpired(Conflict):
    slug = "upload-expired"
    zh = "上传用时过长，已被清理。请重新上传。"
    en = "The upload took too long and was swept away. Upload it again."


class ContentUnreachable(Unavailable):
    slug = "content-unreachable"
    zh = "文件内容暂时无法读取，请在 {retry_after} 秒后再试。"
    en = "The content cannot be read at present. Try again in {retry_after} seconds."
