"""What each process is told."""

import pytest

from onenet.databases import Database
from onenet.secret_keys import new_secrets
from onenet.services import GATEWAY, SERVICES, Layout, environment, processes, service_child
from onenet.state import Home


@pytest.fixture
def layout(tmp_path):
    def make(*, split):
        names = [*processes(split=split), GATEWAY]
        return Layout(
            home=Home(tmp_path, tmp_path),
            secrets=new_secrets(SERVICES),
            port=8080,
            ports={name: 9000 + number for number, name in enumerate(names)},
            databases={one: Database(f"app {one}", f"owner {one}") for one in SERVICES},
            nats_url="nats://x",
            files_url="file:///x",
            split=split,
        )

    return make


def test_together_each_service_is_one_process_that_works_too(layout):
    here = layout(split=False)
    assert [one for one in here.ports if one != GATEWAY] == list(SERVICES)
    assert environment(here, "case")["ONENET_WORKER"] == "true"


def test_apart_the_api_leaves_the_work_to_a_worker_with_a_port_of_its_own(layout):
    here = layout(split=True)
    api, worker = environment(here, "case"), environment(here, "case-worker")
    assert (api["ONENET_WORKER"], worker["ONENET_WORKER"]) == ("false", "true")
    assert api["ONENET_PORT"] != worker["ONENET_PORT"]
    same = {"ONENET_PORT", "ONENET_WORKER"}
    assert {k: v for k, v in api.items() if k not in same} == {
        k: v for k, v in worker.items() if k not in same
    }
    child = service_child(here, "case-worker")
    assert child.command[-2:] == ["case_svc", "serve"]
    assert child.name == "case-worker"


def test_the_gateway_asks_the_apis_and_never_a_worker(layout):
    here = layout(split=True)
    told = environment(here, GATEWAY)
    assert told["ONENET_CASE_URL"] == here.address("case")
    assert "ONENET_DATABASE_URL" not in told
