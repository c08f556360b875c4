"""kill -9 while the milter decides on a rejection mail: the mail server asks again, and the mail
gets one link, the same one that an answer before the death may have held."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from careerrelay.engine.mail_relays import RelayPlan, add_relay
from careerrelay.engine.runtime import Runtime
from careerrelay.mail.milter.place import Place
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Delivery, RelayedMail
from tests.disaster.counting_ats import CountingAts, install
from tests.disaster.installations import Installation, fresh, rows
from tests.disaster.nodes import Node, ended_at_last, wait_until
from tests.disaster.senders import Sender
from tests.disaster.test_kills import case
from tests.disaster.test_relay_kills import LETTER, RELAY_LINK, SENDER, TO
from tests.mail.milter.mta import Mta, applied, connected


@dataclass
class Filtered:
    """An installation whose server is a milter, and a mail server's way to it."""

    installation: Installation
    place: Place
    answers: list[bytes] = field(default_factory=list)

    def ask(self) -> bytes | None:
        """As a mail server: the mail as it goes on, or None where its client has to come again."""
        try:
            with connected(self.place) as mta:
                return self._asked(mta)
        except (EOFError, OSError) as error:
            self.answers.append(type(error).__name__.encode())
            return None

    def _asked(self, mta: Mta) -> bytes | None:
        mta.offer()
        mta.begin(SENDER)
        mta.tell(LETTER, to=[TO])
        asked = mta.end()
        self.answers.append(asked[-1].command + asked[-1].data)
        return applied(LETTER, asked[:-1]) if asked[-1].command == b"a" else None


def links(mail: bytes | None) -> list[bytes]:
    return re.findall(RELAY_LINK, mail or b"")


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """The path of a socket file has to be short."""
    with TemporaryDirectory(prefix="milter") as folder:
        yield Path(folder)


@pytest.fixture
def filtered(tmp_path: Path, short_folder: Path) -> Iterator[Filtered]:
    """One process on SQLite that serves and is a milter; one company with mails through it."""
    place = Place(path=str(short_folder / "milter"))
    with CountingAts().serve() as ats_url:
        made = fresh(
            tmp_path / "installation",
            python_path=install(tmp_path / "plugins"),
            MAIL_RELAY_EMBEDDED="true",
            MAIL_RELAY_PORT="0",
            MAIL_RELAY_MILTER=str(place),
        )
        made.found(ats_url=ats_url, company={}, strategies=("mail_relay",))
        runtime = made.look()
        try:
            plan = RelayPlan({"senders": [SENDER.partition("@")[2]], "milter": True})
            add_relay(runtime, "ats", connection="counting", plan=plan, actor="test")
        finally:
            runtime.close()
        yield Filtered(made, place)


@pytest.fixture
def node(filtered: Filtered) -> Iterator[Node]:
    made = filtered.installation.node("serve")
    with ended_at_last(made):
        made.start()
        yield made


@pytest.fixture
def runtime(filtered: Filtered) -> Iterator[Runtime]:
    made = filtered.installation.look()
    yield made
    made.close()


def reject(filtered: Filtered, runtime: Runtime) -> None:
    found = case(1, ApplicationState.REJECTED, step=1)
    event = ApplicationEvent(EventKind.REJECTED, found.changed_at, "a1", "c1", found)
    sender = Sender(f"{filtered.installation.url}/webhooks/counting")
    with sender.running(threads=1):
        sender.send(event, delivery="d1")
    wait_until(lambda: len(rows(runtime, Delivery)) == 1, what="the rejection is decided")


def test_mail_whose_milter_dies_before_the_answer_is_asked_for_again(
    filtered: Filtered, node: Node, runtime: Runtime
) -> None:
    reject(filtered, runtime)
    with connected(filtered.place) as mta:
        mta.offer()
        mta.begin(SENDER)
        mta.tell(LETTER, to=[TO])
        node.kill()
        with pytest.raises((EOFError, OSError)):
            mta.end()
    assert filtered.ask() is None, "nobody listens: the mail server answers 451"
    node.start()
    assert len(links(filtered.ask())) == 1
    wait_until(lambda: rows(runtime, Delivery)[0].state == "done", what="the delivery is done")
    (mail,) = rows(runtime, RelayedMail)
    assert (mail.judgement, mail.reply) == ("personal", 250)


def test_mail_that_was_answered_before_the_death_gets_the_same_link_when_it_comes_again(
    filtered: Filtered, node: Node, runtime: Runtime
) -> None:
    """The mail server died with the answer, or could not queue the mail: its client repeats it."""
    reject(filtered, runtime)
    first = filtered.ask()
    node.kill()
    node.start()
    second = filtered.ask()
    assert links(first) == links(second)
    assert len(links(second)) == 1
    assert len(rows(runtime, RelayedMail)) == 1
    assert rows(runtime, Delivery)[0].state == "done"


def test_kills_at_any_moment_of_the_answer_leave_one_link(
    filtered: Filtered, node: Node, runtime: Runtime
) -> None:
    reject(filtered, runtime)
    seen: list[bytes] = []
    for pause in (0.01, 0.03):
        asking = threading.Thread(target=lambda: seen.extend(links(filtered.ask())))
        asking.start()
        time.sleep(pause)
        node.kill()
        asking.join()
        node.start()
    seen += links(filtered.ask())
    assert seen, filtered.answers
    assert len(set(seen)) == 1
    assert len(rows(runtime, RelayedMail)) == 1
