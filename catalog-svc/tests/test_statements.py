"""How many statements a public read sends, whatever it finds."""

import sys

import pytest

from .factories import csv_of, finish_import, guide, make_open_item, row


@pytest.fixture
async def catalogue(client, process):
    """Eleven listed items whose names differ, and one open item."""
    rows = [row(number, item_name=f"残疾人证第{number}类") for number in range(11)]
    await finish_import(client, process, csv_of(rows))
    return await make_open_item(client, guide(99))


async def sent_by(client, statements, path, **query):
    statements.clear()
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return len(statements), answer.json()


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("limit", [1, 10])
@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 2),
        ({"count": "true"}, 3),
        ({"region": "511602"}, 2),
        ({"q": "残疾人证"}, 2),  # the first stage fills the page
        ({"q": "残疾人证", "count": "true"}, 3),
    ],
)
async def test_a_full_page_takes_as_many_statements_for_one_item_as_for_ten(
    client, statements, query, count, limit
):
    sent, page = await sent_by(client, statements, "/api/v1/items", limit=limit, **query)
    assert (len(page["data"]), sent) == (limit, count)


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("q", ["残疾人证", "疾人", "潜水艇", "cjrz 民政局", "！！"])
async def test_no_search_takes_more_than_five_statements(client, statements, q):
    sent, _ = await sent_by(client, statements, "/api/v1/items", q=q, count="true", limit=100)
    assert sent <= 5


@pytest.mark.parametrize(("part", "count"), [("", 2), ("/form", 2)])
async def test_a_guide_and_its_form_are_read_in_two_statements(
    client, catalogue, statements, part, count
):
    sent, _ = await sent_by(client, statements, f"/api/v1/items/{catalogue}{part}")
    assert sent == count


@pytest.mark.usefixtures("catalogue")
async def test_a_list_is_read_in_one_statement(client, statements):
    sent, page = await sent_by(client, statements, "/api/v1/lists/public_services", limit=10)
    assert (len(page["data"]), sent) == (10, 1)


@pytest.mark.usefixtures("catalogue")
async def test_a_search_runs_through_few_files_and_functions(client):
    path = "/api/v1/items?q=残疾人证"
    await client.get(path)  # what is loaded only once is not counted
    functions = set()

    def note(frame, event, _argument):
        code = frame.f_code
        is_ours = "/src/catalog_svc/" in code.co_filename or "/src/chassis/" in code.co_filename
        if event == "call" and is_ours and not code.co_name.startswith("<"):
            functions.add((code.co_filename, code.co_firstlineno))

    sys.setprofile(note)
    try:
        await client.get(path)
    finally:
        sys.setprofile(None)
    assert len({file for file, _ in functions}) <= 18
    assert len(functions) <= 50
