"""Injecting in this process, against Python's email package here and altermime as a process.

Both builds of the engine are measured, one after the other, each in a process of its own with the
same peers beside it: the source, which runs everywhere, and what mypyc makes of it.

    python -m bench.injection FILE

measures the build that it imports.
"""

from __future__ import annotations

import email
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from bench.corpus import URL, paragraphs
from bench.mails import shapes
from bench.results import Result, compared, middle, read, write
from careerrelay.mail.injection import BUILD, Paragraph, Status, inject
from careerrelay.mail.injection.fragment import html_fragment
from tests.mail.injection.hostile import UNITS, calls, hostile
from tests.support.compiled import ROOT, compiled_site, install_compiler

ROUNDS = 7
SECONDS = 0.15
"""How long one round of one side lasts, at least."""
MOST_MS = 100
"""For any megabyte, whatever it holds."""
INSTALL = ROOT / ".ci" / "system-packages"

TARGETS = {
    "small text": 14,
    "text and HTML": 14,
    "50 kB newsletter": 8,
    "5 MB attachment": 40,
    "ISO-2022-JP": 14,
}
"""Times as many mails in a second as parsing, changing and printing with the standard library."""


def compare(folder: Path) -> list[Result]:
    """The source, then the compiled build."""
    install_compiler()
    return measure() + _elsewhere(compiled_site(), folder / "compiled.json")


def _elsewhere(site: Path, file: Path) -> list[Result]:
    """The same of the engine in another folder."""
    path = f"{site}{os.pathsep}{ROOT}"
    command = [sys.executable, "-m", "bench.injection", str(file)]
    subprocess.run(command, cwd=site, env={**os.environ, "PYTHONPATH": path}, check=True)
    return read(file)


def measure() -> list[Result]:
    """Each shape of mail, in interleaved rounds, each long enough for either side to run warm: in
    turns of a few calls it was the peer, which runs far more code, that was found cold each time.

    By processor time and the best round, which other work on the machine moves least.
    """
    paragraph = paragraphs()["Japanese"]
    results = []
    for name, message in shapes().items():
        _checked(message, paragraph)
        ours, peer = _rates(
            lambda m=message: inject(m, paragraph).assemble(m),
            lambda m=message: print_again(m, paragraph),
            clock=time.process_time,
            of_rounds=max,
        )
        size = f"{len(message) / 1000:,.1f} kB"
        shown = f"inject ({BUILD}): {name}, {size}, against the standard library, 1/s"
        results.append(compared(shown, ours=ours, peer=peer, target=f">= {TARGETS[name]}"))
    return results + _hostile(paragraph) + _against_altermime(paragraphs()["ASCII"])


def _hostile(paragraph: Paragraph) -> list[Result]:
    """A megabyte made to cost much: CPU time, the least of some rounds, and the work itself."""
    results = []
    for name in UNITS:
        message = hostile(name)
        took = min(_cpu_ms(lambda m=message: inject(m, paragraph)) for _ in range(3))
        shown = f"inject ({BUILD}): 1 MB of {name}"
        results.append(compared(f"{shown}, ms", ours=took, peer=MOST_MS, target="<= 1"))
        if BUILD != "compiled":  # whose own calls nobody can count
            work = calls(lambda m=message: inject(m, paragraph))
            shown = f"{shown}, calls for each kB"
            results.append(compared(shown, ours=work / 1000, peer=1, target=""))
    return results


def _cpu_ms(function: Callable[[], object]) -> float:
    began = time.process_time()
    function()
    return 1000 * (time.process_time() - began)


def _checked(message: bytes, paragraph: Paragraph) -> None:
    if inject(message, paragraph).status is not Status.INJECTED:
        raise AssertionError("what is measured has to be an injection")
    if print_again(message, paragraph) == message:
        raise AssertionError("the peer has to change the mail")


def _rates(
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    clock: Callable[[], float] = time.perf_counter,
    of_rounds: Callable[[Sequence[float]], float] = middle,
) -> tuple[float, float]:
    """Calls in a second of ``clock``."""
    rounds = [(_rate(ours, clock), _rate(peer, clock)) for _ in range(ROUNDS)]
    return of_rounds([rate for rate, _ in rounds]), of_rounds([rate for _, rate in rounds])


def _rate(function: Callable[[], object], clock: Callable[[], float]) -> float:
    calls, began = 0, clock()
    while (took := clock() - began) < SECONDS:
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
                lambda m=message: inject(m, paragraph).assemble(m),
                lambda m=message: _altered(m, place=place),
            )
            if URL.encode() not in (place / "mail").read_bytes():
                raise AssertionError("altermime did not change the mail")
            shown = f"inject ({BUILD}) in this process: {name}, against an altermime process, 1/s"
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


if __name__ == "__main__":
    write(measure(), Path(sys.argv[1]))
