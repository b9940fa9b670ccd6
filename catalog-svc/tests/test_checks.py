"""Each publication rule: a guide that keeps it, and one that breaks it in exactly one place."""
# ruff: noqa: E501 - the tables read best with one case per line

import pytest

from catalog_svc.items.rules import checks
from catalog_svc.items.rules.checks import Tools
from catalog_svc.items.usecases.checking import TOOLS, listed_guide
from catalog_svc.items.usecases.drafting import NewItem, item_of

from .factories import LAW, code_of, form, guide, material, step

NATIONAL = "11370800MB285591843370117002011"


def gap_places(content):
    return [(gap.code, gap.pointer) for gap in checks.blocking(checks.gaps(content, TOOLS))]


def fee(**changes):
    return {
        "name": "工本费",
        "standard": "10元",
        "amount": 1000,
        "currency": "CNY",
        "legal_basis": [LAW],
        "reducible": False,
    } | changes


def test_a_complete_guide_has_only_the_note_about_its_local_code():
    assert [gap.code for gap in checks.gaps(guide(), TOOLS)] == ["code_local"]
    assert gap_places(guide()) == []


def test_a_national_code_that_agrees_leaves_no_gap():
    content = guide(
        task_code=NATIONAL,
        catalog_code="370117002011",
        use_level="3",
        department={"code": "11370800MB28559184", "name": "局"},
    )
    assert checks.gaps(content, TOOLS) == []


def test_a_national_code_must_agree_with_department_level_and_base_item():
    assert gap_places(guide(task_code=NATIONAL)) == [
        ("task_code_differs", "/department/code"),
        ("task_code_differs", "/use_level"),
        ("task_code_differs", "/catalog_code"),
    ]


@pytest.mark.parametrize("code", ["x", NATIONAL + "01", "2" + NATIONAL[1:]])
def test_a_task_code_that_is_not_national_is_refused(code):
    assert gap_places(guide(task_code=code)) == [("task_code_invalid", "/task_code")]


def test_a_listed_item_names_everything_it_lacks():
    new = NewItem(code_of(1), "事项", None, "20", "D", "局", "511602000000", None)
    gaps = gap_places(listed_guide(item_of(new, "listed")))
    assert ("missing", "/conditions") in gaps
    assert ("missing", "/materials") in gaps
    assert ("missing", "/steps") in gaps
    assert ("missing", "/form") in gaps
    assert ("missing", "/name") not in gaps
    assert {code for code, _ in gaps} == {"missing"}


