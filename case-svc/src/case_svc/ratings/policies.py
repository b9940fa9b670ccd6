"""What a rater may still do."""

from collections.abc import Collection
from typing import Protocol

from case_svc.parties.rules.powers import Power
from case_svc.ratings.rules.scale import RatedService


class RateableCase(Protocol):
    """What is read of a case."""

    @property
    def case_no(self) -> str | None: ...
    @property
    def rated(self) -> list[str]: ...


def services_left(rated: Collection[str]) -> list[RatedService]:
    """What has not been rated yet, in the order of a case."""
    return [service for service in RatedService if service not in rated]


def rating_actions(case: RateableCase, powers: frozenset[str]) -> list[str]:
    """`["ratings"]` while something of this case may be rated; a draft has had no service yet."""
    offered = case.case_no is not None and Power.RATE in powers and services_left(case.rated)
    return ["ratings"] if offered else []
