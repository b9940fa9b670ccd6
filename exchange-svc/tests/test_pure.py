from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc
from stdnum.iso7064 import mod_37_36

from exchange_svc.calls.rules import chain
from exchange_svc.certificates.errors import IllegalStatus
from exchange_svc.certificates.rules import codes, validity
from exchange_svc.certificates.rules.validity import Action, Status

from .factories import CARD, CIVIL_AFFAIRS, MARKET, REGION, ROOT

REAL = [
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
    "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
    "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9",
]


class TestCodes:
    @pytest.mark.parametrize("code", REAL)
    def test_real_codes_are_good(self, code):
        assert codes.fault_of(code, ROOT) is None

    @pytest.mark.parametrize("code", REAL)
    def test_real_codes_are_composed_the_same(self, code):
        type_code, issuer, serial, version, _ = code.removeprefix(f"{ROOT}.").split(".")
        code_again = codes.compose(
            ROOT, type_code=type_code, issuer=issuer, serial=serial, version=int(version)
        )
        assert code_again == code

    @given(st.text(codes.ALPHABET, max_size=60))
    def test_check_character_agrees_with_a_second_opinion(self, text):
        assert codes.check_character(text) == mod_37_36.calc_check_digit(text)

    @pytest.mark.parametrize("code", REAL)
    @pytest.mark.parametrize("place", range(15, 40))
    def test_one_wrong_sign_is_noticed(self, code, place):
        wrong = "1" if code[place] != "1" else "2"
        assert codes.fault_of(code[:place] + wrong + code[place + 1 :], ROOT) is not None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "x",
            ROOT,
            REAL[0].removeprefix(f"{ROOT}."),
            REAL[0].lower(),
            REAL[0] + "0",
            REAL[0].replace(".001.", ".01."),
            REAL[0].replace("1.2.156", "1.2.157"),
            REAL[0] + "\n",
            REAL[0].replace("403", "４03"),
        ],
    )
    def test_other_texts_are_malformed(self, text):
        assert codes.fault_of(text, ROOT) is codes.Fault.FORMAT

    def test_a_wrong_check_character_is_a_fault_of_its_own(self):
        assert codes.fault_of(REAL[0][:-1] + "V", ROOT) is codes.Fault.CHECK_CHARACTER

    def test_a_department_with_a_credit_code_is_the_issuer(self):
        assert codes.issuer_of(CIVIL_AFFAIRS, REGION) == CIVIL_AFFAIRS
        assert codes.issuer_of("11511301452259996u", REGION) == "11511301452259996U"

    @pytest.mark.parametrize("code", [MARKET, "1151130108778239R_5143", "11736", "1" * 18])
    def test_any_other_department_issues_in_its_region(self, code):
        assert codes.issuer_of(code, REGION) == "511602"
        assert codes.issuer_of(code, "511602101000") == "511602101000"

    def test_the_named_type_counts(self):
        assert codes.type_of(CARD, "511602") == CARD
        assert codes.type_of(CARD.lower(), "511602") == CARD

    @pytest.mark.parametrize("named", [None, "", "001", f"{CARD}0", "11511301452259996UABC"])
    def test_without_a_type_it_is_the_issuers_decision_document(self, named):
        assert codes.type_of(named, CIVIL_AFFAIRS) == f"{CIVIL_AFFAIRS}000"
        assert codes.type_of(named, "511602") == "511602" + "0" * 15

    @given(st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", min_size=17, max_size=17))
    def test_credit_codes_agree_with_a_second_opinion(self, body):
        good = [sign for sign in codes.ALPHABET if codes.is_credit_code(body + sign)]
        assert good == [uscc.calc_check_digit(body)]

    @pytest.mark.parametrize("code", ["", "1" * 17, "I" * 18, "1151130100877829中W"])
    def test_other_texts_are_no_credit_codes(self, code):
        assert not codes.is_credit_code(code)


class TestValidity:
    @pytest.mark.parametrize(
        ("start", "months", "end"),
        [
            (date(2026, 11, 23), 12, date(2027, 11, 23)),
            (date(2026, 1, 31), 1, date(2026, 2, 28)),
            (date(2028, 1, 31), 1, date(2028, 2, 29)),
            (date(2028, 2, 29), 12, date(2029, 2, 28)),
            (date(2026, 12, 31), 2, date(2027, 2, 28)),
            (date(2026, 11, 30), 1, date(2026, 12, 30)),
            (date(2026, 12, 1), 1, date(2027, 1, 1)),
            (date(2026, 11, 23), None, None),
            (date(2026, 11, 23), 0, None),
            (date(2026, 11, 23), -5, None),
            (date(2026, 11, 23), 12 * 7973, date(9999, 11, 23)),
            (date(2026, 11, 23), 12 * 8000, None),
        ],
    )
    def test_months_end_on_the_matching_day(self, start, months, end):
        assert validity.last_day(start, months) == end

    @given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.integers(1, 1200))
    def test_the_end_lies_in_the_due_month(self, start, months):
        end = validity.last_day(start, months)
        assert (end.year - start.year) * 12 + end.month - start.month == months
        assert end.day <= start.day

    @pytest.mark.parametrize(
        ("status", "valid_to", "shown"),
        [
            (Status.VALID, None, Status.VALID),
            (Status.VALID, date(2026, 11, 23), Status.VALID),
            (Status.VALID, date(2026, 11, 22), Status.EXPIRED),
            (Status.SUSPENDED, date(2026, 11, 22), Status.SUSPENDED),
            (Status.REVOKED, date(2026, 11, 22), Status.REVOKED),
        ],
    )
    def test_expiry_is_computed(self, status, valid_to, shown):
        assert validity.status_on(status, valid_to, date(2026, 11, 23)) is shown


