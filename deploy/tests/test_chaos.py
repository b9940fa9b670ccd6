"""The hand that kills, and what reads the streams afterwards."""

import json
import random

import pytest

from onenet.chaos.faults import choose_child
from onenet.chaos.run import officers_of
from onenet.chaos.streams import count_disorder, message_of
from onenet.state import Home


@pytest.fixture
def home(tmp_path):
    names = ("gateway", "NATS", "PostgreSQL", "case", "identity")
    children = [{"name": name, "pid": number} for number, name in enumerate(names)]
    (tmp_path / "running.json").write_text(json.dumps({"children": children}))
    return Home(tmp_path, tmp_path)


def order(home, seed):
    choice = random.Random(seed)
    return [choose_child(home, {}, choice.random())["name"] for _ in range(30)]


def test_the_same_seed_strikes_in_the_same_order_and_another_in_another(home):
    assert order(home, 7) == order(home, 7)
    assert order(home, 7) != order(home, 8)
    assert set(order(home, 7)) == {"gateway", "NATS", "PostgreSQL", "case", "identity"}


def test_who_has_just_been_struck_rests(home):
    struck = dict.fromkeys(("gateway", "NATS", "PostgreSQL", "case"), float("inf"))
    assert {choose_child(home, struck, lot / 10)["name"] for lot in range(10)} == {"identity"}
    assert choose_child(home, {**struck, "identity": float("inf")}, 0.5) is None


def event(number, entity="a", event_id=None):
    envelope = {"id": event_id or f"{entity}{number}", "type": "case.decided.v1"}
    return message_of({**envelope, "subject": entity, "sequence": number})


def test_an_event_that_comes_after_a_later_one_is_out_of_order():
    assert count_disorder([event(1), event(2), event(1, "b"), event(3)]) == 0
    assert count_disorder([event(1), event(3), event(2)]) == 1


def test_a_stream_told_again_from_its_beginning_is_in_order():
    assert count_disorder([event(1), event(2), event(1), event(2), event(3)]) == 0


def test_two_clerks_and_a_decider_of_the_department_are_at_work():
    staff = [
        {"department_code": "d", "roles": ["clerk"], "username": "one"},
        {"department_code": "d", "roles": ["clerk", "decider"], "username": "two"},
        {"department_code": "d", "roles": ["decider"], "username": "three"},
        {"department_code": "e", "roles": ["decider"], "username": "elsewhere"},
    ]
    assert [one["username"] for one in officers_of({"staff": staff}, "d")] == [
        "one",
        "two",
        "three",
    ]
