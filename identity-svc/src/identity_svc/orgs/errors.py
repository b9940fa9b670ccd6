"""What can go wrong with regions, departments and staff.

ServiceError
├── NotFound
│   ├── RegionNotFound
│   ├── DepartmentNotFound
│   └── StaffNotFound
├── Forbidden
│   └── NotYourDepartment
└── Conflict
    ├── DepartmentExists
    └── UsernameTaken
ValueError
└── BadRegionCode           not a division code; callers turn it into a field error
"""

from chassis.errors import Conflict, Forbidden, NotFound


class BadRegionCode(ValueError):
    pass


class RegionNotFound(NotFound):
    slug = "region-not-found"
    zh = "没有找到行政区划 {region_code}。请核对代码。"
    en = "No region {region_code}. Check the code."


class DepartmentNotFound(NotFound):
    slug = "department-not-found"
    zh = "没有找到部门 {department_code}。请核对部门代码。"
    en = "No department {department_code}. Check the code."


class StaffNotFound(NotFound):
    slug = "staff-not-found"
    zh = "没有找到该工作人员，或您无权查看。"
    en = "No such member of staff, or not visible to you."


class NotYourDepartment(Forbidden):
    slug = "not-your-department"
    zh = "您只能管理本部门的工作人员，且不能授予平台管理员角色。请联系平台管理员。"
    en = "You manage staff of your own department only, and cannot give the role of platform"
    en += " administrator. Ask a platform administrator."


class DepartmentExists(Conflict):
    slug = "department-exists"
    zh = "部门 {department_code} 已存在。如需更改请用 PATCH。"
    en = "Department {department_code} already exists. Use PATCH to change it."


class UsernameTaken(Conflict):
    slug = "username-taken"
    zh = "该用户名或手机号已被使用。请换一个。"
    en = "This username or mobile number is in use. Choose another."
