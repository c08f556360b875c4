"""One line per step with what was seen; the first one that fails is named, with the difference."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from subprocess import SubprocessError
from typing import Any, TypeVar

Seen = TypeVar("Seen")

WAIT_SECONDS = 20.0
LOOK_EVERY_SECONDS = 0.05
DOTS = {True: "✓", False: "✗"}


@dataclass(frozen=True, slots=True)
class Words:
    """The same in both languages."""

    en: str
    ja: str

    def in_language(self, lang: str) -> str:
        return self.ja if lang == "ja" else self.en


class StepFailedError(AssertionError):
    """What a step saw is not what it expected."""

    def __init__(self, *, expected: str, seen: str) -> None:
        self.expected = expected
        self.seen = seen
        super().__init__(f"expected {expected}; seen {seen}")


@dataclass(slots=True)
class Step:
    """A step under way or done. ``seconds`` is how long it took."""

    name: str
    title: Words
    saw: Words = Words("", "")
    seconds: float = 0.0
    ok: bool = True

    def note(self, en: str, ja: str) -> None:
        """What was seen, for its line."""
        self.saw = Words(en, ja)


class Steps:
    """Runs steps and tells of each. ``tell`` takes a line; ``lang`` is ja or en."""

    def __init__(self, tell: Callable[[str], Any], *, lang: str) -> None:
        self._tell = tell
        self._lang = lang
        self.done: list[Step] = []

    @contextmanager
    def step(self, name: str, en: str, ja: str) -> Iterator[Step]:
        """The body does it and checks it. Raises StepFailedError once its line is told."""
        step = Step(name, Words(en, ja))
        began = time.monotonic()
        failure: StepFailedError | None = None
        try:
            yield step
        except StepFailedError as error:
            failure = error
        except (OSError, LookupError, ValueError, HTTPException, SubprocessError) as error:
            # A server that hangs up or a page without its form is as bad as a wrong answer.
            failure = StepFailedError(
                expected="an answer", seen=f"{type(error).__name__}: {str(error)[:200]}"
            )
        step.seconds = time.monotonic() - began
        step.ok = failure is None
        self.done.append(step)
        self._tell(self._line(step))
        if failure is not None:
            self._tell_failure(failure)
            raise failure

    def _line(self, step: Step) -> str:
        saw = step.saw.in_language(self._lang) if step.ok else ""
        ending = f"  [{saw}]" if saw else ""
        title = step.title.in_language(self._lang)
        return f"{DOTS[step.ok]} {step.name:<3} {step.seconds:5.1f} s  {title}{ending}"

    def _tell_failure(self, failure: StepFailedError) -> None:
        names = ("期待", "実際") if self._lang == "ja" else ("expected", "seen")
        for name, text in zip(names, (failure.expected, failure.seen), strict=True):
            self._tell(f"              {name}: {text}")


def expect(what: str, *, expected: Any, seen: Any) -> None:
    """Raise StepFailedError unless both are equal; ``what`` says which of the things it was."""
    if seen != expected:
        raise StepFailedError(expected=f"{what}: {expected!r}", seen=repr(seen)[:300])


def wait_for(
    look: Callable[[], Seen],
    fits: Callable[[Seen], bool],
    *,
    expected: str,
    seconds: float = WAIT_SECONDS,
) -> Seen:
    """Look again until what is seen fits. Raises StepFailedError with the last sight."""
    until = time.monotonic() + seconds
    while True:
        seen = look()
        if fits(seen):
            return seen
        if time.monotonic() >= until:
            told = f"{str(seen)[:200] or 'nothing'} (after {seconds:.0f} s)"
            raise StepFailedError(expected=expected, seen=told)
        time.sleep(LOOK_EVERY_SECONDS)
