"""What kind of applicant a unified social credit code stands for (GB 32100, first two signs)."""

from typing import Final

_KINDS: Final = {
    "11": "government",
    "12": "public_institution",
    "51": "social_organisation",
    "52": "social_organisation",
    "53": "social_organisation",
    "91": "enterprise",
    "92": "enterprise",
    "93": "enterprise",
}
NATURAL_PERSON: Final = "natural_person"


def applicant_type(uscc: str) -> str:
    """Individual businesses (92) and farmers' cooperatives (93) apply as enterprises do."""
    return _KINDS.get(uscc[:2], "other")
