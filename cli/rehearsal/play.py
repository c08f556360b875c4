"""The story itself, act by act, and what must be true at its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from ...connectors.base import Connector
from ...connectors.spec import Capability
from ...connectors.testing.contract import Traffic, contract_of, document_in
from ...connectors.testing.story import (
    Person,
    Record,
    Story,
    best_strategy,
    story_beside,
    story_says_what_it_lacks,
)
from ...connectors.testing.subject import Subject, require
from ...engine import rehearsal, replay
from ...engine.link_admin import paste_texts
from ...models.errors import ConfigurationError
from ..demo.browser import Browser
from ..demo.mailbox import Mailbox, Received
from ..demo.ports import choose
from .house import ACTOR, CONNECTION, SENDER, House

REGISTRANTS = 4
"""People of the bulk who register, beside the one who was rejected alone: one slot and two."""
DIES_AT = 2
"""Commits into the bulk, and into the reports, after which the process dies."""
PACE_SECONDS = 0.1
UNCERTAIN = ("smtp_uncertain", "api_uncertain")
"""How a delivery ends of which neither the mail server nor the ATS can tell whether it went out."""


@dataclass
class Rehearsed:
    """What was played, and seen at its end."""

    connector: str
    strategy: str
    people: int
    calls: int = 0
    refused: int = 0
    """Calls that the vendor answered with 429 by its own limit."""
    deaths: int = 0
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """A person and their application's id."""

    person: Person
    id: str


