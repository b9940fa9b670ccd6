"""What can go wrong in the directory.

ServiceError
├── NotFound
│   └── ResourceNotFound
└── Invalid
    ├── BadCategory
    └── TermsIncomplete    the terms of sharing lack a condition or a legal basis
"""

from chassis.errors import FieldError, Invalid, NotFound


class ResourceNotFound(NotFound):
    slug = "resource-not-found"
    zh = "没有找到数据资源 {code}。目录见 /api/v1/exchange/resources。"
    en = "No such resource {code}. The directory is at /api/v1/exchange/resources."


class BadCategory(Invalid):
    slug = "resource-category"

    def __init__(self) -> None:
        zh = "应为类 1 位（1 基础、2 主题、3 部门）、项 2 位、目 3 位，细目可选"
        en = "expected class (1–3), two digits, three digits, then free detail"
        super().__init__([FieldError("/category", "category", zh, en)])


class TermsIncomplete(Invalid):
    slug = "resource-terms"

    def __init__(self, field: str) -> None:
        zh = {
            "share_condition": "有条件共享须写明共享条件",
            "legal_basis": "不予共享须列明法律、行政法规或党中央、国务院政策依据",
        }
        en = {
            "share_condition": "conditional sharing needs its condition",
            "legal_basis": "refusing to share needs a law, regulation or State policy",
        }
        super().__init__([FieldError(f"/{field}", "required", zh[field], en[field])])
