"""The pieces without a database: vault, masks, clock, events, expressions, cursors, files."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from chassis import clock, events, expressions, pagination, telemetry, vault
from chassis.errors import FieldError, Invalid, ServiceError, Stale, TooMany
from chassis.files import open_files
from chassis.preconditions import ensure_match
from chassis.vault import UnknownKey, open_vault

OLD, NEW = "old:" + "b2xk" * 10 + "b2w=", "new:" + "bmV3" * 10 + "bmU="
SEALS = json.dumps({"a>b": {"k1": OLD[4:], "k2": NEW[4:]}})


class TestVault:
    @given(st.text())
    def test_what_is_encrypted_comes_back(self, text):
        vault = open_vault("a", NEW, "{}")
        assert vault.decrypt(vault.encrypt(text)) == text

    def test_retired_key_still_opens_old_rows(self):
        box = open_vault("a", OLD, "{}").encrypt("张三")
        assert open_vault("a", f"{NEW},{OLD}", "{}").decrypt(box) == "张三"

    def test_unknown_key_and_tampering_are_refused(self):
        box = open_vault("a", OLD, "{}").encrypt("x")
        with pytest.raises(UnknownKey):
            open_vault("a", NEW, "{}").decrypt(box)
        with pytest.raises(InvalidTag):
            open_vault("a", OLD, "{}").decrypt(box[:-1] + bytes([box[-1] ^ 1]))

    def test_digest_outlives_rotation_and_differs_by_purpose(self):
        before = open_vault("a", OLD, "{}").digest("1", purpose="id")
        after = open_vault("a", f"{NEW},{OLD}", "{}")
        assert after.digest("1", purpose="id") == before
        assert after.digest("1", purpose="mobile") != before

    def test_only_the_named_consumer_opens_a_seal(self):
        sealed = open_vault("a", NEW, SEALS).seal({"name": "张三"}, to="b")
        assert sealed["kid"] == "k2"
        assert "张三" not in str(sealed)
        assert open_vault("b", NEW, SEALS).unseal(sealed, sender="a") == {"name": "张三"}
        with pytest.raises(UnknownKey):
            open_vault("c", NEW, SEALS).unseal(sealed, sender="a")
        with pytest.raises(UnknownKey):
            open_vault("a", NEW, SEALS).seal({}, to="c")

    @pytest.mark.parametrize("keys", ["", "k:c2hvcnQ=", "k:???"])
    def test_bad_keys_are_refused_at_start(self, keys):
        with pytest.raises(ValueError, match=r".+"):
            open_vault("a", keys, "{}")


@pytest.mark.parametrize(
    ("mask", "plain", "shown"),
    [
        (vault.mask_name, "张三", "张*"),
        (vault.mask_name, "张三丰", "张*丰"),
        (vault.mask_name, "张", "张"),
        (vault.mask_id_number, "511602199001011234", "511602********1234"),
        (vault.mask_id_number, "51160", "*****"),
        (vault.mask_mobile, "13800001234", "138****1234"),
        (vault.mask_value, 42, "**"),
        (vault.mask_value, "广安区某路1号", "广*****号"),
    ],
)
def test_masks_show_only_what_they_may(mask, plain, shown):
    assert mask(plain) == shown


class TestClock:
    def test_ids_are_version_7_and_sort_by_time(self):
        first = clock.new_id()
        time.sleep(0.002)
        second = clock.new_id()
        assert (first.version, first.variant) == (7, "specified in RFC 4122")
        assert first < second
        made = datetime.fromtimestamp((first.int >> 80) / 1000, UTC)
        assert abs(made - clock.now()) < timedelta(seconds=5)

    def test_legal_day_is_shanghais(self):
        with clock.freeze(datetime(2026, 3, 1, 16, 0, tzinfo=UTC)):
            assert clock.today() == date(2026, 3, 2)

    def test_random_digits_keep_leading_zeros(self):
        assert all(len(clock.random_digits(3)) == 3 for _ in range(200))


class TestEvents:
    def test_subject_has_no_characters_of_nats(self):
        assert events.subject_of("a.b.c.v1", "68236467-9 .*>") == "onenet.a.b.c.v1.68236467-9____"

    @pytest.mark.parametrize("name", ["case.decided.v1", "catalog.item.published.v1"])
    def test_type_names_service_fact_and_version(self, name):
        assert events.TYPE_PATTERN.match(name)

    @pytest.mark.parametrize("name", ["case.decided", "Case.x.y.v1", "a.b.c.v", "a.b.c.d.v1"])
    def test_other_type_names_are_refused(self, name):
        assert not events.TYPE_PATTERN.match(name)


class TestExpressions:
    @pytest.mark.parametrize(
        ("text", "outcome"),
        [("a == 'x'", True), ("a == 'y'", False), ("b in ['1', '2']", True), ("missing", False)],
    )
    def test_condition_gives_true_or_false(self, text, outcome):
        assert expressions.truth(text, {"a": "x", "b": "2"}) is outcome

    @pytest.mark.parametrize("text", ["a ==", "a + 1", "missing > 3"])
    def test_bad_condition_is_named(self, text):
        with pytest.raises(expressions.BadExpression) as caught:
            expressions.truth(text, {"a": 1})
        assert text in str(caught.value)
        assert "backtrace" not in str(caught.value)

    def test_check_finds_what_does_not_compile(self):
        expressions.check("a == 'x' and b in ['1']")
        with pytest.raises(expressions.BadExpression):
            expressions.check("a ==")


@given(
    st.lists(
        st.one_of(st.integers(), st.text(), st.datetimes(), st.dates(), st.uuids()), max_size=4
    )
)
def test_cursor_gives_back_its_values(values):
    kinds = [type(value) for value in values]
    assert pagination.decode_cursor(pagination.encode_cursor(values), kinds) == values


@given(st.text(max_size=80))
def test_foreign_cursor_is_refused_not_crashed(text):
    with suppress(pagination.BadCursor):
        assert len(pagination.decode_cursor(text, [str, int])) == 2


def test_match_accepts_lists_stars_and_absence():
    for match in (None, "*", '"3"', '"1", "3"'):
        ensure_match(match, 3)
    with pytest.raises(Stale) as caught:
        ensure_match('"2"', 3)
    assert '"3"' in caught.value.detail("en")


def test_error_text_survives_missing_values():
    assert "–" in TooMany().detail("zh")
    assert TooMany(retry_after=7).headers() == {"Retry-After": "7"}
    assert Invalid([FieldError("/a", "x", "甲", "a")]).errors[0].pointer == "/a"
    assert ServiceError().title("zh") == "服务出错"


async def _stream(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


class TestFiles:
    async def test_stored_file_comes_back_and_can_be_deleted(self, tmp_path):
        store = open_files(f"file://{tmp_path}/new")
        await store.put("2026/a.bin", _stream(b"one", b"two"))
        assert b"".join([part async for part in store.get("2026/a.bin")]) == b"onetwo"
        assert await store.exists("2026/a.bin")
        await store.delete("2026/a.bin")
        assert not await store.exists("2026/a.bin")

    async def test_interrupted_upload_leaves_nothing(self, tmp_path):
        async def broken() -> AsyncIterator[bytes]:
            yield b"x" * 1000
            raise ConnectionError

        store = open_files(f"file://{tmp_path}")
        with pytest.raises(ConnectionError):
            await store.put("b.bin", broken())
        assert not await store.exists("b.bin")


def test_identifiers_of_uuid_type_survive_a_cursor():
    value = UUID("01900000-0000-7000-8000-000000000000")
    assert pagination.decode_cursor(pagination.encode_cursor([value]), [UUID]) == [value]


def test_error_text_is_kept_without_the_values_of_rows_and_fields():
    row = "null value\nDETAIL: Failing row contains (张三,\n13800001234).\n[SQL: INSERT]"
    field = "1 error\nname\n  too short [type=x, input_value='张三', input_type=str]"
    for told, kept in ((row, "[SQL: INSERT]"), (field, "input_type=str")):
        text = telemetry.without_values(told)
        assert "张三" not in text
        assert "13800001234" not in text
        assert kept in text
