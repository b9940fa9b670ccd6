"""Fictitious identifiers hold up against other people's checks."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric, uscc

from onenet import numbers
from onenet.samples import files


class TestIdentityNumbers:
    @given(st.dates(date(1900, 1, 1), date(2020, 12, 31)), st.integers(1, 999))
    def test_check_digit_agrees_with_a_second_opinion(self, born, sequence):
        number = numbers.identity_number("511602000000", born, sequence)
        assert len(number) == 18
        assert ric.calc_check_digit(number) == number[-1]
        assert ric.get_birth_date(number) == born

    def test_new_ones_are_of_adults_and_differ(self):
        found = {numbers.new_identity_number() for _ in range(200)}
        assert len(found) > 190
        assert all("1955" <= number[6:10] <= "1998" for number in found)
        assert all(number.startswith("511602") for number in found)


class TestCreditCodes:
    @given(st.text(numbers.CREDIT_ALPHABET, min_size=9, max_size=9))
    def test_check_character_agrees_with_a_second_opinion(self, tail):
        code = numbers.credit_code("91511602" + tail)
        assert uscc.calc_check_digit(code[:-1]) == code[-1]


class TestMobiles:
    def test_has_eleven_digits(self):
        assert all(
            len(one) == 11 and one.startswith("199") and one.isdigit()
            for one in (numbers.new_mobile() for _ in range(50))
        )


class TestSamples:
    def test_every_citizens_number_is_valid(self):
        for one in files.people()["citizens"]:
            assert ric.calc_check_digit(one["id_number"]) == one["id_number"][-1]

    def test_every_companys_code_is_valid(self):
        for one in files.people()["companies"]:
            assert uscc.calc_check_digit(one["uscc"][:-1]) == one["uscc"][-1]

    def test_there_are_enough_people(self):
        people = files.people()
        assert len(people["citizens"]) >= 6
        assert len(people["companies"]) >= 2

    def test_every_department_of_a_guide_has_staff_in_every_role(self):
        held = {
            (one["department_code"], role)
            for one in files.people()["staff"]
            for role in one["roles"]
        }
        for guide in files.guides():
            code = guide["department"]["code"]
            assert {(code, role) for role in ("clerk", "decider", "department_admin")} <= held

    def test_every_division_has_twelve_digits_and_a_name(self):
        rows = files.regions()
        assert len(rows) == 31 + 342 + 2978
        assert all(len(row["code"]) == 12 and row["code"].isdigit() for row in rows)
        assert all(row["name"].strip() == row["name"] != "" for row in rows)
