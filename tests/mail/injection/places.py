"""Texts with a pilcrow alone on the line where the paragraph belongs."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent

from careerrelay.mail.injection.text_place import text_place

from .cases import PARAGRAPH, assert_injected, leaf, mail

PILCROW = "¶"
PARAGRAPH_LINES = PARAGRAPH.text.split("\n")


def assert_place(marked: str, *, is_flowed: bool = False) -> None:
    """The place found is the marked one, also in a mail. Of a marked text the margin is no part."""
    lines = dedent(marked).strip("\n").split("\n")
    expected = lines.index(PILCROW)
    del lines[expected]
    found = text_place(lines, is_flowed=is_flowed)
    shown = [*lines[:found], PILCROW, *lines[found:]]
    assert found == expected, "\n".join(shown)
    assert_place_in_mail(lines, expected, is_flowed=is_flowed)


def assert_place_in_mail(lines: Sequence[str], place: int, *, is_flowed: bool = False) -> None:
    """Three readers see the paragraph before the line of that number, and blank lines round it."""
    kind = "text/plain; charset=utf-8" + ("; format=flowed" if is_flowed else "")
    body = "".join(f"{line}\r\n" for line in lines).encode()
    after, _ = assert_injected(mail(leaf(kind, body, encoding="8bit")))
    text = after.partition(b"\r\n\r\n")[2].decode().removesuffix("\r\n").split("\r\n")
    begins = text.index(PARAGRAPH_LINES[0])
    ends = begins + len(PARAGRAPH_LINES)
    assert text[begins:ends] == PARAGRAPH_LINES
    above, below = text[:begins], text[ends:]
    assert filled(above) == filled(lines[:place])
    assert filled(below) == filled(lines[place:])
    assert not (filled(above) and above[-1].strip())
    assert not (filled(below) and below[0].strip())


def filled(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.strip()]
