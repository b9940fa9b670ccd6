"""The pure modules, exhaustively, with a second opinion where there is one."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from identity_svc.inbox.rules.wording import WORDING, worded
from identity_svc.login.errors import InvalidScope
from identity_svc.login.rules import pkce, scopes, throttle
from identity_svc.login.rules.redirects import LOOPBACKS, is_allowed, origin_of, with_parameters
from identity_svc.mandates.errors import IllegalMove
from identity_svc.mandates.rules.lifecycle import Action, State, allowed, step
from identity_svc.orgs.errors import BadRegionCode
from identity_svc.orgs.rules.codes import Level, covers, full_code, level_of, parent_of
from identity_svc.orgs.rules.names import is_mobile, parse_sign_in_name
from identity_svc.people.rules.numbers import (
    CREDIT_ALPHABET,
    PROVINCES,
    Fault,
    citizen_check_digit,
    citizen_number_faults,
    credit_check_character,
    is_credit_code,
)

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


class TestRegionCodes:
    @pytest.mark.parametrize(
        ("written", "full", "level", "parent"),
        [
            ("51", "510000000000", Level.PROVINCE, None),
            ("5116", "511600000000", Level.CITY, "510000000000"),
            (" 511602 ", "511602000000", Level.COUNTY, "511600000000"),
            ("511602001", "511602001000", Level.TOWN, "511602000000"),
            ("511602001002", "511602001002", Level.VILLAGE, "511602001000"),
            ("441900003", "441900003000", Level.TOWN, "441900000000"),
        ],
    )
    def test_shape_tells_level_and_parent(self, written, full, level, parent):
        assert full_code(written) == full
        assert level_of(full) == level
        assert parent_of(full) == parent

    @pytest.mark.parametrize(
        "written", ["", "5", "511", "51160", "5116020000000", "51160x", "000000", "００", "-1"]
    )
    def test_other_text_is_no_code(self, written):
        with pytest.raises(BadRegionCode):
            full_code(written)

    def test_region_covers_itself_and_what_lies_inside(self):
        assert covers("511600000000", "511602000000")
        assert covers("511602000000", "511602000000")
        assert not covers("511602000000", "511600000000")
        assert not covers("511602000000", "511603000000")
        assert covers("510000000000", "511602001002")
        assert not covers("100000000000", "110000000000")


class TestSignInNames:
    @pytest.mark.parametrize(
        ("typed", "kind", "value"),
        [
            (" 13800001234 ", "mobile", "13800001234"),
            ("11010519491231002x", "id_number", "11010519491231002X"),
            ("platform.Admin", "username", "platform.admin"),
            ("12345", "username", "12345"),
        ],
    )
    def test_text_has_one_parse_sign_in_name(self, typed, kind, value):
        assert parse_sign_in_name(typed) == (kind, value)

    @pytest.mark.parametrize(
        "text", ["1380000123", "138000012345", "12800001234", "23800001234", "1380000123４", ""]
    )
    def test_other_numbers_are_no_mobiles(self, text):
        assert not is_mobile(text)


class TestCitizenNumbers:
    def test_known_good_number(self):
        assert citizen_number_faults("11010519491231002X", today=TODAY) == []

    @given(st.integers(0, 10**17 - 1))
    def test_check_digit_agrees_with_stdnum(self, number):
        digits = f"{number:017d}"
        assert citizen_check_digit(digits) == ric.calc_check_digit(digits + "0")

    @pytest.mark.parametrize(
        ("number", "faults"),
        [
            ("110105194912310021", [Fault.CHECK_DIGIT]),
            ("11010519491331002X", [Fault.BIRTH_DATE, Fault.CHECK_DIGIT]),
            ("110105491231002", [Fault.FORMAT]),
            ("11010519491231002x", [Fault.FORMAT]),
            ("", [Fault.FORMAT]),
            ("１１０１０５19491231002X", [Fault.FORMAT]),
        ],
    )
    def test_fault_is_named(self, number, faults):
        assert citizen_number_faults(number, today=TODAY) == faults

    @pytest.mark.parametrize(
        ("born", "possible"),
        [
            ("20261123", True),
            ("20261124", False),
            ("18960101", True),
            ("18951231", False),
            ("20240229", True),
            ("20230229", False),
            ("19900431", False),
            ("00000101", False),
        ],
    )
    def test_birth_date_must_have_been(self, born, possible):
        digits = f"511602{born}001"
        number = digits + citizen_check_digit(digits)
        expected = [] if possible else [Fault.BIRTH_DATE]
        assert citizen_number_faults(number, today=TODAY) == expected

    def test_there_are_31_provinces(self):
        assert len(PROVINCES) == 31


class TestCreditCodes:
    @pytest.mark.parametrize(
        "code", ["11440100MA0TE5T16A", "12330100MA0TE5T16C", "91110000MA0TE5T16C"]
    )
    def test_known_good_codes(self, code):
        assert is_credit_code(code)

    @given(st.integers(0, 10**8 - 1), st.text(CREDIT_ALPHABET, min_size=9, max_size=9))
    def test_check_character_agrees_with_stdnum(self, head, body):
        code = f"{head:08d}{body}"
        full = code + credit_check_character(code)
        assert is_credit_code(full)
        assert uscc.is_valid(full)

    @given(st.integers(0, 17), st.sampled_from(CREDIT_ALPHABET))
    def test_one_wrong_character_is_noticed(self, place, character):
        good = "91110000MA0TE5T16C"
        code = good[:place] + character + good[place + 1 :]
        assert is_credit_code(code) == (code == good)

    @pytest.mark.parametrize(
        "code", ["", "91110000MA0TE5T16", "91110000ma0te5t16c", "9111000OMA0TE5T16C", "I" * 18]
    )
    def test_other_shapes_are_refused(self, code):
        assert not is_credit_code(code)


MANDATE_MOVES = {  # written by hand
    (State.PENDING, Action.ACCEPT): State.ACTIVE,
    (State.PENDING, Action.REVOKE): State.REVOKED,
    (State.PENDING, Action.EXPIRE): State.EXPIRED,
    (State.ACTIVE, Action.ACCEPT): None,
    (State.ACTIVE, Action.REVOKE): State.REVOKED,
    (State.ACTIVE, Action.EXPIRE): State.EXPIRED,
    (State.REVOKED, Action.ACCEPT): None,
    (State.REVOKED, Action.REVOKE): None,
    (State.REVOKED, Action.EXPIRE): None,
    (State.EXPIRED, Action.ACCEPT): None,
    (State.EXPIRED, Action.REVOKE): None,
    (State.EXPIRED, Action.EXPIRE): None,
}


class TestMandateLifecycle:
    def test_table_is_complete(self):
        assert len(MANDATE_MOVES) == len(State) * len(Action)

    @pytest.mark.parametrize(("state", "action"), MANDATE_MOVES)
    def test_each_state_and_action(self, state, action):
        after = MANDATE_MOVES[state, action]
        if after is not None:
            assert step(state, action) == after
            return
        with pytest.raises(IllegalMove) as refused:
            step(state, action)
        assert refused.value.extensions() == {"actions": allowed(state)}

    def test_nobody_chooses_expiry(self):
        assert allowed(State.PENDING) == [Action.ACCEPT, Action.REVOKE]
        assert allowed(State.ACTIVE) == [Action.REVOKE]
        assert allowed(State.EXPIRED) == []


class TestPkce:
    # RFC 7636, appendix B
    VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    def test_vector_of_the_rfc(self):
        assert pkce.challenge_of(self.VERIFIER) == self.CHALLENGE
        assert pkce.is_challenge(self.CHALLENGE)
        assert pkce.matches(self.VERIFIER, self.CHALLENGE)

    @pytest.mark.parametrize(
        "verifier", ["", "short", "x" * 129, "ä" * 43, "x" * 43, "x" * 42 + "\n"]
    )
    def test_other_verifiers_do_not_fit(self, verifier):
        assert not pkce.matches(verifier, self.CHALLENGE)

    @pytest.mark.parametrize("challenge", ["", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "+"])
    def test_other_texts_are_no_challenge(self, challenge):
        assert not pkce.is_challenge(challenge)


class TestRedirects:
    @pytest.mark.parametrize(
        "uri",
        [
            "http://127.0.0.1",
            "http://127.0.0.1/",
            "http://127.0.0.1:1/callback",
            "http://localhost:65535/a/b?c=d&e=f",
            "http://[::1]:8080/callback",
        ],
    )
    def test_own_machine_on_any_port(self, uri):
        assert is_allowed(uri, LOOPBACKS)

    @pytest.mark.parametrize(
        "uri",
        [
            "",
            "https://127.0.0.1/callback",
            "HTTP://127.0.0.1/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://localhost.evil.example/",
            "http://127.0.0.1@evil.example/",
            "http://127.0.0.1:80@evil.example/",
            "http://user:pass@127.0.0.1/",
            "http://evil.example/?http://127.0.0.1/",
            "http://127.0.0.1:65536/",
            "http://127.0.0.1:99999999/",
            "http://127.0.0.1:/x",
            "http://127.0.0.1/#fragment",
            "http://127.0.0.1\\@evil.example/",
            "http://127.0.0.1 .evil.example/",
            "http://127.0.0.1/\r\nSet-Cookie: a=b",
            "http://127.0.0.1/\n",
            "http://127.1/",
            "http://2130706433/",
            "http://127.0.0.2/",
            "http://[::2]/",
            "//127.0.0.1/",
            "javascript:alert(1)",
            "http://127.0.0.1/“",
        ],
    )
    def test_tricks_are_refused(self, uri):
        assert not is_allowed(uri, LOOPBACKS)

    def test_registered_address_must_match_exactly(self):
        registered = ["https://app.example.gov.cn/callback"]
        assert is_allowed("https://app.example.gov.cn/callback", registered)
        assert not is_allowed("https://app.example.gov.cn/callback/", registered)
        assert not is_allowed("https://app.example.gov.cn/callback?a=b", registered)
        assert not is_allowed("http://127.0.0.1/", registered)

    def test_parameters_join_those_of_the_address(self):
        assert with_parameters("http://a/b", {"x": "1 2", "y": None}) == "http://a/b?x=1+2"
        assert with_parameters("http://a/b?c=d", {"x": "&"}) == "http://a/b?c=d&x=%26"

    def test_origin_keeps_the_port(self):
        assert origin_of("http://localhost:5173/x?y=z") == "http://localhost:5173"
        assert origin_of("http://[::1]") == "http://[::1]"


class TestScopes:
    def test_asked_for_in_order_and_once(self):
        assert scopes.granted_scope("cases openid cases", scopes.WEB) == "cases openid"

    def test_none_asked_gives_all(self):
        assert scopes.granted_scope(None, ["a", "b"]) == "a b"

    @pytest.mark.parametrize("asked", ["", "  ", "openid admin"])
    def test_others_are_refused(self, asked):
        with pytest.raises(InvalidScope):
            scopes.granted_scope(asked, scopes.WEB)


class TestThrottle:
    WINDOW = timedelta(seconds=900)

    def wait(self, *seconds_ago):
        failures = [NOW - timedelta(seconds=ago) for ago in seconds_ago]
        return throttle.seconds_until_allowed(failures, allowed=3, window=self.WINDOW, at=NOW)

    def test_few_failures_cost_nothing(self):
        assert self.wait() == 0
        assert self.wait(1, 2) == 0

    def test_pause_lasts_until_one_failure_is_old(self):
        assert self.wait(1, 2, 300) == 600
        assert self.wait(899.5, 1, 2) == 1
        assert self.wait(1, 2, 300, 800) == 600

    def test_old_failures_do_not_count(self):
        assert self.wait(1, 2, 900) == 0


class TestPause:
    LIMITS = throttle.Limits(
        per_name=2, per_name_anywhere=4, per_address=3, window=timedelta(seconds=900)
    )

    def attempt(self, succeeded, *, seconds_ago=10, same_name=True, same_address=True):
        moment = NOW - timedelta(seconds=seconds_ago)
        return throttle.Attempt(same_name, same_address, succeeded, moment)

    def wait(self, *attempts):
        return throttle.pause(attempts, self.LIMITS, at=NOW)

    def test_attempts_that_are_being_verified_count_for_their_name_and_address(self):
        assert self.wait(self.attempt(None)) == 0
        assert self.wait(self.attempt(None), self.attempt(None)) == 890
        assert self.wait(self.attempt(None), self.attempt(False)) == 890

    def test_a_success_forgives_what_came_before_it(self):
        before, after = self.attempt(False, seconds_ago=20), self.attempt(False, seconds_ago=5)
        assert self.wait(before, self.attempt(True), after) == 0
        assert self.wait(before, self.attempt(True), after, after) == 895

    def test_a_success_does_not_forgive_guesses_from_everywhere(self):
        elsewhere = self.attempt(False, same_address=False)
        assert self.wait(*[elsewhere] * 3, self.attempt(True)) == 0
        assert self.wait(*[elsewhere] * 4, self.attempt(True)) == 890

    def test_other_names_from_the_address_count_once_they_have_failed(self):
        other, verifying = (self.attempt(state, same_name=False) for state in (False, None))
        assert self.wait(other, other, *[verifying] * 9) == 0
        assert self.wait(other, other, other) == 890


class TestWording:
    @pytest.mark.parametrize("kind", WORDING)
    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_every_message_names_item_and_case(self, kind, language):
        title, text = worded(kind, language, item_name="低保", case_no="C-1", outcome="granted")
        assert title
        assert "低保" in text
        assert "C-1" in text

    def test_decision_says_its_outcome(self):
        def said(outcome):
            return worded(
                "case.decided.v1", "zh", item_name="低保", case_no="C-1", outcome=outcome
            )[1]

        assert "准予" in said("granted")
        assert "不予许可" in said("refused")
        assert "见办件详情" in said("another")
