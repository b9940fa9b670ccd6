"""The publication checks: each rule yields the gaps that keep a guide from publication."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from catalog_svc.items.rules import codes, form_checks, limits
from catalog_svc.items.rules.gaps import Gap
from catalog_svc.items.rules.guide_schema import NEVER_EMPTY, OPTIONAL
from catalog_svc.items.rules.names import NAMES

Guide = Mapping[str, Any]

NOT_BLOCKING: Final = frozenset({"code_local"})
CATCH_ALL: Final = ("其他材料", "有关材料", "相关材料")
NOT_ON_APPLICATION: Final = frozenset({"02", "03", "04", "06"})
_ENTRUSTED_SOURCES: Final = frozenset({"5", "6"})
_ENTRUSTED_BODY: Final = "3"
_PERMIT: Final = "01"
_VISITS: Final = {"IV": 0, "III": 1}


@dataclass(frozen=True)
class Fault:
    """A violation of a schema: where (a JSON pointer) and what."""

    pointer: str
    message: str


@dataclass(frozen=True)
class Tools:
    """Validators from libraries, passed in so that the rules stay plain Python."""

    shape: Callable[[Guide], Sequence[Fault]]
    form_fault: Callable[[Mapping[str, Any]], str | None]
    value_faults: Callable[[Mapping[str, Any], Any], Sequence[Fault]]
    expression_fault: Callable[[str, Mapping[str, Any]], str | None]


def gaps(guide: Guide, tools: Tools) -> list[Gap]:
    """Everything that keeps this guide from publication.

    When the guide violates its schema, only those violations are reported.
    """
    violations = [
        Gap("shape", fault.pointer, f"结构有误：{fault.message}", f"Malformed: {fault.message}")
        for fault in tools.shape(guide)
    ]
    if violations:
        return violations

    def value_faults(schema: Mapping[str, Any], value: Any) -> list[str]:
        faults = tools.value_faults(schema, value)
        return [f"{fault.pointer} {fault.message}".strip() for fault in faults]

    every = [gap for rule in RULES for gap in rule(guide)]
    every += expressions(guide, tools)
    every += form_checks.gaps(guide, tools.form_fault, value_faults)
    return every


def blocking(every: Sequence[Gap]) -> list[Gap]:
    return [gap for gap in every if gap.code not in NOT_BLOCKING]


def missing(guide: Guide) -> Iterator[Gap]:
    for name, (zh, en) in NAMES.items():
        value = guide.get(name)
        absent = value is None or (name in NEVER_EMPTY and not value)
        if absent and name not in OPTIONAL:
            yield Gap("missing", f"/{name}", f"缺少{zh}", f"Missing: {en}")


def material_names(guide: Guide) -> Iterator[Gap]:
    for position, material in enumerate(guide.get("materials") or ()):
        if any(word in material["name"] for word in CATCH_ALL):
            yield Gap(
                "catch_all_material",
                f"/materials/{position}/name",
                "材料名称不得使用“其他材料”“有关材料”等兜底表述",
                "A material must be named exactly; catch-all names are not allowed.",
            )


def identifiers(guide: Guide) -> Iterator[Gap]:
    for group, key in _IDENTIFIED:
        counts = Counter(entry[key] for entry in guide.get(group) or ())
        for value in (value for value, times in counts.items() if times > 1):
            yield Gap("duplicate", f"/{group}", f"{key} 重复：{value}", f"{key} twice: {value}")


def time_limits(guide: Guide) -> Iterator[Gap]:
    legal, promise = guide.get("legal_limit"), guide.get("promise")
    if legal and limits.is_open(legal) and not legal.get("note"):
        yield Gap(
            "limit_unexplained",
            "/legal_limit/note",
            "法定办结时限为 0 时须说明原因",
            "A legal limit of 0 needs a note.",
        )
    if legal and promise and not limits.promise_holds(promise, legal):
        yield Gap(
            "promise_too_long",
            "/promise",
            "承诺办结时限超过法定办结时限",
            "The promised limit is longer than the legal limit.",
        )
    if promise and guide.get("project_type") == "immediate" and not limits.is_immediate(promise):
        yield Gap(
            "not_immediate",
            "/promise",
            "即办件的承诺时限不得超过 1 个工作日",
            "An immediate item promises at most one working day.",
        )


def steps(guide: Guide) -> Iterator[Gap]:
    steps = guide.get("steps") or []
    stages = [step["stage"] for step in steps]
    immediate = guide.get("project_type") == "immediate"
    reviews = 0 if immediate else max(len(stages) - 2, 0)
    if stages and stages != ["acceptance", *["review"] * reviews, "decision"]:
        yield Gap(
            "steps_order",
            "/steps",
            "环节应为受理、审查（即办件没有审查）、决定，受理与决定各一",
            "Steps are one acceptance, reviews (none if immediate), and one decision.",
        )
    promise = guide.get("promise")
    if promise and not limits.total_fits((step["limit"] for step in steps), promise):
        yield Gap(
            "steps_too_long",
            "/steps",
            "各环节时限之和超过承诺办结时限",
            "The limits of the steps add up to more than the promise.",
        )


def material_details(guide: Guide) -> Iterator[Gap]:
    for position, material in enumerate(guide.get("materials") or ()):
        source, has_type = material["source"], bool(material.get("certificate_type"))
        broken = (
            not material["legal_basis"],
            source == "certificate" and not has_type,
            bool(material["promise_allowed"]) and not material.get("promise_days"),
            not (material["upload_allowed"] or has_type or source == "shared_data"),
        )
        for is_broken, (code, name, zh, en) in zip(broken, _MATERIAL_GAPS, strict=True):
            if is_broken:
                yield Gap(code, f"/materials/{position}/{name}", zh, en)


def fees(guide: Guide) -> Iterator[Gap]:
    for position, fee in enumerate(guide.get("fees") or ()):
        if "申请书" in fee["name"] or "申请表" in fee["name"]:
            yield Gap(
                "form_charged",
                f"/fees/{position}",
                "申请书格式文本不得收费（行政许可法第五十八条）",
                "Application forms are free of charge.",
            )
        if guide.get("task_type") == _PERMIT and not any(map(is_law, fee["legal_basis"])):
            yield Gap(
                "fee_without_law",
                f"/fees/{position}/legal_basis",
                "行政许可收费须以法律、行政法规为依据（行政许可法第五十八条）",
                "A fee for a permit needs a law or administrative regulation.",
            )


def is_law(basis: Mapping[str, Any]) -> bool:
    """Whether the basis is a law or an administrative regulation, by its number or its title."""
    number = basis.get("document_no") or ""
    is_promulgated = "主席令" in number or "国务院令" in number
    return is_promulgated or basis["law"].rstrip("》").endswith(("法", "条例"))


def entrusted_body(guide: Guide) -> Iterator[Gap]:
    is_entrusted = (
        guide.get("power_source") in _ENTRUSTED_SOURCES or guide.get("dept_type") == _ENTRUSTED_BODY
    )
    if is_entrusted and not guide.get("entrusted_by"):
        yield Gap(
            "entrusted_by_missing",
            "/entrusted_by",
            "委托行使的事项须写明委托部门",
            "An entrusted power names the department that entrusted it.",
        )


def online_application(guide: Guide) -> Iterator[Gap]:
    online, channels = guide.get("online_applicable"), guide.get("channels") or []
    if online and guide.get("task_type") in NOT_ON_APPLICATION:
        yield Gap(
            "not_on_application",
            "/online_applicable",
            "处罚、强制、征收、检查类事项不能在线申请",
            "Penalties, coercion, levies and inspections are not applied for.",
        )
    if online and not {"web", "mobile"}.intersection(channels):
        yield Gap(
            "online_without_channel",
            "/channels",
            "可在线申请的事项须有网上或移动端办理形式",
            "An item applied for online needs the channel web or mobile.",
        )


def visits(guide: Guide) -> Iterator[Gap]:
    visits = guide.get("visits") or 0
    if visits > _VISITS.get(guide.get("online_depth") or "", visits):
        yield Gap(
            "visits_exceed_depth",
            "/visits",
            "到办事现场次数与网上办理深度不符（IV 级为 0 次，III 级至多 1 次）",
            "More visits than the online depth allows (IV: none, III: one).",
        )
    if visits and not guide.get("visits_reason"):
        yield Gap(
            "visits_unexplained",
            "/visits_reason",
            "需到现场办理的须说明原因",
            "Visits need a reason.",
        )


def results(guide: Guide) -> Iterator[Gap]:
    for position, result in enumerate(guide.get("results") or ()):
        if result["type"] == "certificate" and not result.get("certificate_type"):
            yield Gap(
                "certificate_type_missing",
                f"/results/{position}/certificate_type",
                "结果为证照的须写明证照类型代码",
                "A result that is a certificate names its type code.",
            )


def questions(guide: Guide) -> Iterator[Gap]:
    questions = guide.get("questions") or ()
    for position, question in enumerate(questions):
        if question["default"] not in [option["value"] for option in question["options"]]:
            yield Gap(
                "default_not_offered",
                f"/questions/{position}/default",
                "默认值不在选项之内",
                "The default is not among the options.",
            )
    question_ids = {question["question_id"] for question in questions}
    for position, condition in enumerate(guide.get("conditions") or ()):
        for name in sorted(set(condition.get("questions") or ()) - question_ids):
            yield Gap(
                "question_unknown",
                f"/conditions/{position}/questions",
                f"没有问题 {name}",
                f"There is no question {name}.",
            )
        has_reasons = condition.get("reason_zh") and condition.get("reason_en")
        if condition.get("expression") and not has_reasons:
            yield Gap(
                "reason_missing",
                f"/conditions/{position}/reason_zh",
                "可自动判断的条件须写明不符合时的理由（中英文）",
                "A condition that is decided automatically needs its reason in both languages.",
            )


def task_code(guide: Guide) -> Iterator[Gap]:
    task_code = guide.get("task_code")
    if task_code is None:
        yield Gap(
            "code_local",
            "/task_code",
            "使用地方编码，尚无国家实施编码（不影响发布）",
            "Local code; there is no national task code yet (does not block publication).",
        )
        return
    code = codes.parse(task_code)
    if code.kind != "national":
        yield Gap(
            "task_code_invalid",
            "/task_code",
            "国家实施编码应为 31 位，且信用代码校验位正确",
            "A national task code has 31 characters and a valid credit code.",
        )
        return
    department = (guide.get("department") or {}).get("code")
    for name, written, coded in (
        ("department/code", department, code.issuer),
        ("use_level", guide.get("use_level"), code.level),
        ("catalog_code", guide.get("catalog_code"), code.catalog_code),
    ):
        if written != coded:
            yield Gap(
                "task_code_differs",
                f"/{name}",
                f"与国家实施编码不一致（应为 {coded}）",
                f"Differs from the national task code, which says {coded}.",
            )


def expressions(guide: Guide, tools: Tools) -> Iterator[Gap]:
    context = {q["question_id"]: q["default"] for q in guide.get("questions") or ()}
    context["applicant_type"] = next(iter(guide.get("audience") or ()), "natural_person")
    for group, name in (("conditions", "expression"), ("materials", "when")):
        for position, entry in enumerate(guide.get(group) or ()):
            text = entry.get(name)
            fault = tools.expression_fault(text, context) if text else None
            if fault:
                yield Gap(
                    "expression_invalid",
                    f"/{group}/{position}/{name}",
                    f"表达式有误：{fault}",
                    f"The expression is not valid: {fault}",
                )


_IDENTIFIED: Final = (
    ("conditions", "condition_id"),
    ("questions", "question_id"),
    ("materials", "material_id"),
    ("steps", "step_id"),
)
_MATERIAL_GAPS: Final = (
    (
        "basis_missing",
        "legal_basis",
        "每份材料须有要求提供的依据（优化营商环境条例第三十五条）",
        "Each material needs the legal basis for asking.",
    ),
    (
        "certificate_type_missing",
        "certificate_type",
        "来源为电子证照的材料须写明证照类型代码",
        "A material taken from a certificate names its type code.",
    ),
    (
        "promise_days_missing",
        "promise_days",
        "允许承诺后补的材料须写明补交期限",
        "A material that may be promised says in how many days it follows.",
    ),
    (
        "cannot_be_supplied",
        "upload_allowed",
        "材料须能上传、能以证照代替或由共享数据取得",
        "A material must be uploadable, claimable by certificate or shared.",
    ),
)
RULES: Final[Sequence[Callable[[Guide], Iterator[Gap]]]] = (
    missing,
    material_names,
    identifiers,
    time_limits,
    steps,
    material_details,
    fees,
    entrusted_body,
    online_application,
    visits,
    results,
    questions,
    task_code,
)
