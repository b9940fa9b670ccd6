import pytest

from case_svc.main import create_service

from .factories import World


@pytest.fixture(scope="session")
def service_factory():
    return create_service


@pytest.fixture
def world(prepared, process, client):
    return World(prepared.service, process, client)


@pytest.fixture
def busy_world(prepared, concurrent_process, concurrent_client):
    return World(prepared.service, concurrent_process, concurrent_client)
