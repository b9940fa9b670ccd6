"""The roles of staff, and the duties of each."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    CLERK = "clerk"
    DECIDER = "decider"
    DEPARTMENT_ADMIN = "department_admin"
    PLATFORM_ADMIN = "platform_admin"


# name and duty, in Chinese and in English
DUTIES: Final[dict[Role, tuple[str, str, str, str]]] = {
    Role.CLERK: (
        "经办人",
        "受理申请、提出审查意见",
        "Clerk",
        "Accepts applications and reviews them",
    ),
    Role.DECIDER: (
        "审批人",
        "审查、批准延期、作出决定",
        "Decider",
        "Reviews, extends time limits and decides",
    ),
    Role.DEPARTMENT_ADMIN: (
        "部门管理员",
        "管理本部门人员与事项，转办任务",
        "Department administrator",
        "Manages staff and items of the department, transfers tasks",
    ),
    Role.PLATFORM_ADMIN: (
        "平台管理员",
        "管理全平台，但不作出审批决定",
        "Platform administrator",
        "Manages the platform, but decides no case",
    ),
}
