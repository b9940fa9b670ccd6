"""Lights, periods and the table of indicators."""

from datetime import date

import pytest

from case_svc.supervision.errors import BadPeriod
from case_svc.supervision.rules import indicators, lights, watches
from case_svc.supervision.rules.lights import Level, Light, Reading, Rule, Thresholds
from case_svc.supervision.rules.periods import Period, period_of

DEFAULTS = Thresholds(remind_share=0.5, warning_days=1, answer_days=2)
TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("rule", "left", "level"),
    [
        (Rule.PROMISE, 6, None),
        (Rule.PROMISE, 5, Level.REMIND),
        (Rule.PROMISE, 2, Level.REMIND),
        (Rule.PROMISE, 1, Level.YELLOW_WARNING),
        (Rule.PROMISE, 0, Level.YELLOW_WARNING),
        (Rule.PROMISE, -1, Level.YELLOW_CARD),
        (Rule.PROMISE, -2, Level.YELLOW_CARD),
        (Rule.PROMISE, -3, Level.RED_CARD),
        (Rule.BAD_RATING, -1, Level.YELLOW_CARD),
        (Rule.BAD_RATING, -3, Level.RED_CARD),
        (Rule.STEP, -1, Level.YELLOW_CARD),
        (Rule.NOTIFY, -1, Level.RED_CARD),
        (Rule.LEGAL, -1, Level.RED_CARD),
        (Rule.DELIVERY, -1, Level.RED_CARD),
        (Rule.LEGAL, 0, Level.YELLOW_WARNING),
    ],
)
def test_level_of_a_clock_of_ten_days(rule, left, level):
    assert lights.level_of(Reading(rule, 10, left), DEFAULTS) is level


def test_an_answered_yellow_card_stays_yellow():
    late = Reading(Rule.PROMISE, 10, -9)
    assert lights.level_of(late, DEFAULTS, answered=True) is Level.YELLOW_CARD


def test_a_level_never_falls_while_time_passes():
    for rule in set(Rule) - lights.FAULTS:
        levels = [lights.level_of(Reading(rule, 20, left), DEFAULTS) for left in range(20, -10, -1)]
        ranks = [-1 if one is None else list(Level).index(one) for one in levels]
        assert ranks == sorted(ranks)


def test_lights():
    assert [lights.light_of(one) for one in (None, *Level)] == [
        Light.GREEN, Light.GREEN, Light.YELLOW, Light.YELLOW, Light.RED,
    ]  # fmt: skip
    assert lights.gravest([]) is None
    assert lights.gravest([Level.RED_CARD, Level.REMIND]) is Level.RED_CARD


@pytest.mark.parametrize(
    ("text", "period"),
    [
        (None, Period(date(2026, 1, 1), date(2026, 12, 31))),
        ("", Period(date(2026, 1, 1), date(2026, 12, 31))),
        ("2024", Period(date(2024, 1, 1), date(2024, 12, 31))),
        ("2024-02", Period(date(2024, 2, 1), date(2024, 2, 29))),
        ("2026-01-15..2026-01-15", Period(date(2026, 1, 15), date(2026, 1, 15))),
    ],
)
def test_period_of(text, period):
    assert period_of(text, TODAY) == period


@pytest.mark.parametrize(
    "text",
    ["26", "2026-13", "2026-00", "0000", "2026-02-30..2026-03-01", "2026-03-02..2026-03-01",
     "2000-01-01..2026-01-01", "9999", "0001", "2101-01", "9999-12-31..9999-12-31", "2026..2027",
     "all", "2026-01-01", "２０２６"],
)  # fmt: skip
def test_what_is_no_period(text):
    with pytest.raises(BadPeriod):
        period_of(text, TODAY)


def test_indicator_codes_are_unique_and_every_text_stands_in_both_languages():
    codes = [one.code for one in indicators.INDICATORS]
    assert len(codes) == len(set(codes))
    for one in indicators.INDICATORS:
        assert all((one.name_zh, one.name_en, one.zh, one.en))


def test_nothing_divided_by_nothing_is_no_number():
    assert indicators.value_of(0, 0) is None
    assert indicators.value_of(1, 3) == 0.3333


def test_every_rule_is_told_to_the_public():
    assert {watch.rule for watch in watches.WATCHES} == set(Rule)
