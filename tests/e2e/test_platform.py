"""The running platform: the story, the real lists, the measurements, a second launcher."""

import json
import os
import re
import subprocess
import sys

import httpx
import pytest


@pytest.fixture
def onenet(platform, tmp_path):
    """The command line, talking to the platform."""

    def run(*words, timeout=240, **more):
        named = {
            "ONENET_BASE_URL": platform.base_url,
            "ONENET_SAMPLES": str(platform.samples),
            "ONENET_STATE": str(platform.state),
        }
        return subprocess.run(
            [sys.executable, "-m", "onenet", *words],
            env={**os.environ, **named, **more},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


class TestStory:
    @pytest.mark.parametrize("turn", ["once", "twice"])
    def test_every_promise_is_kept(self, onenet, turn):
        told = onenet("story")
        assert told.returncode == 0, told.stdout[-3000:] + told.stderr
        assert "Every promise was kept" in told.stdout
        rows = {int(row) for row in re.findall(r"^ +(\d+)  ", told.stdout, re.MULTILINE)}
        assert rows == set(range(1, 22))

    def test_nobody_there_is_one_sentence(self, onenet):
        told = onenet("story", ONENET_BASE_URL="http://127.0.0.1:9")
        assert told.returncode == 1
        assert "Nothing answers at http://127.0.0.1:9" in told.stderr


class TestRealInput:
    def test_the_list_goes_in_whole_and_a_second_time_changes_nothing(
        self, onenet, real_input, platform
    ):
        path = str(real_input / "guangan-items.csv")
        dry = onenet("import", "items", path, "--dry-run")
        assert dry.returncode == 0, dry.stderr
        published = _published(platform.base_url)
        first = onenet("import", "items", path)
        assert first.returncode == 0, first.stderr
        assert "0 rejected of 665 rows" in first.stdout
        assert _published(platform.base_url) == published
        second = onenet("import", "items", path)
        assert "0 new, 0 changed, 665 as they were, 0 rejected of 665 rows" in second.stdout
        listed = _count(platform.base_url)
        assert listed >= 665

    def test_divisions_go_in_and_a_second_time_changes_nothing(self, onenet, real_input):
        path = str(real_input / "regions")
        assert onenet("import", "regions", path).returncode == 0
        second = onenet("import", "regions", path)
        assert "0 new, 0 changed, 3351 as they were, 0 rejected of 3351 rows" in second.stdout

    def test_a_row_that_cannot_be_read_is_named_and_the_others_go_in(self, onenet, tmp_path):
        path = tmp_path / "list.csv"
        path.write_text(
            "department_name,parent_item_name,item_name,item_code,task_type,region_code,"
            "department_code\n"
            "区民政局,,,X1,20,511602000000,11511301008778298W\n"
            "区民政局,, 试列入事项 ,X2,20,511602000000,11511301008778298W\n",
            encoding="utf-8",
        )
        done = onenet("import", "items", str(path))
        assert done.returncode == 2
        assert "1 rejected of 2 rows" in done.stdout
        assert "line 2" in done.stdout


class TestDelay:
    def test_prints_median_and_p99(self, onenet):
        done = onenet("delay", "--count", "40", "--rate", "40")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "p99" in done.stdout
        assert "identity.staff.changed.v1" in done.stdout.replace("…", "")


class TestSecondLauncher:
    def test_the_same_folder_is_refused_with_the_address(self, onenet, platform):
        if not (platform.state / "running.json").exists():
            pytest.skip("the platform was not started here")
        done = onenet("run", "--port", "18999", timeout=30)
        assert done.returncode == 1
        assert platform.base_url in done.stderr

    def test_a_busy_port_names_its_holder_and_a_way_on(self, onenet, platform, tmp_path):
        port = platform.base_url.rpartition(":")[2]
        done = onenet("run", "--port", port, "--state", str(tmp_path / ".onenet"), timeout=30)
        assert done.returncode == 1
        assert f"Port {port} is in use" in done.stderr
        assert "PORT=" in done.stderr


class TestSamples:
    def test_the_file_has_the_documented_shape(self, platform):
        samples = json.loads(platform.samples.read_text(encoding="utf-8"))
        assert len(samples["citizens"]) >= 6
        assert len(samples["companies"]) >= 2
        assert all({"username", "password", "name"} <= set(one) for one in samples["citizens"])
        keys = {"username", "password", "department_code", "region", "roles"}
        assert all(set(one) == keys for one in samples["staff"])
        assert any(one["roles"] == ["platform_admin"] for one in samples["staff"])

    def test_every_guide_is_open_for_application(self, platform):
        assert len(_published(platform.base_url)) >= 24


def _published(base_url):
    """Every open item with its version."""
    return {
        item["item_id"]: item["version"] for item in _items(base_url) if item["status"] == "open"
    }


def _count(base_url):
    return sum(1 for _ in _items(base_url))


def _items(base_url):
    after = {}
    with httpx.Client(base_url=base_url, timeout=30) as http:
        while True:
            page = http.get("/api/v1/items", params={"limit": 100, **after}).json()
            yield from page["data"]
            if page["next"] is None:
                return
            after = {"after": page["next"]}
