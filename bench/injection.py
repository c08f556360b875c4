"""Injecting in this process, against Python's email package here and altermime as a process."""

from __future__ import annotations

import email
import subprocess
import tempfile
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from bench.corpus import URL, paragraphs
from bench.mails import shapes
from bench.results import Result, compared, middle
from careerrelay.mail.injection import Paragraph, Policy, Status, inject
from careerrelay.mail.injection.fragment import html_fragment
from tests.mail.injection.hostile import UNITS, calls, hostile

ROUNDS = 7
SECONDS = 0.15
"""How long one round of one side lasts, at least."""
MOST_MS = 100
"""For any megabyte, whatever it holds."""
INSTALL = Path(__file__).parents[1] / ".ci" / "system-packages"

TARGETS = {
    "small text": 14,
    "text and HTML": 14,
    "50 kB newsletter": 8,
    "5 MB attachment": 40,
    "ISO-2022-JP": 14,
}
"""Times as many mails in a second as parsing, changing and printing with the standard library."""


def compare() -> list[Result]:
    """Each shape of mail, in interleaved rounds."""
    paragraph = paragraphs()["Japanese"]
    results = []
    for name, message in shapes().items():
        _checked(message, paragraph)
        ours, peer = _rates(
            lambda m=message: inject(m, paragraph, Policy()).assemble(m),
            lambda m=message: print_again(m, paragraph),
        )
        shown = f"inject: {name}, {len(message) / 1000:,.1f} kB, against the standard library, 1/s"
        results.append(compared(shown, ours=ours, peer=peer, target=f">= {TARGETS[name]}"))
    return results + _hostile(paragraph) + _against_altermime(paragraphs()["ASCII"])


def _hostile(paragraph: Paragraph) -> list[Result]:
    """A megabyte made to cost much: CPU time, the least of some rounds, and the work itself."""
    results = []
    for name in UNITS:
        message = hostile(name)
        took = min(_cpu_ms(lambda m=message: inject(m, paragraph, Policy())) for _ in range(3))
        shown = f"inject: 1 MB of {name}"
        work = calls(lambda m=message: inject(m, paragraph, Policy()))
        results += [
            compared(f"{shown}, ms", ours=took, peer=MOST_MS, target="<= 1"),
            compared(f"{shown}, calls for each kB", ours=work / 1000, peer=1, target=""),
        ]
    return results


def _cpu_ms(function: Callable[[], object]) -> float:
    began = time.process_time()
    function()
    return 1000 * (time.process_time() - began)


def _checked(message: bytes, paragraph: Paragraph) -> None:
    if inject(message, paragraph, Policy()).status is not Status.INJECTED:
        raise AssertionError("what is measured has to be an injection")
    if print_again(message, paragraph) == message:
        raise AssertionError("the peer has to change the mail")


def _rates(ours: Callable[[], object], peer: Callable[[], object]) -> tuple[float, float]:
    """Calls in a second: the middle of the rounds."""
    rounds = [(_rate(ours), _rate(peer)) for _ in range(ROUNDS)]
    return middle([rate for rate, _ in rounds]), middle([rate for _, rate in rounds])


def _rate(function: Callable[[], object]) -> float:
    calls, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < SECONDS:
        function()
        calls += 1
    return calls / took


def print_again(message: bytes, paragraph: Paragraph) -> bytes:
    """The usual way: today's API of the standard library, policy SMTP."""
    parsed = email.message_from_bytes(message, policy=SMTP)
    for kind in ("plain", "html"):
        part = parsed.get_body((kind,))
        if isinstance(part, EmailMessage):
            _appended(part, kind=kind, paragraph=paragraph)
    return parsed.as_bytes()


def _appended(part: EmailMessage, *, kind: str, paragraph: Paragraph) -> None:
    text = part.get_content()
    charset = part.get_content_charset("utf-8").replace("us-ascii", "utf-8")
    if kind == "html":
        before, end, after = text.rpartition("</body>")
        text = before + html_fragment(paragraph) + end + after
    else:
        text = f"{text}\n{paragraph.text}\n"
    part.set_content(text, subtype=kind, charset=charset)


def _against_altermime(paragraph: Paragraph) -> list[Result]:
    """It is a process for each mail, which is most of its time; ours needs none."""
    subprocess.run([str(INSTALL), "altermime=altermime"], check=True)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "words.txt").write_text(paragraph.text + "\n")
        (place / "words.html").write_text(html_fragment(paragraph) + "\n")
        for name, message in shapes().items():
            ours, peer = _rates(
                lambda m=message: inject(m, paragraph, Policy()).assemble(m),
                lambda m=message: _altered(m, place=place),
            )
            if URL.encode() not in (place / "mail").read_bytes():
                raise AssertionError("altermime did not change the mail")
            shown = f"inject in this process: {name}, against an altermime process, 1/s"
            results.append(compared(shown, ours=ours, peer=peer, target=">= 1"))
    return results


def _altered(message: bytes, *, place: Path) -> None:
    (place / "mail").write_bytes(message)
    subprocess.run(
        [
            "altermime",
            f"--input={place / 'mail'}",
            f"--disclaimer={place / 'words.txt'}",
            f"--disclaimer-html={place / 'words.html'}",
        ],
        check=True,
    )