class Play:
    """One performance. ``bulk`` people are rejected at once."""

    def __init__(
        self, connector: type[Connector], story: Story, house: House, *, bulk: int
    ) -> None:
        self.spec = connector.spec
        self.story = story
        self.house = house
        self.mailbox = Mailbox()
        self.strategy = best_strategy(connector.spec, story)
        limit = connector.spec.rate_limit
        self.pace = timedelta(seconds=limit.seconds / limit.calls if limit else PACE_SECONDS)
        """What a call takes of the moved clock: our own limiter's pace."""
        self._size = bulk
        self._people = 0
        self.looked_after: list[str] = []
        """Addresses of whom a person had to find out whether their notice went out; it did."""

    def perform(self, url: str) -> None:
        """All acts. ``url`` is where the stand-in is served."""
        self._connect(url)
        self._apply()
        self._reject()
        self._change_minds()
        self._reject_in_bulk()
        self._register()
        self._erase()

    def only_bulk(self, url: str) -> tuple[int, int]:
        """Nothing but the bulk, and no faults: calls that it made, and 429 that it met."""
        stand_in = self.story.stand_in
        stand_in.watchers.append(lambda *_: self.house.clock.forward(self.pace))
        self._connect(url)
        self.house.wait(minutes=5)
        self.bulk = self._cases(self._size)
        self._settle()
        self.house.wait(days=1)
        before = len(stand_in.calls)
        self.story.reject_in_bulk([case.id for case in self.bulk])
        self._settle()
        made = stand_in.calls[before:]
        return len(made), sum(status == 429 for _, _, status in made)

    def backfill(self, url: str, *, die_at: int) -> int:
        """A connection to an ATS full of rejected people, without web hooks: calls that it takes
        until all are decided, through one death on the way."""
        stand_in = self.story.stand_in
        cases = self._cases(self._size)
        self.house.wait(hours=1)
        self.story.reject_in_bulk([case.id for case in cases])
        self.house.wait(hours=1)
        stand_in.watchers.append(lambda *_: self.house.clock.forward(self.pace))
        self._connect(url, hooks=False, die_at=die_at)
        while rehearsal.decided(self.house.runtime) < len(cases):
            self._settle()
        return len(stand_in.calls)

    def _connect(self, url: str, *, hooks: bool = True, die_at: int = 0) -> None:
        secret = {setting.name for setting in self.spec.settings if setting.secret}
        values = dict(self.story.settings(url))
        hook = self.house.found(
            self.spec.name, strategy=self.strategy, values=values, secret=secret
        )
        rehearsal.map_as_rejections(self.house.runtime, CONNECTION, list(self.story.reasons()))
        if hooks:
            self.story.connect(hook)
        self._settle(die_at=die_at)

    def _apply(self) -> None:
        self.house.wait(minutes=5)
        self._fail(429)
        self._fail(500, skip=1)
        self.alone, self.withdrawn, self.reopened, self.erased = self._cases(4)
        self.bulk = self._cases(self._size)
        self._settle()

    def _reject(self) -> None:
        """One alone, after a day."""
        self.house.wait(days=1)
        self.story.reject(self.alone.id)
        self._settle()

    def _change_minds(self) -> None:
        """Another withdraws; a third is rejected and taken back."""
        self.house.wait(hours=1)
        if "withdraw" not in self.story.missing:
            self.story.withdraw(self.withdrawn.id)
        self.story.reject(self.reopened.id)
        self._settle()
        if "unreject" not in self.story.missing:
            self.house.wait(hours=1)
            self.story.unreject(self.reopened.id)
            self._settle()

    def _reject_in_bulk(self) -> None:
        """Two hundred at once, or fewer; the vendor stumbles, and the worker dies on the way."""
        self.house.wait(days=1)
        self._fail(429)
        self._fail(500, skip=1)
        self._hang(skip=2)
        self._lose_answer(skip=3)
        self.story.reject_in_bulk([case.id for case in self.bulk])
        self.story.reject(self.erased.id)
        self._settle(die_at=DIES_AT)
        require(self.house.deaths == 1, "the process was to die in the bulk, and did not")
        self._look_after_notices()

    def _look_after_notices(self) -> None:
        """Whether what was handed over without an answer was sent: people look."""
        runtime = self.house.runtime
        for line in replay.work_lines(runtime, kind="delivery"):
            require(line.code in UNCERTAIN, f"a delivery was given up: {line.code}")
            sent = self._sent_by(line.id)
            self.looked_after += sent
            if sent:
                replay.close(runtime, line, actor=ACTOR)
            else:
                replay.replay(runtime, line, actor=ACTOR, not_sent=True)
        self._settle()

    def _sent_by(self, delivery: str) -> list[str]:
        """To whom: in the mailbox, or as the vendor shows it."""
        mails = self.mailbox.received()
        found = [m.recipients[0] for m in mails if delivery in m.source.decode()]
        if self.strategy == "ats_message":
            link, everybody = rehearsal.link_of(self.house.runtime, delivery), self._everybody()
            found += [c.person.email for c in everybody if link in self.record(c).links]
        return found

    def _everybody(self) -> list[Case]:
        return [self.alone, self.withdrawn, self.reopened, self.erased, *self.bulk]

    def _register(self) -> None:
        """Some register by the link they got; the vendor's answers to the report are lost."""
        self.registered = [self.alone, *self.bulk[:REGISTRANTS]]
        for number, case in enumerate(self.registered):
            if number:
                self._lose_answer(skip=number % 2)
            self._register_one(case)
        self._settle(die_at=DIES_AT)

    def _register_one(self, case: Case) -> None:
        name = f"{case.person.family_name} {case.person.given_name}"
        form = {"name": name, "email": case.person.email, "named": "yes", "terms": "yes"}
        browser = Browser()
        page = browser.get(self._link_of(case))
        require(page.status == 200, f"the link of a rejected person answers {page.status}")
        page = browser.submit(page, form)
        require(page.status == 200, f"the form of a rejected person answers {page.status}")
        self._settle()
        proof = next(w for m in self._mails(case) for w in m.text.split() if "/p/" in w)
        page = browser.submit(browser.get(proof))
        require(page.status == 200, f"the proof of a rejected person answers {page.status}")

    def _link_of(self, case: Case) -> str:
        """As that person has it: from the ATS's field or message, the notice, or the template."""
        if self.strategy == "own_mail":
            prefix = self.house.runtime.signer.base_url + "/r/"
            words = [w for mail in self._notices(case) for w in mail.text.split()]
            return next(word for word in words if word.startswith(prefix))
        if self.strategy == "static_link":
            pasted = paste_texts(self.house.runtime, CONNECTION, job=None, stage=None, actor=ACTOR)
            return pasted.url
        return self.record(case).links[0]

    def _erase(self) -> None:
        if "erase" not in self.story.missing:
            self.house.wait(hours=1)
            self.story.erase(self.erased.id)
            self._settle()

    # What can be seen.

    def record(self, case: Case) -> Record:
        """What the vendor shows of a case."""
        return self.story.record(case.id)

    def notices(self, case: Case) -> int:
        """How many notices of the company the person got."""
        return len(self._notices(case))

    def _notices(self, case: Case) -> list[Received]:
        return [mail for mail in self._mails(case) if mail.sender == SENDER]

    def _mails(self, case: Case) -> list[Received]:
        return self.mailbox.received(to=case.person.email)

    # What goes wrong.

    def _fail(self, status: int, *, skip: int = 0) -> None:
        """The vendor refuses one call."""
        answer = self.story.stand_in.too_many(7) if status == 429 else None
        self.story.stand_in.fail_next(
            status=status,
            skip=skip,
            body=answer.get_data() if answer else b"<h1>Oops</h1>",
            headers=dict(answer.headers) if answer else {"Content-Type": "text/html"},
        )

    def _hang(self, *, skip: int) -> None:
        """The vendor takes one call and never answers."""
        self.story.stand_in.fail_next(hang=True, skip=skip)

    def _lose_answer(self, *, skip: int) -> None:
        """The vendor does what one call asks, and the answer is lost."""
        self.story.stand_in.fail_next(status=502, skip=skip, after_effect=True)

    def _settle(self, *, die_at: int = 0) -> None:
        require(self.story.stand_in.wait_delivered(), "a web hook was not taken in ten seconds")
        self.house.settle(die_at=die_at)

    def _cases(self, count: int) -> list[Case]:
        people = [self._somebody() for _ in range(count)]
        return [Case(person, self.story.apply(person)) for person in people]

    def _somebody(self) -> Person:
        self._people += 1
        return Person(f"太郎{self._people}", "応募", f"person{self._people}@example.com")


