"""What can go wrong when acting for a company.

NotFound
└── CompanyNotFound   404  unknown, closed, or this person has nothing to do with it
"""

from chassis.errors import NotFound


class CompanyNotFound(NotFound):
    slug = "company-not-found"
    zh = "没有找到企业 {company_id}，或您没有它的授权。可代办的企业见 /api/v1/me/companies。"
    en = "No such company {company_id}, or you hold no mandate. See /api/v1/me/companies."
