"""Markdown pages taken apart: links, anchors, code, and the commands quoted in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.*)$", re.MULTILINE)
_NAMED_ANCHOR = re.compile(r'<a id="([^"]+)">')
_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=")
_SEPARATORS = frozenset({"&&", "||", "|", ";"})
SHELLS = ("sh", "bash", "console")


@dataclass(frozen=True)
class Page:
    """One Markdown file of the repository."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The text without fenced blocks."""
        return _FENCE.sub("", self.text)

    def fences(self, *languages: str) -> list[str]:
        """Contents of the fenced blocks in one of these languages."""
        return [body for language, body in _FENCE.findall(self.text) if language in languages]

    @cached_property
    def inline_code(self) -> list[str]:
        return _INLINE.findall(self.prose)

    @cached_property
    def links(self) -> list[str]:
        """Targets of links to other places of the repository."""
        targets = _LINK.findall(_INLINE.sub("", self.prose))
        return [t for t in targets if not re.match(r"[a-z]+:", t)]

    @cached_property
    def anchors(self) -> set[str]:
        return {slug(h) for h in _HEADING.findall(self.prose)} | set(
            _NAMED_ANCHOR.findall(self.text)
        )

    def rows(self) -> list[list[str]]:
        """The cells of every table row that begins with a code in backticks."""
        lines = (line for line in self.prose.splitlines() if line.startswith("| `"))
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def slug(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def shell_commands(page: Page) -> Iterator[list[str]]:
    """Every command of the page's shell blocks, as words, without sudo and assignments."""
    for block in page.fences(*SHELLS):
        for line in block.replace("\\\n", " ").splitlines():
            for words in _segments(shlex.split(line.removeprefix("$ "), comments=True)):
                command = _command(words)
                if command:
                    yield command


def _segments(words: Sequence[str]) -> Iterator[list[str]]:
    segment: list[str] = []
    for word in words:
        if word in _SEPARATORS:
            yield segment
            segment = []
        else:
            segment.append(word)
    yield segment


def _command(words: list[str]) -> list[str]:
    rest = list(words)
    while rest and (rest[0] in ("sudo", "export", "-u") or _ASSIGNMENT.match(rest[0])):
        user = rest.pop(0) == "-u"
        if user and rest:
            rest.pop(0)
    return rest


def inline_commands(page: Page, program: str) -> Iterator[list[str]]:
    """Every command in backticks that begins with ``program``."""
    for code in page.inline_code:
        words = _command(shlex.split(code.replace("'", "")))
        if words and words[0] == program and "..." not in code:
            yield words
