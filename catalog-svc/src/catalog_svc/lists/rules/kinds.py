"""The public lists that follow from the items by their type."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """`basis` is the law or decree that requires the list."""

    name: str
    zh: str
    en: str
    task_types: tuple[str, ...]
    basis: str


_POWERS: Final = tuple(f"{number:02d}" for number in range(1, 20))

KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(
            "power",
            "权力清单",
            "Power list",
            _POWERS,
            "关于推行地方各级政府工作部门权力清单制度的指导意见",
        ),
        Kind("permits", "行政许可事项清单", "Permit list", ("01",), "优化营商环境条例第四十条"),
        Kind(
            "public_services",
            "公共服务事项清单",
            "Public service list",
            ("20",),
            "国务院关于在线政务服务的若干规定第六条",
        ),
        Kind("confirmations", "行政确认事项清单", "Confirmation list", ("07",), "权力清单制度"),
        Kind("benefits", "行政给付事项清单", "Benefit list", ("05",), "权力清单制度"),
    )
}
