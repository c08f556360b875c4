"""What happens at one company, told to a stand-in: the words of the conformance run.

A connector's ``standin`` module offers ``story(clock) -> Story`` beside ``scene()``; where that
makes it long, a module ``stories`` beside it does. The run
(``careerrelay connectors rehearse``) plays the same story on every ATS with the real engine:
people apply, are rejected one by one and in bulk, withdraw, are taken back, register, are erased,
while the vendor fails and the worker is killed; then each case's ``record`` must be exactly right.

What an ATS does not have stands in ``missing`` with the reason; nothing is skipped in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from ..base import Connector
from ..spec import Capability, ConnectorSpec
from .standin import StandIn
from .subject import beside, require

OPTIONAL = ("withdraw", "unreject", "erase")
"""What some ATSs cannot tell us of."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who applies; invented."""

    given_name: str
    family_name: str
    email: str


@dataclass(frozen=True, slots=True)
class Record:
    """What the vendor now shows of one case that can come from us.

    ``links`` is every relay link in a field or a message sent, as often as it stands there;
    ``notes`` is every note's text, ours or not; ``mails`` every mail recorded as sent, by its
    HTML.
    """

    links: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()


class Story:
    """Subclass it beside the stand-in. A case is named by its application's id, as text.

    The stand-in must take ``clock`` for its present: the run moves it.
    """

    stand_in: StandIn
    strategy: ClassVar[str] = ""
    """The strategy to play; "": the best that the connector declares, else static_link."""
    least_calls: ClassVar[float | None] = None
    """The fewest calls that one rejection can take on this ATS, for ``make bench``; None: none
    where a web hook may be believed, one where it is a hint, a hundredth of a page without."""
    missing: ClassVar[Mapping[str, str]] = {}
    """Method of ``OPTIONAL`` -> why this ATS has no such thing."""

    def settings(self, url: str) -> Mapping[str, str]:
        """The connection's settings and secrets for a stand-in served at ``url``."""
        raise NotImplementedError

    def connect(self, hook_url: str) -> None:
        """An administrator enters our web hooks' address, where there is one for all of them."""
        self.stand_in.hook_url = hook_url

    def reasons(self) -> Mapping[str, str]:
        """Reasons (id -> text) that the company maps as its own rejections, where it must."""
        return {}

    def apply(self, person: Person) -> str:
        """A new person applies for a job; the application's id."""
        raise NotImplementedError

    def reject(self, case: str) -> None:
        """A recruiter ends the case."""
        raise NotImplementedError

    def reject_in_bulk(self, cases: Sequence[str]) -> None:
        """A recruiter ends many at once; one by one where the ATS tells no difference."""
        for case in cases:
            self.reject(case)

    def withdraw(self, case: str) -> None:
        """The candidate ends the case."""
        raise NotImplementedError

    def unreject(self, case: str) -> None:
        """A recruiter takes the rejection back."""
        raise NotImplementedError

    def erase(self, case: str) -> None:
        """The person is deleted, with all cases."""
        raise NotImplementedError

    def record(self, case: str) -> Record:
        """What stands there of us now."""
        raise NotImplementedError


Tell = Callable[[Callable[[], datetime]], Story]


def story_beside(connector: type[Connector]) -> Tell | None:
    """``story`` from the module ``standin`` or ``stories`` beside the connector's own, or None."""
    return beside(connector, "story") or beside(connector, "story", module="stories")


def best_strategy(spec: ConnectorSpec, story: Story) -> str:
    """The one to play: the story's, or the best declared."""
    best = [c.value for c in (Capability.FIELD_TOKEN, Capability.ATS_MESSAGE) if spec.can(c)]
    return story.strategy or next(iter(best), "static_link")


def story_says_what_it_lacks(story: Story) -> None:
    """Each method of ``OPTIONAL`` is there, or missing for a reason; not both, not neither."""
    for name in OPTIONAL:
        there = getattr(type(story), name) is not getattr(Story, name)
        why = story.missing.get(name, "").strip()
        require(there or why, f"the story has no {name}(), and missing does not say why")
        require(not (there and why), f"the story has {name}() and says that the ATS has not")
    unknown = set(story.missing) - set(OPTIONAL)
    require(not unknown, f"missing names {sorted(unknown)}, which every ATS has")