def rehearse(
    connector: type[Connector],
    *,
    folder: Path,
    bulk: int = 20,
    story: Callable[[Any], Story] | None = None,
    examples: Path | None = None,
) -> Rehearsed:
    """Play the story in ``folder``, which must be empty; AssertionError where something is wrong.

    ``examples`` is the connector's test folder: with an OpenAPI document in it, all that is said
    to the stand-in and answered by it is compared with the document.
    """
    from .audit import audit

    tell = story or story_beside(connector)
    if tell is None:
        raise ConfigurationError(_why_no_story(connector))
    ports = choose(None)
    house = House(folder, port=ports.server, smtp_port=ports.smtp)
    told = tell(house.clock)
    story_says_what_it_lacks(told)
    told.stand_in.hang_seconds = rehearsal.TIMEOUTS[1] * 1.5
    play = Play(connector, told, house, bulk=bulk)
    with ExitStack() as stack:
        stack.enter_context(play.mailbox.listen(ports.smtp))
        url = stack.enter_context(told.stand_in.serve())
        traffic = Traffic(url)
        told.stand_in.watchers += [traffic, lambda *_: house.clock.forward(play.pace)]
        stack.enter_context(house.living())
        play.perform(url)
        audit(play)
    _compare(connector, told, traffic, examples)
    return Rehearsed(
        connector=connector.spec.name,
        strategy=play.strategy,
        people=bulk + 4,
        calls=len(told.stand_in.calls),
        refused=sum(answered.status == 429 for _, answered in traffic.pairs),
        deaths=house.deaths,
        missing=dict(told.missing),
    )


def _why_no_story(connector: type[Connector]) -> str:
    title = connector.spec.title
    if connector.spec.can(Capability.CSV_IMPORT):
        return (
            f"{title}: files come from people, so there is no ATS to rehearse with; "
            "'careerrelay csv import --dry-run' looks at one and imports nothing"
        )
    return f"{title}: the module standin beside the connector has no story()"


def _compare(
    connector: type[Connector], story: Story, traffic: Traffic, examples: Path | None
) -> None:
    if examples is not None and document_in(examples) is not None:
        contract_of(Subject(connector, examples), story.settings(traffic.base)).compare(
            traffic.pairs
        )
