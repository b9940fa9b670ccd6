from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .client import Visitor
from .journey import Case, Network, apply

TRAINING = "就业困难人员认定"


@pytest.fixture(scope="session")
def network(platform: Any) -> Iterator[Network]:
    network = Network.at(platform.base_url, platform.samples)
    yield network
    network.http.close()


@pytest.fixture
def public(network: Network) -> Visitor:
    return network.public


@pytest.fixture(scope="session")
def citizen(network: Network) -> Visitor:
    return network.register()


@pytest.fixture
def item(network: Network) -> dict[str, Any]:
    """A promise item with a form, a file and a review step."""
    return network.item(TRAINING)


@pytest.fixture
def case(citizen: Visitor, item: dict[str, Any]) -> Case:
    return apply(citizen, item)
