"""Texts with a pilcrow alone on the line where the paragraph belongs."""

from __future__ import annotations

from textwrap import dedent

from careerrelay.mail.injection.text_place import text_place

PILCROW = "¶"


def assert_place(marked: str, *, is_flowed: bool = False) -> None:
    """The place found is the marked one. Of a marked text the margin is no part."""
    lines = dedent(marked).strip("\n").split("\n")
    expected = lines.index(PILCROW)
    del lines[expected]
    found = text_place(lines, is_flowed=is_flowed)
    lines.insert(found, PILCROW)
    assert found == expected, "\n".join(lines)
