"""What becomes of many mails, as lines that another build of the engine can be compared by.

    python -m tests.mail.injection.outcomes

prints them, the build first.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections.abc import Iterator

from bench.mails import shapes
from careerrelay.mail.injection import BUILD, Policy, Result, erase_marker, inject, marker_in

from .cases import ENGLISH, PARAGRAPH, POLICY
from .hostile import UNITS, hostile
from .japanese_samples import carriers, samples

POLICIES = (POLICY, Policy(append=False), Policy(marker="[[LINK]]", next_hop_signs=False))
MUTATIONS = 40
"""Of each mail of some."""
EVERY = 8
PIECES = (
    b"", b"\r\n", b"\n", b"\r", b"\0", b"=", b"--", b"\xff\xfe", b"\x1b$B", b"<!--", b"<table>",
    b"{{", b"{{career_relay_link}}", b"\r\n\r\n", b"Content-Type: text/html\r\n", b"&#123;",
    b"\xe3\x81\x82", b"</body>", b"; charset=iso-2022-jp", b"> ", b"-- \r\n", b"=?utf-8?q?x?=",
)  # fmt: skip
Outcome = list[object]


def outcomes() -> Iterator[tuple[str, Outcome]]:
    """Each mail's name, and what is done to it."""
    for name, message in _mails():
        for number, policy in enumerate(POLICIES):
            for language, paragraph in (("ja", PARAGRAPH), ("en", ENGLISH)):
                told = inject(message, paragraph, policy)
                yield f"{name}, {number}, {language}", _outcome(told, message)
            yield f"{name}, {number}, erased", _outcome(erase_marker(message, policy), message)
            yield f"{name}, {number}, marker", [marker_in(message, policy)]


def _outcome(result: Result, message: bytes) -> Outcome:
    written = hashlib.sha256(result.assemble(message)).hexdigest()
    return [str(result.status), result.code, list(result.notes), written]


def _mails() -> Iterator[tuple[str, bytes]]:
    draw = random.Random(20261129)
    random.seed(20261129)  # of which the library makes boundaries
    whole = {f"sample {s.name}": s.message for s in (*samples(), *carriers())}
    whole |= {f"shape {name}": message for name, message in shapes().items()}
    yield from whole.items()
    yield from ((f"hostile {name}", hostile(name, size=100_000)) for name in UNITS)
    yield from ((f"hostile megabyte of {name}", hostile(name)) for name in sorted(UNITS)[::3])
    for name, message in sorted(whole.items())[::EVERY]:
        if len(message) < 100_000:
            for number in range(MUTATIONS):
                yield f"{name}, spoilt {number}", _spoilt(message, draw)
    for number in range(200):
        yield f"noise {number}", draw.randbytes(draw.randrange(300))


def _spoilt(message: bytes, draw: random.Random) -> bytes:
    """With some pieces put in, taken out, or put over others."""
    for _ in range(draw.randrange(1, 6)):
        start = draw.randrange(len(message) + 1)
        end = start + draw.choice((0, 0, 1, 2, 20))
        message = message[:start] + draw.choice(PIECES) + message[end:]
    return message


def read_back(printed: str) -> tuple[str, dict[str, Outcome]]:
    """The build and its outcomes, as they were printed."""
    build, *lines = printed.splitlines()
    return build, dict(json.loads(line) for line in lines)


if __name__ == "__main__":
    sys.stdout.write(f"{BUILD}\n")
    for line in outcomes():
        sys.stdout.write(json.dumps(line) + "\n")
