import pytest

from exchange_svc.main import create_service


@pytest.fixture(scope="session")
def service_factory():
    return create_service
