"""Python's own ``email``: reads a message and tells what it saw."""

from __future__ import annotations

import email
import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from email import policy
from email.message import EmailMessage, Message

from .values import Part, Reading

NAME = "python"

STUMBLES = (AttributeError, IndexError, KeyError, LookupError, TypeError, ValueError)
"""What today's API raises where a header is not of the form it expects."""


def read(message: bytes) -> Reading:
    """What today's API sees; where it stumbles over a field, what the old one sees."""
    errors: list[str] = []
    old = list(_walk(email.message_from_bytes(message, policy=policy.compat32)))
    try:
        modern = list(_walk(email.message_from_bytes(message, policy=policy.default)))
    except STUMBLES as exc:
        errors.append(f"today's parser: {type(exc).__name__}")
        modern = old
    if len(modern) != len(old):
        errors.append("today's parser sees other parts than the old one")
        old = modern
    parts = [
        _part(one, before, depth=depth, errors=errors)
        for (one, depth), (before, _) in zip(modern, old, strict=True)
    ]
    return Reading(NAME, tuple(parts), tuple(errors))


def _walk(message: Message, *, depth: int = 0) -> Iterator[tuple[Message, int]]:
    yield message, depth
    payload = message.get_payload() if message.is_multipart() else []
    for child in payload if isinstance(payload, list) else []:
        if isinstance(child, Message):
            yield from _walk(child, depth=depth + 1)


def _part(modern: Message, old: Message, *, depth: int, errors: list[str]) -> Part:
    def ask(question: Callable[[Message], str | None]) -> str:
        try:
            return question(modern) or ""
        except STUMBLES as exc:
            errors.append(f"today's API: {type(exc).__name__}")
            return question(old) or ""

    kind = ask(lambda m: m.get_content_type())
    payload = None if old.is_multipart() else old.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else None
    return Part(
        depth=depth,
        type=kind,
        filename=ask(lambda m: m.get_filename()),
        disposition=ask(lambda m: m.get_content_disposition()),
        digest="" if content is None else hashlib.sha256(content).hexdigest(),
        text=_text(modern, old, content) if content is not None and _is_text(kind) else None,
        headers=tuple((name, str(value)) for name, value in old.raw_items()),
    )


def _is_text(kind: str) -> bool:
    return kind.startswith("text/")


def _text(modern: Message, old: Message, content: bytes) -> str:
    """By today's API, which knows unknown charsets; by hand where it stumbles."""
    with suppress(*STUMBLES):
        if isinstance(modern, EmailMessage):
            return str(modern.get_content())
    try:
        return content.decode(old.get_content_charset("ascii"), "replace")
    except (LookupError, ValueError):
        return content.decode("latin-1")
