from catalog_svc.items.rules.diffs import differences

from .factories import guide, material


def changes(before, after):
    return [(change.pointer, change.change) for change in differences(before, after)]


def test_equal_guides_do_not_differ():
    assert changes(guide(), guide()) == []


def test_members_and_entries_are_compared_one_by_one():
    before = guide(materials=[material("m1"), material("m2")], visits=0)
    after = guide(materials=[material("m2", name="户口簿"), material("m3")], visits=1)
    assert changes(before, after) == [
        ("/visits", "changed"),
        ("/materials/m1", "removed"),
        ("/materials/m2/name", "changed"),
        ("/materials/m3", "added"),
    ]


def test_lists_without_ids_are_compared_by_place():
    assert changes({"a": ["x", {"b": 1}]}, {"a": ["y", {"b": 1}, "z"]}) == [
        ("/a/0", "changed"),
        ("/a/2", "added"),
    ]


def test_a_changed_kind_of_value_is_one_difference():
    assert changes({"a": {"b": 1}}, {"a": ["b"]}) == [("/a", "changed")]
    assert changes({"a": None}, {"a": ["b"]}) == [("/a", "changed")]
