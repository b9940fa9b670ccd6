"""The story from beginning to end, on the running platform or on a temporary one."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Final

from onenet.children import Child
from onenet.client import is_there
from onenet.console import Reporter
from onenet.failures import ChildFailed, NotAnswering
from onenet.ports import free_ports
from onenet.state import forget, known_home, read_json
from onenet.story import afterwards, office, scenes
from onenet.story.cast import Cast
from onenet.story.promises import Story
from onenet.targets import running_base_url, samples_of

START_SECONDS: Final = 240


def run_story(
    reporter: Reporter, *, state: Path, base_url: str | None, samples: Path | None
) -> None:
    """Raises Unexpected at the first promise that is not kept."""
    known = running_base_url(state, base_url)
    if known and is_there(known):
        accounts = samples or known_home(state).samples
        _tell(reporter, known, accounts)
        return
    if base_url:
        raise NotAnswering(base_url)
    with platform_of_its_own(reporter) as (address, accounts):
        _tell(reporter, address, accounts)


def _tell(reporter: Reporter, base_url: str, samples: Path) -> None:
    story = Story(reporter)
    cast = Cast.at(base_url, samples_of(samples))
    reporter.say(f"At {base_url}:")
    citizen = scenes.registration(story, cast)
    item = scenes.search(story, cast, scenes.ITEM)
    application = scenes.Application(citizen, item)
    needed = scenes.preparation(story, cast, application, {})
    scenes.documents(story, application, needed)
    scenes.submission(story, cast, application)
    scenes.looking(story, cast, application)
    office.counter(story, cast, application)
    steps = cast.public.get(f"/api/v1/items/{item['item_id']}")["steps"]
    reviews = [step for step in steps if step["stage"] == "review"]
    office.review(story, cast, application, reviews)
    office.decision(story, cast, application)
    code = office.certificate(story, cast, application)
    afterwards.rating(story, application)
    afterwards.numbers(story, cast)
    afterwards.footprints(story, cast, application)
    second = afterwards.second_case(story, cast, application, code)
    afterwards.withdrawal(story, second)
    afterwards.agency(story, cast)
    reporter.say(f"Every promise was kept: {story.steps} steps in {story.seconds():.1f} s.")


@contextmanager
def platform_of_its_own(reporter: Reporter, *, split: bool = False) -> Iterator[tuple[str, Path]]:
    """A platform in a temporary folder, removed afterwards: its address and samples.json."""
    # Under /var/tmp, which the server's system user can reach too.
    with tempfile.TemporaryDirectory(prefix="onenet-story-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        state = Path(folder) / ".onenet"
        log = Path(folder) / "launcher.log"
        launcher = start_launcher(state, free_ports(1)[0], log, split=split)
        try:
            with reporter.step("Nothing runs here, so the story has a platform of its own"):
                base_url = wait_for_platform(launcher, state)
            yield base_url, known_home(state).samples
        finally:
            launcher.ask_to_stop()
            launcher.wait_or_kill()
            forget(state)


def start_launcher(state: Path, port: int, log: Path, *, split: bool = False) -> Child:
    """`onenet run` as a child that stops its platform when this process ends."""
    environment = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - handed on to the launcher
        if not name.startswith("ONENET_")
    }
    words = ["run", "--port", str(port), "--state", str(state), *(["--split"] if split else [])]
    launcher = Child(
        name="launcher",
        command=[sys.executable, "-m", "onenet", *words],
        env={**environment, "PORT": str(port)},
        log=log,
        on_death=SIGTERM,
        grace_seconds=60,
    )
    launcher.start()
    return launcher


def wait_for_platform(launcher: Child, state: Path) -> str:
    """Wait until it is ready and has its sample data; returns its address."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not launcher.is_alive():
            break
        running = read_json(known_home(state).running)
        if running and running.get("ready"):
            return str(running["base_url"])
        time.sleep(0.2)
    raise ChildFailed(f"The platform did not start; the end of its output:\n{launcher.tail()}")
