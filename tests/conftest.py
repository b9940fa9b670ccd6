"""The platform that end-to-end tests and strangers talk to: the one named, or one of their own."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from onenet.console import Reporter
from onenet.story.run import platform_of_its_own

REGIONS = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Platform:
    base_url: str
    samples: Path

    @property
    def state(self):
        return self.samples.parent


@pytest.fixture(scope="session")
def platform():
    """Up for the whole session; ONENET_BASE_URL and ONENET_SAMPLES name one that runs already."""
    base_url, samples = os.environ.get("ONENET_BASE_URL"), os.environ.get("ONENET_SAMPLES")
    if base_url and samples:
        yield Platform(base_url.rstrip("/"), Path(samples).absolute())
        return
    with platform_of_its_own(Reporter()) as (address, accounts):
        yield Platform(address, accounts)


@pytest.fixture(scope="session")
def real_input():
    """The real lists and divisions, where they lie beside the repository."""
    if not REGIONS.is_dir():
        pytest.skip("the real lists are not beside this repository")
    return REGIONS


def pytest_collection_modifyitems(items):
    """One platform for the session: whatever needs it runs in the same test process."""
    for item in items:
        if "platform" in getattr(item, "fixturenames", ()) or "e2e" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("platform"))
