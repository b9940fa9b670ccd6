"""The people of the story: new citizens, and the staff of the samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from onenet.client import Network, SignedIn
from onenet.failures import Unexpected
from onenet.numbers import new_identity_number, new_mobile, new_name
from onenet.samples.files import people

PASSWORD: Final = "a-story-needs-a-password"  # noqa: S105 - of accounts that live for one story


@dataclass(frozen=True)
class Citizen:
    name: str
    id_number: str
    mobile: str
    network: Network

    @property
    def registration(self) -> dict[str, str]:
        return {
            "name": self.name,
            "id_number": self.id_number,
            "mobile": self.mobile,
            "password": PASSWORD,
        }


@dataclass(frozen=True)
class Company:
    name: str
    account: Network


@dataclass(frozen=True)
class Cast:
    public: Network
    base_url: str
    samples: Mapping[str, Any]

    @classmethod
    def at(cls, base_url: str, samples: Mapping[str, Any]) -> "Cast":
        return cls(Network.at(base_url), base_url, samples)

    def new_citizen(self) -> Citizen:
        """A new citizen, not registered yet, who signs in with the first request."""
        mobile = new_mobile()
        network = self._signed_in(mobile, PASSWORD)
        return Citizen(new_name(), new_identity_number(), mobile, network)

    def staff(self, department_code: str, roles: tuple[str, ...], nth: int = 0) -> Network:
        """The nth member of the department with exactly these roles."""
        members = [
            member
            for member in self.samples["staff"]
            if member["department_code"] == department_code
            and sorted(member["roles"]) == sorted(roles)
        ]
        if len(members) <= nth:
            raise Unexpected(f"the samples have no {'+'.join(roles)} #{nth} in {department_code}")
        return self._signed_in(members[nth]["username"], members[nth]["password"])

    def stranger_to(self, department_code: str) -> Network:
        """A clerk of another department."""
        clerk = next(
            member
            for member in self.samples["staff"]
            if member["roles"] == ["clerk"] and member["department_code"] != department_code
        )
        return self._signed_in(clerk["username"], clerk["password"])

    def company(self) -> Company:
        agent = self.samples["companies"][0]
        return Company(agent["name"], self._signed_in(agent["username"], agent["password"]))

    def names_of_staff(self) -> frozenset[str]:
        """Names no applicant may read."""
        return frozenset(one["name"] for one in people()["staff"])

    def _signed_in(self, username: str, password: str) -> Network:
        return Network.at(self.base_url, SignedIn(self.base_url, username, password))