def test_a_malformed_guide_shows_its_faults_alone():
    gaps = checks.gaps(guide(visits="none", unheard_of=1), TOOLS)
    assert {gap.code for gap in gaps} == {"shape"}
    assert {gap.pointer for gap in gaps} == {"", "/visits"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"conditions": []}, [("missing", "/conditions")]),
        ({"fees": None}, [("shape", "/fees")]),
        ({"materials": []}, []),
        ({"materials": [material(name="其他材料")]}, [("catch_all_material", "/materials/0/name")]),
        ({"materials": [material(name="有关材料证明")]}, [("catch_all_material", "/materials/0/name")]),
        ({"materials": [material(), material()]}, [("duplicate", "/materials")]),
        ({"legal_limit": {"value": 0, "unit": "working_day", "note": None}}, [("limit_unexplained", "/legal_limit/note")]),
        ({"legal_limit": {"value": 0, "unit": "working_day", "note": "无规定"}}, []),
        ({"legal_limit": {"value": 9, "unit": "working_day"}}, [("promise_too_long", "/promise")]),
        ({"project_type": "immediate"}, [("not_immediate", "/promise"), ("steps_order", "/steps")]),
        (
            {
                "project_type": "immediate",
                "promise": {"value": 1, "unit": "working_day"},
                "steps": [step("acceptance", days=0), step("decision")],
            },
            [],
        ),
        ({"steps": [step("decision"), step("acceptance")]}, [("steps_order", "/steps")]),
        ({"steps": [step("acceptance")]}, [("steps_order", "/steps")]),
        ({"steps": [step("acceptance", days=9), step("decision", days=2)]}, [("steps_too_long", "/steps")]),
        ({"steps": [step("acceptance"), step("decision")]}, []),
        ({"materials": [material(legal_basis=[])]}, [("basis_missing", "/materials/0/legal_basis")]),
        ({"materials": [material(source="certificate")]}, [("certificate_type_missing", "/materials/0/certificate_type")]),
        ({"materials": [material(source="certificate", certificate_type="11511301008778298W001")]}, []),
        ({"materials": [material(promise_allowed=True)]}, [("promise_days_missing", "/materials/0/promise_days")]),
        ({"materials": [material(promise_allowed=True, promise_days=5)]}, []),
        ({"materials": [material(upload_allowed=False)]}, [("cannot_be_supplied", "/materials/0/upload_allowed")]),
        ({"materials": [material(upload_allowed=False, source="shared_data")]}, []),
        ({"fees": [fee()]}, []),
        ({"fees": [fee(name="申请表工本费")]}, [("form_charged", "/fees/0")]),
        ({"task_type": "01", "fees": [fee()]}, []),
        ({"task_type": "01", "fees": [fee(legal_basis=[{"law": "《某某条例》"}])]}, []),
        ({"task_type": "01", "fees": [fee(legal_basis=[{"law": "收费通知"}])]}, [("fee_without_law", "/fees/0/legal_basis")]),
        ({"power_source": "5"}, [("entrusted_by_missing", "/entrusted_by")]),
        ({"dept_type": "3"}, [("entrusted_by_missing", "/entrusted_by")]),
        ({"dept_type": "3", "entrusted_by": "市民政局"}, []),
        ({"task_type": "06"}, [("not_on_application", "/online_applicable")]),
        ({"task_type": "06", "online_applicable": False}, []),
        ({"channels": ["window"]}, [("online_without_channel", "/channels")]),
        ({"visits": 1}, [("visits_exceed_depth", "/visits"), ("visits_unexplained", "/visits_reason")]),
        ({"visits": 1, "visits_reason": "领证", "online_depth": "III"}, []),
        ({"visits": 2, "visits_reason": "领证", "online_depth": "III"}, [("visits_exceed_depth", "/visits")]),
        ({"visits": 5, "visits_reason": "领证", "online_depth": "I"}, []),
        ({"visits": 5, "visits_reason": "领证", "online_depth": None}, []),
        ({"results": [{"name": "证", "type": "certificate"}]}, [("certificate_type_missing", "/results/0/certificate_type")]),
        ({"results": [{"name": "批复", "type": "approval"}]}, []),
    ],
)  # fmt: skip
def test_each_rule_names_its_place(changes, expected):
    assert gap_places(guide(**changes)) == expected


def test_questions_and_conditions_must_fit_together():
    content = guide()
    content["questions"][0]["default"] = "mars"
    content["conditions"][0]["questions"] = ["household", "income"]
    content["conditions"][0]["reason_en"] = None
    assert gap_places(content) == [
        ("default_not_offered", "/questions/0/default"),
        ("question_unknown", "/conditions/0/questions"),
        ("reason_missing", "/conditions/0/reason_zh"),
    ]


@pytest.mark.parametrize("expression", ["household ==", "1 + 1", "household('local'"])
def test_expressions_must_compile_and_decide(expression):
    content = guide(materials=[material(when=expression)])
    content["conditions"][0]["expression"] = expression
    assert gap_places(content) == [
        ("expression_invalid", "/conditions/0/expression"),
        ("expression_invalid", "/materials/0/when"),
    ]


def form_gaps(content, **others):
    return gap_places(guide(form=content, **others))


def field(**changes):
    content = form()
    name = content["properties"]["applicant_name"]
    for key, value in changes.items():
        name[key.replace("x_", "x-")] = value
    return content


