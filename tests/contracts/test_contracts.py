"""What services promise one another: committed documents, and models that read what is sent."""

import importlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from chassis.http.application import build_app, describe_events
from chassis.signing import key_event
from chassis.subscriptions import merged
from chassis.testing.settings import settings_of
from identity_svc.login.subscriptions import SigningKeyRead

ROOT = Path(__file__).parents[2]
PACKAGES = {name: f"{name}_svc" for name in ("catalog", "case", "identity", "exchange")}


def create(name: str):
    create_service = importlib.import_module(f"{PACKAGES[name]}.main").create_service
    return create_service(settings_of(create_service))


GUIDES = [
    json.loads(path.read_text())
    for path in sorted((ROOT / "deploy/src/onenet/samples/guides").glob("*.json"))
]
SERVICES = {name: create(name) for name in PACKAGES}
PUBLISHED = {
    event.type: event
    for service in SERVICES.values()
    for event in (*service.events, *([key_event(service.name)] if service.signs else []))
}
REACTIONS = [
    (service.name, event_type, reaction.model)
    for service in SERVICES.values()
    for event_type, handlers in merged(service.subscriptions).items()
    for reaction in handlers
]


@pytest.mark.parametrize("name", PACKAGES)
class TestCommittedDocuments:
    def test_openapi_is_current(self, name):
        document = build_app(SERVICES[name]).openapi()
        assert document == json.loads((ROOT / f"{name}-svc/openapi.json").read_text())

    def test_asyncapi_is_current(self, name):
        document = describe_events(SERVICES[name])
        assert document == json.loads((ROOT / f"{name}-svc/asyncapi.json").read_text())


@pytest.mark.parametrize(("reader", "event_type", "model"), REACTIONS, ids=str)
class TestReaders:
    def test_someone_publishes_what_is_read(self, reader, event_type, model):
        assert event_type in PUBLISHED

    def test_required_fields_are_always_sent(self, reader, event_type, model):
        sent = PUBLISHED[event_type].model_fields
        needed = {n for n, one in model.model_fields.items() if one.is_required()}
        assert needed <= set(sent), f"{reader} needs {needed - set(sent)}"

    def test_whatever_the_producer_may_send_can_be_read(self, reader, event_type, model):
        producer = PUBLISHED[event_type]

        @settings(max_examples=25, deadline=None)
        @given(st.builds(producer, **_strategies(producer)))
        def reads(event):
            assert model.model_validate(event.model_dump(mode="json"))

        reads()


def _strategies(model):
    """Real guides, plain JSON where a field is open, and any value of its type elsewhere."""
    found = {}
    for name, one in model.model_fields.items():
        if name == "guide":
            found[name] = st.sampled_from(GUIDES) | st.none()
        elif "Any" in str(one.annotation) or "object" in str(one.annotation):
            found[name] = st.dictionaries(st.text(), st.integers() | st.text() | st.none())
        else:
            found[name] = st.from_type(one.annotation)
    return found


def test_key_events_can_be_read():
    fields = {"kid": "case-1", "jwk": {"kty": "EC"}, "retired_at": None}
    sent = key_event("case").model_validate(fields)
    assert TypeAdapter(SigningKeyRead).validate_python(sent.model_dump()).kid == "case-1"
