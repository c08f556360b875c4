"""Where log lines go: to stderr, so that stdout holds a command's answer and nothing else."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

import structlog


def quiet_logs() -> None:
    """For commands: what went wrong is told in their own sentence, so only errors are logged."""
    _configure(logging.ERROR)


def server_logs() -> None:
    """For servers and workers: one JSON object a line, event names and ids only."""
    _configure(logging.INFO)


def _configure(level: int) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )


class Line:
    """Writes a log line, or goes without: where the disk is full, the work must not end for it."""

    def msg(self, message: str) -> None:
        # Looked up each time: tests and daemons exchange sys.stderr.
        with suppress(OSError):
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = exception = log = msg


def _to_stderr(*_args: object) -> Line:
    return Line()
