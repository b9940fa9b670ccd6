"""What can go wrong with an import or export as a whole; a single row has a `RowFault`.

ServiceError
├── NotFound
│   └── ImportNotFound
├── Forbidden
│   └── GuidesByPlatformOnly   importing a guide publishes it, which only the platform may
├── WrongType
│   └── UnknownFormat
└── Invalid
    └── UnreadableFile         names what is wrong with the file
"""

from chassis.errors import FieldError, Forbidden, Invalid, NotFound, WrongType


class ImportNotFound(NotFound):
    slug = "import-not-found"
    zh = "没有找到导入任务 {import_id}。"
    en = "No such import: {import_id}."


class GuidesByPlatformOnly(Forbidden):
    slug = "guides-by-platform-only"
    zh = "导入完整办事指南即为发布，只能由平台管理员进行。请改用草稿与审批。"
    en = "Importing whole guides publishes them; only the platform may. Use drafts and approval."


class UnknownFormat(WrongType):
    slug = "unknown-import-format"
    zh = "无法识别文件格式。可用：CSV、XLSX、JSONL（按扩展名或内容类型判断）。"
    en = "The format is not known. Use CSV, XLSX or JSONL, recognised by extension or media type."


class UnreadableFile(Invalid):
    slug = "unreadable-file"
    zh = "文件无法读取：{zh_reason}。"
    en = "The file cannot be read: {en_reason}."

    def __init__(self, zh: str, en: str) -> None:
        fault = FieldError("/file", "unreadable", zh, en)
        super().__init__([fault], zh_reason=zh, en_reason=en)
