"""What can go wrong with persons and companies.

ServiceError
├── NotFound
│   ├── PersonNotFound
│   └── CompanyNotFound
└── Conflict
    ├── AlreadyRegistered
    ├── CompanyRegistered
    └── NotHigher           the assurance level is not above the present one
"""

from chassis.errors import Conflict, NotFound


class PersonNotFound(NotFound):
    slug = "person-not-found"
    zh = "没有找到该人员。请核对编号。"
    en = "No such person. Check the id."


class CompanyNotFound(NotFound):
    slug = "company-not-found"
    zh = "没有找到该单位，或您无权代表它。"
    en = "No such company, or you do not represent it."


class AlreadyRegistered(Conflict):
    slug = "already-registered"
    zh = "该身份证号或手机号已注册。请直接登录，或更换手机号。"
    en = "This identity number or mobile is already registered. Sign in, or use another mobile."


class CompanyRegistered(Conflict):
    slug = "company-registered"
    zh = "统一社会信用代码 {uscc} 已登记。"
    en = "The unified social credit code {uscc} is already registered."


class NotHigher(Conflict):
    slug = "assurance-not-higher"
    zh = "当前实名等级为 {level}，只能核验为更高的等级。"
    en = "The present assurance level is {level}; a check can only raise it."
