"""``python -m bench.corpus DIR...``: inject into real mail, and let three readers judge it.

Corpora are not part of the project; docs/measurements.md names those that were used. Every file
of the folders is taken for a mail in wire form. Written to ``build/corpus.json``: what the table
says, and the names of the files in which something broke.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from careerrelay.cli.inject_paragraph import USUAL_TEXTS
from careerrelay.mail.injection import Paragraph, Policy, Result, Status, inject
from tests.mail.judges import ReaderError, compare, read_all, restart_readers, why_no_judges
from tests.mail.judges.comparison import is_sealed
from tests.mail.judges.values import Reading

OUTPUT = Path("build/corpus.json")
URL = "https://relay.example.jp/r/v1.6Zk2mQ0bT7e.c9Jt4-7uXa_corpus"

SPECIAL = frozenset(
    {
        "already", "amp", "auto_reply", "calendar", "digest", "encrypted", "no_text_part",
        "partial", "pgp_inline", "report", "signed", "smime", "tnef", "uuencode",
    }
)  # fmt: skip
"""Refused for what the mail is, not for how it is written."""
GATE = frozenset({"html_not_visible", "html_open_comment"})
"""Refused because a browser would not show the link."""


def paragraphs() -> dict[str, Paragraph]:
    """Japanese, and the same in ASCII."""
    texts = {name: text.format(link=URL) for name, text in USUAL_TEXTS.items()}
    return {
        "Japanese": Paragraph(texts["ja"], URL, "corpus", texts["en"]),
        "ASCII": Paragraph(texts["en"], URL, "corpus", texts["en"], language="en"),
    }


@dataclass
class Tally:
    """What became of the mails of one paragraph."""

    mails: int = 0
    changed: int = 0
    crashed: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    broken: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    broken_for_two: list[str] = field(default_factory=list)
    findings: dict[str, list[str]] = field(default_factory=dict)
    sealed_touched: list[str] = field(default_factory=list)
    not_judged: dict[str, str] = field(default_factory=dict)
    slowest: float = 0.0
    slowest_mail: str = ""

    def ordinary(self) -> int:
        """Mails that are not refused for what they are."""
        return self.mails - sum(n for code, n in self.refused.items() if code in SPECIAL)

    def refused_share(self) -> float:
        """Of the ordinary ones, before the gate of the browser's view."""
        doubtful = (n for code, n in self.refused.items() if code not in SPECIAL | GATE)
        return sum(doubtful) / max(self.ordinary(), 1)


def mails(folders: Sequence[Path]) -> Iterator[Path]:
    """Every file, in order."""
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.is_file())


def measure(folders: Sequence[Path]) -> dict[str, Tally]:
    """Inject into all of them and judge each."""
    wordings = paragraphs()
    tallies = {name: Tally() for name in wordings}
    for number, path in enumerate(mails(folders), start=1):
        message = path.read_bytes()
        before = cache(partial(read_all, message))
        for name, paragraph in wordings.items():
            _judge(tallies[name], str(path), message, read=before, paragraph=paragraph)
        if number % 500 == 0:
            broken = {name: len(tally.findings) for name, tally in tallies.items()}
            print(f"{number} mails, broken {broken}", file=sys.stderr, flush=True)
    return tallies


def _judge(
    tally: Tally,
    mail: str,
    message: bytes,
    *,
    read: Callable[[], Sequence[Reading]],
    paragraph: Paragraph,
) -> None:
    """``read``: by all readers, before anything is changed; asked only for what is changed."""
    tally.mails += 1
    result = _timed(tally, mail, message, paragraph=paragraph)
    if result is None:
        return
    if not result.edits:
        tally.refused[result.code or result.status.value] += 1
        return
    tally.changed += 1
    try:
        before, after = read(), read_all(result.assemble(message))
    except ReaderError as error:
        tally.not_judged[mail] = str(error)
        restart_readers()
        return
    findings = compare(before, after, paragraph=paragraph, result=result)
    if any(map(is_sealed, before)):
        tally.sealed_touched.append(mail)
    judges = sorted({finding.partition(":")[0] for finding in findings})
    if findings:
        tally.findings[mail] = findings
    if len(judges) > 1:
        tally.broken_for_two.append(mail)
    for judge in judges:
        tally.broken[judge].append(mail)


def _timed(tally: Tally, mail: str, message: bytes, *, paragraph: Paragraph) -> Result | None:
    began = time.perf_counter()
    try:
        result = inject(message, paragraph, Policy())
    except Exception as exc:  # the promise measured here is that there is none
        tally.crashed.append(f"{mail}: {type(exc).__name__}: {exc}")
        return None
    took = time.perf_counter() - began
    if took > tally.slowest:
        tally.slowest, tally.slowest_mail = took, mail
    if result.status is Status.FAILED:
        tally.crashed.append(f"{mail}: {result.code}")
    return result


def table(tallies: dict[str, Tally]) -> str:
    """For people."""
    rows: list[tuple[str, ...]] = [("", *tallies)]

    def row(name: str, *cells: object) -> None:
        rows.append((name, *map(str, cells)))

    all_ = list(tallies.values())
    row("mails", *(t.mails for t in all_))
    row("changed", *(t.changed for t in all_))
    row("engine failed", *(len(t.crashed) for t in all_))
    for judge in ("python", "node", "perl"):
        row(f"broken for {judge}", *(len(t.broken[judge]) for t in all_))
    row("broken for any", *(len(t.findings) for t in all_))
    row("broken for two or more", *(len(t.broken_for_two) for t in all_))
    row("not judged, as a reader gave up", *(len(t.not_judged) for t in all_))
    row("signed, encrypted, calendar touched", *(len(t.sealed_touched) for t in all_))
    row("refused among ordinary mail", *(f"{t.refused_share():.2%}" for t in all_))
    row("slowest, ms", *(f"{t.slowest * 1000:.0f}" for t in all_))
    codes = Counter[str]()
    for tally in all_:
        codes.update(tally.refused)
    for code, _ in codes.most_common():
        row(f"not changed: {code}", *(t.refused[code] for t in all_))
    width = max(len(cells[0]) for cells in rows)
    return "\n".join(
        f"{cells[0]:<{width}}" + "".join(f"{cell:>12}" for cell in cells[1:]) for cells in rows
    )


def main() -> None:
    """Measure the folders given."""
    parser = argparse.ArgumentParser(prog="python -m bench.corpus", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    reason = why_no_judges()
    if reason:
        sys.exit(reason)
    tallies = measure(given.folders)
    print(table(tallies))
    given.output.parent.mkdir(parents=True, exist_ok=True)
    told = {name: vars(tally) for name, tally in tallies.items()}
    given.output.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    print(f"\nwritten to {given.output}")


if __name__ == "__main__":
    main()
