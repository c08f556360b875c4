"""Every log line of the suite, looked through for people: none may be in one."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import structlog

from careerrelay.engine.logs import Line

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
"""Every address of the suite is at example.com or example.jp; no other belongs in a log either."""
NAMES = re.compile("応募|太郎|採用 花子|\\\\u5fdc\\\\u52df")
METHODS = ("msg", "log", "debug", "info", "warn", "warning", "error", "critical", "exception")


def people_in(text: str) -> list[str]:
    """Addresses and names of people in log lines."""
    return ADDRESS.findall(text) + NAMES.findall(text)


class _Heard(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


@contextmanager
def listening() -> Iterator[list[str]]:
    """The lines that our code and its libraries log meanwhile, as a server would write them."""
    lines: list[str] = []
    heard = _Heard(lines)
    logging.getLogger().addHandler(heard)
    patches = [
        patch.object(kind, name, _spied(getattr(kind, name), lines))
        for kind in (structlog.PrintLogger, Line)
        for name in METHODS
        if hasattr(kind, name)
    ]
    for one in patches:
        one.start()
    try:
        yield lines
    finally:
        for one in patches:
            one.stop()
        logging.getLogger().removeHandler(heard)


def _spied(original: Any, lines: list[str]) -> Any:
    def spy(self: Any, message: str) -> None:
        lines.append(message)
        original(self, message)

    return spy