# Written by hand: what a certificate becomes, none where it is refused.
EXPECTED = {
    ("valid", "suspension"): "suspended",
    ("valid", "resumption"): None,
    ("valid", "revocation"): "revoked",
    ("expired", "suspension"): None,
    ("expired", "resumption"): None,
    ("expired", "revocation"): "revoked",
    ("suspended", "suspension"): None,
    ("suspended", "resumption"): "valid",
    ("suspended", "revocation"): "revoked",
    ("revoked", "suspension"): None,
    ("revoked", "resumption"): None,
    ("revoked", "revocation"): None,
}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("action", Action)
def test_every_status_and_action(status, action):
    expected = EXPECTED[status.value, action.value]
    if expected is not None:
        assert validity.step(status, action).value == expected
        return
    with pytest.raises(IllegalStatus) as refused:
        validity.step(status, action)
    possible = [a for (s, a), after in EXPECTED.items() if s == status.value and after]
    assert refused.value.extensions() == {"actions": possible}


def chained(contents, previous=chain.START, first=1):
    rows = []
    for position, content in enumerate(contents, first):
        rows.append((position, previous, chain.link(previous, content), content))
        previous = rows[-1][2]
    return rows


class TestChain:
    ROWS = chained([{"seen": name} for name in "甲乙丙丁"])

    def test_a_chain_holds(self):
        assert chain.first_break(self.ROWS) is None
        assert chain.first_break([]) is None

    def test_a_stretch_holds_behind_its_head(self):
        assert chain.first_break(self.ROWS[2:], after=2, head=self.ROWS[1][2]) is None
        assert chain.first_break(self.ROWS[2:], after=2, head=chain.START) == 3

    @pytest.mark.parametrize("place", range(4))
    def test_a_changed_row_is_found(self, place):
        position, previous, row_hash, _ = self.ROWS[place]
        rows = list(self.ROWS)
        rows[place] = (position, previous, row_hash, {"seen": "戊"})
        assert chain.first_break(rows) == place + 1

    @pytest.mark.parametrize("place", range(3))
    def test_a_missing_row_is_found(self, place):
        assert chain.first_break(self.ROWS[:place] + self.ROWS[place + 1 :]) == place + 1

    @pytest.mark.parametrize("place", range(3))
    def test_a_row_rewritten_with_its_own_hash_is_found_at_the_next(self, place):
        position, previous, _, _ = self.ROWS[place]
        rows = list(self.ROWS)
        rows[place] = (position, previous, chain.link(previous, {}), {})
        assert chain.first_break(rows) == place + 2

    @given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
    def test_the_order_of_members_does_not_matter(self, content):
        turned = dict(reversed(content.items()))
        assert chain.link(chain.START, content) == chain.link(chain.START, turned)
