"""The chassis is tested through a small real service of its own (`sample`)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sample.main import create_service


@pytest.fixture(scope="session")
def service_factory():
    return create_service
