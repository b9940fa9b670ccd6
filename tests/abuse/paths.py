"""Every operation of the network: what it shows or acts on, and by which way that is asked.

A new route fails the test until it stands here. A path that reads says its resource and how its
rows are found; one that writes says the resource it acts on, so that what a role cannot see is
for it the same as what does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Path:
    """`way`: each, listed, counted, contained, answers or act.

    `field` names the rows' id in a list. A path that is not `whole` may show less than the
    detail, `beyond` says why one may show more.
    """

    resource: str
    kind: str
    way: str
    field: str = ""
    query: str = ""
    whole: bool = True
    beyond: str = ""


def each(resource: str, kind: str, *, whole: bool = True, query: str = "") -> Path:
    return Path(resource, kind, "each", whole=whole, query=query)


def listed(resource: str, field: str, query: str = "", *, whole: bool = True) -> Path:
    kind = "search" if query.startswith("q=") else "list, count"
    return Path(resource, kind, "listed", field, query, whole)


def act(resource: str) -> Path:
    return Path(resource, "act", "act")


def public(*operations: str) -> dict[str, Path]:
    return {one: Path("public", "answer", "answers") for one in operations}


def acts(resource: str, *operations: str) -> dict[str, Path]:
    return {one: act(resource) for one in operations}


# The first path of a resource is its detail: the truth the others are compared with.
PATHS: dict[str, Path] = {
    "case_read_case": each("case", "detail"),
    "case_read_timeline": each("case", "timeline"),
    "case_read_case_clock": each("case", "clock"),
    "case_list_ratings": each("case", "ratings"),
    "gateway_stream_progress": Path("case", "progress stream", "stream"),
    "case_list_my_cases": listed("case", "case_id"),
    "case_read_queue": listed("case", "case_id", "scope=pool", whole=False),
    "case_read_progress": Path(
        "case", "progress", "coded", beyond="whoever has the query code; nothing personal is told"
    ),
    "case_read_task": each("task", "detail"),
    "case_read_rectification": each("rectification", "detail"),
    "case_read_warning": each("warning", "detail"),
    "case_list_rectifications": listed("case", "case_no", whole=False),
    "case_list_warnings": listed("case", "case_no", whole=False),
    "exchange_list_my_footprints": listed("case", "case_no", whole=False),
    "identity_list_messages": listed("case", "case_id", whole=False),
    "case_read_file": each("file", "file"),
    "case_describe_file_head": each("file", "file (HEAD)"),
    "catalog_read_item": each("item", "detail"),
    "catalog_read_form": each("item", "form"),
    "catalog_list_items": listed("item", "item_id", "q={name}"),
    "catalog_read_list": listed("item", "item_id"),
    "catalog_export_items": Path("item", "export", "contained", query="format=jsonl"),
    "catalog_read_managed_item": each("managed item", "detail"),
    "catalog_list_managed_items": listed("managed item", "item_id"),
    "catalog_read_draft": each("managed item", "draft"),
    "catalog_list_versions": each("managed item", "versions"),
    "catalog_list_revisions": each("managed item", "revisions"),
    "catalog_read_version": each("managed item", "version", whole=False),
    "catalog_compare_versions": each("managed item", "diff", whole=False, query="from=1&to=1"),
    "catalog_read_import": each("import", "detail"),
    "catalog_list_imports": listed("import", "import_id"),
    "catalog_list_import_errors": each("import", "errors"),
    "catalog_read_base_item": each("base item", "detail"),
    "catalog_list_base_items": listed("base item", "catalog_code"),
    "identity_read_company": each("company", "detail"),
    "identity_list_companies": listed("company", "company_id", "q={name}"),
    "identity_list_companies_of_mine": Path(
        "company",
        "list, count",
        "listed",
        "company_id",
        beyond="who acts for a company by mandate knows its name and code, not its register entry",
    ),
    "identity_list_mandates": listed("mandate", "mandate_id"),
    "identity_read_profile": Path("person", "detail", "own", "person_id"),
    "identity_read_userinfo": Path("person", "userinfo", "own", "sub", whole=False),
    "identity_post_userinfo": Path("person", "userinfo", "own", "sub", whole=False),
    "identity_read_assurance": Path(
        "person",
        "assurance level",
        "each",
        beyond="staff raise the level at the window; they see the level and nothing else",
    ),
    "exchange_get_certificate": each("certificate", "detail"),
    # The document bears the holder's numbers; staff see the certificate without them.
    "exchange_get_document": each("certificate", "file", whole=False),
    "exchange_list_my_certificates": listed("certificate", "code", whole=False),
    "exchange_verify_certificate": Path(
        "certificate", "verification", "verified", beyond="whoever has the code; nothing personal"
    ),
    "exchange_get_resource": each("resource", "detail"),
    "exchange_list_resources": listed("resource", "code"),
    "exchange_read_grant": each("grant", "detail"),
    "exchange_list_grants": listed("grant", "grant_id"),
    "exchange_read_grant_request": each("grant request", "detail"),
    "exchange_list_grant_requests": listed("grant request", "request_id"),
    "exchange_check_ledger": Path("call ledger", "check", "answers"),
    "identity_read_staff": each("staff", "detail"),
    "identity_list_staff": listed("staff", "staff_id"),
    "identity_read_client": each("client", "detail"),
    "identity_list_clients": listed("client", "client_id"),
    **{
        f"{service}_{one}": Path(f"operations {service}", one.replace("_", " "), "answers")
        for service in ("case", "catalog", "exchange", "identity")
        for one in ("list_dead_letters", "show_outbox", "list_rebuilds", "list_republications")
    },
    "gateway_list_all_dead_letters": Path("operations", "dead letters", "answers"),
    "gateway_show_all_outboxes": Path("operations", "outboxes", "answers"),
    **public(
        "case_list_rules",
        "case_read_calendar",
        "case_read_performance",
        "catalog_list_lists",
        "catalog_read_guide_schema",
        "gateway_live",
        "gateway_ready",
        "identity_authorize",
        "identity_list_departments",
        "identity_list_regions",
        "identity_list_roles",
        "identity_openid_configuration",
        "identity_published_keys",
        "identity_read_department",
        "identity_read_region",
        "identity_show_sign_in",
        "identity_sign_out",
    ),
    **acts(
        "case",
        "case_accept_case",
        "case_change_draft",
        "case_correct_case",
        "case_decide_case",
        "case_decline_case",
        "case_end_procedure",
        "case_extend_case",
        "case_give_opinion",
        "case_rate_case",
        "case_request_correction",
        "case_start_procedure",
        "case_submit_draft",
        "case_withdraw_case",
    ),
    **acts("task", "case_claim_task", "case_release_task", "case_transfer_task"),
    **acts(
        "rectification",
        "case_call_back",
        "case_close_rectification",
        "case_contact_rater",
        "case_record_measures",
        "case_verify_rating",
    ),
    **acts("warning", "case_answer_warning"),
    **acts(
        "managed item",
        "catalog_approve_draft",
        "catalog_cancel_item",
        "catalog_edit_draft",
        "catalog_resume_item",
        "catalog_return_draft",
        "catalog_submit_draft",
        "catalog_suspend_item",
    ),
    **acts("item", "catalog_precheck_item"),
    **acts("certificate", "exchange_change_status"),
    **acts("resource", "exchange_change_resource", "exchange_query_resource"),
    **acts("grant", "exchange_revoke_grant"),
    **acts("grant request", "exchange_approve_request", "exchange_refuse_request"),
    **acts("mandate", "identity_accept_mandate", "identity_revoke_mandate"),
    **acts("message", "identity_read_message"),
    **acts("staff", "identity_change_staff"),
    **acts("client", "identity_close_client"),
    **acts("person", "identity_raise_assurance"),
    # These make something new or belong to everybody: there is no row to hide.
    **acts(
        "",
        "case_change_year",
        "case_submit_case",
        "case_upload_file",
        "catalog_create_base_item",
        "catalog_create_item",
        "catalog_start_import",
        "exchange_publish_resource",
        "exchange_request_grant",
        "identity_add_department",
        "identity_authorize_by_form",
        "identity_change_department",
        "identity_grant_mandate",
        "identity_import_regions",
        "identity_introspect_token",
        "identity_issue_tokens",
        "identity_push_request",
        "identity_register_client",
        "identity_register_company",
        "identity_register_person",
        "identity_revoke_token",
        "identity_sign_in",
        "identity_sign_out_by_form",
        "identity_take_on_staff",
        *(
            f"{service}_{one}"
            for service in ("case", "catalog", "exchange", "identity")
            for one in ("redrive_dead_letter", "rebuild", "republish")
        ),
    ),
}


def unnamed(document: dict[str, dict[str, dict[str, dict[str, str]]]]) -> list[str]:
    """A sentence for each operation that does not stand in PATHS."""
    found = [
        f"{method.upper()} {path} ({operation['operationId']}) has no entry in"
        " tests/abuse/paths.py: say which resource it shows or acts on, and by which way."
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if operation["operationId"] not in PATHS
    ]
    gone = set(PATHS) - {
        one["operationId"]
        for operations in document["paths"].values()
        for one in operations.values()
    }
    return found + [f"{one} stands in tests/abuse/paths.py and is no operation." for one in gone]
