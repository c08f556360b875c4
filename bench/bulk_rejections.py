"""Two hundred rejections at once, on every connector's stand-in, by the real engine.

    python -m bench.bulk_rejections [PEOPLE]

For each connector: calls made to the vendor per rejection, beside the least possible; how long
they take at the vendor's documented limit; and how often the vendor said 429, which must be never.
Time is the rehearsal's own clock, in which each call takes as long as the limit wants.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import structlog

from bench.results import Result, compared
from careerrelay.cli.demo.ports import choose
from careerrelay.cli.rehearsal.house import House
from careerrelay.cli.rehearsal.play import Play
from careerrelay.connectors import Connector, connector_classes
from careerrelay.connectors.spec import Capability, ConnectorSpec, Trust
from careerrelay.connectors.testing.story import Story, story_beside

PEOPLE = 200
UPKEEP = 0.25
"""Calls per rejection that polls beside the web hooks may add: they look, page by page, whether
anything was missed."""


def least_calls(story: Story, spec: ConnectorSpec) -> float:
    """As the story says; else none where the signal says all, one look where it is a hint, and a
    hundredth of a page where there is no web hook."""
    if story.least_calls is not None:
        return story.least_calls
    if spec.webhook is None:
        return 0.01
    return 0 if spec.webhook.trust is Trust.SIGNED else 1


def measure(connector: type[Connector], folder: Path, *, people: int) -> list[Result]:
    """One connector: apply and settle first, then count what the rejections alone cause."""
    tell = story_beside(connector)
    assert tell is not None, connector.spec.name
    ports = choose(None)
    house = House(folder, port=ports.server, smtp_port=ports.smtp)
    play = Play(connector, tell(house.clock), house, bulk=people)
    with ExitStack() as stack:
        stack.enter_context(play.mailbox.listen(ports.smtp))
        url = stack.enter_context(play.story.stand_in.serve())
        stack.enter_context(house.living())
        calls, refused = play.only_bulk(url)
    name, least = connector.spec.name, least_calls(play.story, connector.spec)
    limit = connector.spec.rate_limit
    seconds = calls * play.pace.total_seconds() if limit else float("nan")
    print(
        f"{name}: {people} rejections, {calls} calls, {calls / people:.2f} each "
        f"(least possible {least:g}), "
        + (
            f"{seconds:.0f} s at {limit.calls} in {limit.seconds:g} s"
            if limit
            else "no limit published"
        )
        + f", {refused} times 429"
    )
    return [
        compared(
            f"bulk: {name}, calls per rejection against the least possible",
            ours=calls / people + 1,
            peer=least + 1,
            target=f"<= {1 + UPKEEP:g}",
        ),
        compared(
            f"bulk: {name}, 429 provoked (1 is none)", ours=refused + 1, peer=1, target="<= 1"
        ),
    ]


def calls_the_vendor(spec: ConnectorSpec) -> bool:
    """A file has no limit to keep to."""
    return spec.can(Capability.WEBHOOK) or spec.can(Capability.POLL)


def compare(folder: Path, *, people: int = PEOPLE) -> list[Result]:
    """Every connector that is installed and calls its vendor."""
    found = [(n, c) for n, c in connector_classes().items() if calls_the_vendor(c.spec)]
    return [
        result
        for name, connector in found
        for result in measure(connector, folder / f"bulk-{name}", people=people)
    ]


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with tempfile.TemporaryDirectory() as made:
        compare(Path(made), people=int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE)
