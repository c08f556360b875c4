"""Does doing it twice, or losing the answer, leave what doing it once leaves?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ...models.errors import ApiError
from ...models.events import OutgoingMessage, RegistrationReport, SentMail
from ..base import Connector
from ..spec import Capability
from .standin import Scene
from .subject import Subject, require

LINK = "https://relay.example.com/r/2NEpo7TZRRrLZSi2U"
OURS = "https://relay.example.com/r/"
REPORT = RegistrationReport(
    marker="[CareerRelay 2NEpo7TZRRrLZSi2U]",
    text="[CareerRelay 2NEpo7TZRRrLZSi2U] 本人の同意のもと、登録をお知らせします。",
    tag="CareerRelay registered",
)
MESSAGE = OutgoingMessage(
    marker="[CareerRelay 2NEpo7TZRRrLZSi2U]",
    subject="選考結果のご連絡",
    text=f"登録ページ: {LINK}\n[CareerRelay 2NEpo7TZRRrLZSi2U]",
)
MAIL = SentMail(
    marker="2NEpo7TZRRrLZSi2U",
    subject="選考結果のご連絡",
    html=f"<p>登録ページ: {LINK}</p>",
    sender="saiyo@example.co.jp",
    to="hanako@example.com",
    message_id="<2NEpo7TZRRrLZSi2U@example.co.jp>",
    sent_at=datetime(2026, 11, 4, 9, 30, tzinfo=UTC),
)

WRITES: dict[Capability, Callable[[Connector, Scene], object]] = {
    Capability.FIELD_TOKEN: lambda c, s: c.write_link(s.application, LINK, ours=OURS),
    Capability.ATS_MESSAGE: lambda c, s: c.send_message(s.application, MESSAGE),
    Capability.REPORT: lambda c, s: c.report_registration(s.application, REPORT),
    Capability.MAIL_RECORD: lambda c, s: c.record_mail(s.application, MAIL),
}
READS: dict[Capability, Callable[[Connector, Scene], object]] = {
    Capability.FETCH: lambda c, s: c.fetch_application(s.application.external_id),
    Capability.POLL: lambda c, _: c.poll({}),
    Capability.REASONS: lambda c, _: c.reasons(),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A scene being served, with the connector pointed at it."""

    scene: Scene
    connector: Connector
    base: str
    """Where the stand-in is served."""

    def calls(self) -> int:
        """How many requests the stand-in has answered."""
        return len(self.scene.stand_in.calls)


@contextmanager
def on_stage(subject: Subject) -> Iterator[Stage]:
    """A fresh scene, served on the loopback interface."""
    if subject.scene is None:
        raise AssertionError("the standin module beside the connector has no scene()")
    scene = subject.scene()
    with scene.stand_in.serve() as url:
        connector = subject.open(
            scene.settings(url), clock=scene.stand_in.clock, allow_private=True
        )
        yield Stage(scene, connector, url)
        connector.http.close()


def reading_changes_nothing(subject: Subject, capability: Capability) -> None:
    """FETCH, POLL and REASONS leave the vendor's records as they were, however often."""
    with on_stage(subject) as stage:
        before = stage.scene.effects()
        for _ in range(2):
            READS[capability](stage.connector, stage.scene)
        require(stage.scene.effects() == before, "a read changed the vendor's records")


def writing_twice_is_writing_once(subject: Subject, capability: Capability) -> None:
    """The first call has an effect, the second none."""
    with on_stage(subject) as stage:
        before = stage.scene.effects()
        WRITES[capability](stage.connector, stage.scene)
        once = stage.scene.effects()
        require(once != before, "the write left no effect on the stand-in")
        WRITES[capability](stage.connector, stage.scene)
        require(stage.scene.effects() == once, "writing again changed the records again")


def lost_answers_double_nothing(subject: Subject, capability: Capability) -> None:
    """Each request in turn is done but its answer lost; trying again ends as one write does."""
    with on_stage(subject) as stage:
        WRITES[capability](stage.connector, stage.scene)
        wanted, calls = shape(stage.scene.effects()), stage.calls()
    for index in range(calls):
        with on_stage(subject) as stage:
            _lose_answer(stage, capability, index)
            got = shape(stage.scene.effects())
        require(got == wanted, f"losing the answer to request {index + 1} changes what is written")


def _lose_answer(stage: Stage, capability: Capability, index: int) -> None:
    stage.scene.stand_in.fail_next(status=502, skip=index, after_effect=True)
    try:
        WRITES[capability](stage.connector, stage.scene)
    except ApiError as error:
        require(error.retryable, f"a lost answer became {type(error).__name__}, which is final")
    WRITES[capability](stage.connector, stage.scene)


def lost_answers_are_told(subject: Subject, capability: Capability) -> None:
    """Of what cannot be looked up: written once, by one call, and a lost answer is an error that
    is no refusal, for the engine to leave it to a person."""
    with on_stage(subject) as stage:
        before = stage.scene.effects()
        WRITES[capability](stage.connector, stage.scene)
        wanted = stage.scene.effects()
        require(wanted != before, "the write left no effect on the stand-in")
        require(stage.calls() == 1, f"{stage.calls()} calls were made for one message")
    with on_stage(subject) as stage:
        stage.scene.stand_in.fail_next(status=502, after_effect=True)
        try:
            WRITES[capability](stage.connector, stage.scene)
        except ApiError as error:
            require(error.status is None or error.status >= 500, "a lost answer became a refusal")
        else:
            raise AssertionError("a lost answer passes for a message that was sent")
        require(shape(stage.scene.effects()) == shape(wanted), "it was written more than once")


def shape(data: Any) -> Any:
    """How many of what there is, whatever ids, times and order."""
    if isinstance(data, dict):
        return ["object", *sorted((shape(value) for value in data.values()), key=repr)]
    if isinstance(data, list | tuple | set | frozenset):
        return ["list", *sorted((shape(item) for item in data), key=repr)]
    return type(data).__name__
