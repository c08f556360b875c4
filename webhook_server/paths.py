"""Tokens in URLs, as mail programs pass them on."""

from __future__ import annotations

from werkzeug.routing import BaseConverter

SWALLOWED = ".,;:!?)]}>'\"*_-|…。、，．・！？）］｝＞〉》」』】”’　 "
"""What mail programs take for a part of a link that a sentence or bracket goes on behind."""


class TokenConverter(BaseConverter):
    """A signed token; it ends in a letter or digit, so what follows is not its own."""

    regex = r"[^/]{1,400}"

    def to_python(self, value: str) -> str:
        return value.rstrip(SWALLOWED)