NAME = "/form/properties/applicant_name"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (form() | {"type": "array"}, ["form_open:/form", "sample_invalid:/sample_application"]),
        (form() | {"additionalProperties": True}, ["form_open:/form"]),
        (form() | {"allOf": []}, ["form_invalid:/form"]),
        (form() | {"anyOf": [{}]}, ["form_combinator:/form/anyOf"]),
        (form() | {"required": ["nobody", "applicant_name"]}, ["form_required_unknown:/form/required", "sample_invalid:/sample_application"]),
        ({"type": "object"}, ["form_invalid:/form/properties"]),
        ({"properties": {"a": True}}, ["form_invalid:/form/properties"]),
        (form() | {"required": 5}, ["form_invalid:/form"]),
        (field(type="object"), [f"field_not_flat:{NAME}", f"example_invalid:{NAME}/examples/0", "sample_invalid:/sample_application"]),
        (field(type=["string", "null"]), [f"field_not_flat:{NAME}"]),
        (field(type="array", items={"type": "string"}, examples=[["张三"]]), ["sample_invalid:/sample_application"]),
        (field(type="array", items={"type": "object"}, examples=[[]]), [f"field_not_flat:{NAME}", "sample_invalid:/sample_application"]),
        (field(type="array", items=True, examples=[[]]), [f"field_not_flat:{NAME}", "sample_invalid:/sample_application"]),
        (field(oneOf=[{}]), [f"form_combinator:{NAME}/oneOf"]),
        (field(title="name"), [f"field_untitled:{NAME}/title"]),
        (field(x_basis=" "), [f"field_without_basis:{NAME}/x-basis"]),
        (field(x_personal="yes"), [f"field_personal:{NAME}/x-personal"]),
        (field(examples=[]), [f"field_without_example:{NAME}/examples"]),
        (field(examples=[5]), [f"example_invalid:{NAME}/examples/0"]),
        (field(**{"$ref": "#/nowhere"}), ["form_invalid:/form"]),
        (
            field(**{"$ref": "#/properties/household_size"}),
            [f"form_combinator:{NAME}/$ref", f"example_invalid:{NAME}/examples/0", "sample_invalid:/sample_application"],
        ),
    ],
)  # fmt: skip
def test_forms_are_plain_and_explained(content, expected):
    assert [f"{code}:{pointer}" for code, pointer in form_gaps(content)] == expected


def test_layout_and_sample_must_fit_the_form():
    layout = {"order": ["nobody"], "groups": [{"title": "组", "fields": ["nothing"]}]}
    assert form_gaps(form(), form_ui=layout, sample_application={}) == [
        ("layout_unknown_field", "/form_ui/order"),
        ("layout_unknown_field", "/form_ui/groups/0/fields"),
        ("sample_invalid", "/sample_application"),
    ]


def test_a_form_that_is_not_written_yet_is_only_missing():
    content = guide()
    del content["form"], content["form_ui"], content["sample_application"]
    assert gap_places(content) == [
        ("missing", "/form"),
        ("missing", "/form_ui"),
        ("missing", "/sample_application"),
    ]


def test_a_missing_sample_is_reported_once():
    content = guide()
    del content["sample_application"]
    assert gap_places(content) == [("missing", "/sample_application")]


@pytest.mark.parametrize("broken", [float("nan"), "\u0000", "\ud800"])
def test_what_cannot_be_stored_is_a_fault_of_shape(broken):
    content = guide()
    content["sample_application"]["applicant_name"] = broken
    assert [gap.code for gap in checks.gaps(content, TOOLS)] == ["shape"]


def test_a_guide_too_large_for_the_bus_is_a_fault_of_shape():
    faqs = [{"question": "问" * 900, "answer": "答" * 7000}] * 35
    assert [gap.code for gap in checks.gaps(guide(faqs=faqs), TOOLS)] == ["shape"]


def test_the_rules_use_only_what_they_are_given():
    silent = Tools(
        shape=lambda _: (),
        form_fault=lambda _: None,
        value_faults=lambda *_: (),
        expression_fault=lambda *_: None,
    )
    assert checks.blocking(checks.gaps(guide(), silent)) == []
