"""Every numbered corner case of the design has a test that carries its number."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
CASES = range(1, 171)
_TEST = re.compile(r"^def test_case_((?:\d{3}_)+)", re.MULTILINE)


def test_each_of_the_170_cases_is_named_by_a_test() -> None:
    tested = {
        int(number)
        for file in TESTS.rglob("test_*.py")
        for numbers in _TEST.findall(file.read_text(encoding="utf-8"))
        for number in numbers.split("_")
        if number
    }
    missing = [number for number in CASES if number not in tested]
    assert missing == []
