"""The image can be built: what deploy/Dockerfile copies is all that its installation needs."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ")
COPIED = re.findall(r"^COPY (\S+) (?:\./|\1)$", DOCKERFILE, re.MULTILINE)
NOT_COPIED = shutil.ignore_patterns("tests", "__pycache__", ".*")


def test_packages_install_from_what_is_copied_alone(tmp_path):
    """As the Dockerfile says it, but for the interpreter, and without installing anything."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=NOT_COPIED)
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    (said,) = re.findall(r"^RUN (uv pip install .*)$", DOCKERFILE, re.MULTILINE)
    command = shlex.split(said.replace("/opt/onenet/bin/python", sys.executable))
    command = [str(Path(sys.executable).with_name("uv")), *command[1:], "--dry-run"]
    done = subprocess.run(
        [one for one in command if one != "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {"gateway", "chassis", "case-svc"} <= set(COPIED)


def test_nothing_that_is_copied_is_kept_from_the_builder():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert [one for one in COPIED if one not in let_in and not one.endswith("-svc")] == []
    assert lines[1] == "*"
    assert "!*-svc" in lines
