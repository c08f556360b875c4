"""The paragraph in mails as Japan sends them: readable, at its place, and all else as it was."""

from __future__ import annotations

import html
import re

import pytest

from careerrelay.mail.injection import Status
from tests.mail.judges import read_all

from .cases import PARAGRAPH, POLICY, URL, assert_injected
from .japanese_samples import CHARSETS, ENCODINGS, SHAPES, Sample, samples

SAMPLES = list(samples())
FEWEST = 60
WORDS = PARAGRAPH.text.split("\n")


def test_enough_of_each_kind() -> None:
    names = [sample.name for sample in SAMPLES]
    assert len(SAMPLES) == len({sample.message for sample in SAMPLES}) >= FEWEST
    assert 2 * sum("-reply" in name for name in names) >= FEWEST
    for word in (*CHARSETS, *SHAPES, *ENCODINGS):
        assert sum(f"-{word}-" in name for name in names) >= 12
    assert sum(sample.has_marker for sample in SAMPLES) >= 12


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_readable_in_its_charset_and_at_its_place(sample: Sample) -> None:
    status = Status.REPLACED if sample.has_marker else Status.INJECTED
    after, result = assert_injected(sample.message, status=status, rewritten=3000)
    assert set(result.notes) <= {"eight_bit"}
    assert POLICY.marker.encode() not in after
    reading = read_all(after)[0]
    shown = [*reading.texts("text/plain"), *map(as_text, reading.texts("text/html"))]
    assert shown
    for text in shown:
        filled = [line.strip() for line in text.split("\n") if line.strip()]
        at = filled.index(WORDS[0])
        assert filled[at : at + len(WORDS)] == WORDS
        assert filled[at - 1] == sample.above
        assert filled[at + len(WORDS)] == sample.below
        assert text.count(URL) == 1


def as_text(page: str) -> str:
    lines = re.sub(r"<br>|</?(?:p|div)\b[^>]*>", "\n", page)
    return html.unescape(re.sub(r"<[^>]*>", "", lines))
