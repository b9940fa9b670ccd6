"""Documents lead somewhere: every relative link of every page has a file at its end."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTED = subprocess.run(
    ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False
)
PAGES = LISTED.stdout.split() or [
    str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page):
    path = ROOT / page
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)[^)]*\)", text)
    assert [link for link in links if not (path.parent / link).exists()] == []
