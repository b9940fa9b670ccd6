"""The parts of the commands that need no platform."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from onenet.cli import app
from onenet.client import Network, SignInForm
from onenet.console import Reporter
from onenet.describe import renewed, settings_table
from onenet.failures import NotAnswering, Unexpected
from onenet.story.paper import filled
from onenet.story.promises import Story, refused

PAGE = """<html><form method=post action="/oauth2/login?a=1&amp;b=2">
<input type=hidden name=state value="s&amp;t"><input name=username><input name=password></form>"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("ONENET_BASE_URL", "ONENET_SAMPLES", "ONENET_USERNAME", "ONENET_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: CliRunner().invoke(app, words)


MEASURING = """
import time
from onenet.cli import _command
with _command():
    try:
        print("begun", flush=True)
        time.sleep(60)
    finally:
        print("cleared up", flush=True)
"""


class TestCommandLine:
    def test_sigterm_clears_up_as_ctrl_c_does(self):
        command = [sys.executable, "-c", MEASURING]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout.readline() == b"begun\n"
            child.terminate()
            said, _ = child.communicate(timeout=20)
        assert said == b"cleared up\n"

    def test_an_import_without_a_platform_says_how_to_start_one(self, run, tmp_path):
        (tmp_path / "list.csv").write_text("a,b\n")
        done = run("import", "items", "list.csv")
        assert done.exit_code == 1
        assert "make run" in done.output

    def test_divisions_need_their_three_files(self, run, tmp_path):
        (tmp_path / "empty").mkdir()
        done = run("import", "regions", "empty")
        assert done.exit_code == 1
        assert "provinces.csv" in done.output

    def test_divisions_need_their_columns(self, run, tmp_path):
        (tmp_path / "odd").mkdir()
        (tmp_path / "odd" / "provinces.csv").write_text("number,name\n11,北京市\n")
        done = run("import", "regions", "odd")
        assert done.exit_code == 1
        assert "code" in done.output

    def test_reset_of_nothing_is_no_mistake(self, run):
        done = run("reset")
        assert done.exit_code == 0

    def test_a_name_without_a_password_is_refused(self, run, tmp_path, monkeypatch):
        (tmp_path / "list.csv").write_text("a,b\n")
        monkeypatch.setenv("ONENET_USERNAME", "somebody")
        monkeypatch.setattr("onenet.targets.is_there", lambda _: True)
        monkeypatch.setenv("ONENET_BASE_URL", "http://127.0.0.1:9")
        done = run("import", "items", "list.csv")
        assert done.exit_code == 1
        assert "both or neither" in done.output

    def test_a_port_beyond_the_last_is_refused(self, run):
        assert run("run", "--port", "70000").exit_code == 2


class TestSettings:
    def test_every_setting_has_a_description(self):
        rows = settings_table().splitlines()[2:]
        assert len(rows) > 20
        assert [row for row in rows if row.endswith("|  |")] == []

    def test_no_setting_stands_twice_for_one_reader(self):
        heads = [tuple(row.split("|")[1:3]) for row in settings_table().splitlines()[2:]]
        assert len(heads) == len(set(heads))

    def test_the_readme_has_the_present_table(self):
        document = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
        assert renewed(document) == document


class TestClient:
    def test_reads_the_form(self):
        form = SignInForm(PAGE)
        assert form.action == "/oauth2/login?a=1&b=2"
        assert form.fields == {"state": "s&t", "username": "", "password": ""}

    def test_repeats_what_was_told_to_wait_under_one_key(self):
        seen = []

        def answer(request):
            seen.append(request.headers["idempotency-key"])
            return httpx.Response(429 if len(seen) < 3 else 201, headers={"Retry-After": "0"})

        network = _network(answer)
        assert network.send("POST", "/api/v1/cases", json={}).status_code == 201
        assert len(seen) == 3
        assert len(set(seen)) == 1

    def test_says_when_nobody_answers(self, monkeypatch):
        monkeypatch.setattr("onenet.client.time.sleep", lambda _: None)

        def answer(_):
            raise httpx.ConnectError("refused")

        with pytest.raises(NotAnswering, match="make run"):
            _network(answer).send("GET", "/")

    def test_another_answer_than_promised_is_told_with_what_came(self):
        network = _network(lambda _: httpx.Response(500, text="broken"))
        with pytest.raises(Unexpected, match="200 and answered 500: broken"):
            network.get("/api/v1/items")


class TestStory:
    def test_a_broken_promise_names_its_row(self):
        story = Story(Reporter(Console(quiet=True)))
        with (
            pytest.raises(Unexpected, match="Row 7 is not as promised"),
            story.step("7", "Somebody"),
        ):
            raise KeyError("case_no")

    def test_a_refusal_must_be_a_problem_document(self):
        answer = httpx.Response(409, json={}, request=httpx.Request("GET", "http://x/"))
        with pytest.raises(Unexpected, match="application/json"):
            refused(answer, 409)

    def test_a_form_is_filled_with_examples_and_her_own_particulars(self):
        schema = {
            "required": ["applicant_name", "size"],
            "properties": {
                "applicant_name": {"type": "string", "examples": ["张三"]},
                "size": {"type": "integer", "examples": [3]},
                "note": {"type": "string"},
            },
        }
        citizen = type("C", (), {"name": "李四", "id_number": "1", "mobile": "2"})
        assert filled(schema, citizen) == {"applicant_name": "李四", "size": 3}


def _network(answer):
    transport = httpx.MockTransport(answer)
    return Network(httpx.Client(base_url="http://onenet.test", transport=transport))
