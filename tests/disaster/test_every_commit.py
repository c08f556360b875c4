"""The process dies at every single commit of a story, before it and after it; all ends alike.

No chance is in here: the n-th commit is the n-th commit. The queue of the dead process is lost in
one half of the runs (the sweep finds the work) and survives in the other (the same job comes
again).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from careerrelay.engine import runtime
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.database import Database
from careerrelay.models.events import ApplicationEvent, EventKind
from tests.disaster.falling import Fall
from tests.disaster.stories import Story
from tests.support.databases import sqlite_copy
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.postgres import PostgresServer
from tests.support.toy import ToyVendor

Tell = Callable[[Story], None]


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with running_mailbox() as box:
        yield box


Renew = Callable[[], Database]


@pytest.fixture
def renew(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Renew:
    """Empties the one database that all lives share, so that statements are compiled once."""
    url: str = request.getfixturevalue(f"{kind}_url")
    short = "postgres" if kind == "postgresql" else kind
    template: Any = request.getfixturevalue(f"_{short}_template")
    shared = Database(url)
    monkeypatch.setattr(runtime, "Database", lambda _url, **_values: shared)

    def again() -> Database:
        shared.close()
        if kind == "sqlite":
            sqlite_copy(template, tmp_path / "careerrelay.db")
        else:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            server.drop_database(url)
            server.create_database(url.rpartition("/")[2], template=template)
        return shared

    return again


def by_field(story: Story) -> None:
    """Application, rejection, link in the ATS's field, registration, count, report."""
    story.live(story.tell(ApplicationState.ACTIVE))
    story.clock.forward(days=3)
    story.live(story.tell(ApplicationState.REJECTED))
    register_and_confirm(story)


def by_own_mail(story: Story) -> None:
    """The company's own notice over SMTP; nobody can ask a mail server what it took."""
    story.live(story.tell(ApplicationState.REJECTED))
    story.live(story.settle_uncertain)


def with_second_thoughts(story: Story) -> None:
    """Rejected, taken back, rejected for good: the first decision is superseded."""
    for state in (ApplicationState.ACTIVE, ApplicationState.REJECTED) * 2:
        story.live(story.tell(state))
        story.clock.forward(hours=1)


def by_poll(story: Story) -> None:
    """No webhook at all: two pages are walked, then the walk is asked for again."""
    rejected = [story.world.application(n, ApplicationState.REJECTED) for n in range(1, 3)]
    for case in rejected:
        story.vendor.events.append(
            ApplicationEvent(
                EventKind.REJECTED, case.changed_at, case.external_id, application=case
            )
        )
    story.live(story.poll)
    story.clock.forward(minutes=2)
    story.live(story.poll)


def register_and_confirm(story: Story) -> None:
    story.clock.forward(hours=1)
    story.live(story.register)
    story.clock.forward(minutes=1)
    story.live(story.confirm)


STORIES: dict[Tell, dict[str, Any]] = {
    by_field: {},
    by_own_mail: {"strategies": ("own_mail",)},
    with_second_thoughts: {},
    by_poll: {},
}


def told(tell: Tell, story: Story, fall: Fall) -> dict[str, Any]:
    """How the story ends when it is told with that fall."""
    story.vendor.__dict__.update(ToyVendor().__dict__)
    story.mailbox.messages.clear()
    try:
        story.found(**STORIES[tell])
        with story.until(fall):
            tell(story)
        return story.end()
    finally:
        story.close()


RUNS = [
    *(("sqlite", forgetful, tell) for tell in STORIES for forgetful in (True, False)),
    ("postgresql", True, by_field),
    ("postgresql", False, by_own_mail),
]


@pytest.mark.parametrize(("kind", "forgetful", "tell"), RUNS)
@pytest.mark.usefixtures("toys")
def test_story_ends_alike_wherever_the_process_dies(
    tell: Tell,
    forgetful: bool,
    renew: Renew,
    vendor: ToyVendor,
    mailbox: Mailbox,
    tmp_path: Path,
) -> None:
    def once(fall: Fall) -> dict[str, Any]:
        story = Story(renew().url, tmp_path / "data", vendor, mailbox, forgetful)
        return told(tell, story, fall)

    undisturbed = once(Fall(at=0, before=True))
    assert not undisturbed["owed"]
    disturbed = 0
    for at in itertools.count(1):
        falls = [Fall(at=at, before=before) for before in (True, False)]
        for fall in falls:
            ended = once(fall)
            where = f"killed {'before' if fall.before else 'after'} commit {at}"
            assert ended == undisturbed, where
        if not any(fall.fell for fall in falls):
            break
        disturbed = at
    assert disturbed > 5, "the story was hardly disturbed"


@pytest.mark.usefixtures("toys")
def test_undisturbed_story_comes_to_its_whole_end(
    sqlite_url: str, vendor: ToyVendor, mailbox: Mailbox, tmp_path: Path
) -> None:
    """So that nothing above compares two empty worlds."""
    story = Story(sqlite_url, tmp_path / "data", vendor, mailbox, forgetful=True)
    end = told(by_field, story, Fall(at=0, before=True))
    assert end["ledger"] == [("credit", 1), ("slot", 1)]
    assert end["registrations"] == [("proved", True)]
    assert (end["fields"], end["notes"], end["notices"]) == (1, {"c1": 1}, 0)
