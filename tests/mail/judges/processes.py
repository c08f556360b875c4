"""Readers in other languages: one long-living process each, a message in, a reading out."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from .values import Part, Reading

GIVE_UP_AFTER = 120.0
"""Seconds for one message; then the reader is stopped and the test fails."""


class ReaderError(Exception):
    """A reader ended, or stood still."""


class ReaderProcess:
    """One reader; both directions are a length of four bytes and so many bytes."""

    def __init__(
        self, name: str, *, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )

    def read(self, message: bytes) -> Reading:
        """What it sees. Raises ReaderError."""
        with self._lock:
            watchdog = threading.Timer(GIVE_UP_AFTER, self._process.kill)
            watchdog.start()
            try:
                answer = json.loads(self._ask(message))
            finally:
                watchdog.cancel()
        return Reading(self.name, tuple(map(_part, answer["parts"])), tuple(answer["errors"]))

    def _ask(self, message: bytes) -> bytes:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise ReaderError(f"{self.name}: has no pipes")
        try:
            stdin.write(struct.pack(">I", len(message)) + message)
            stdin.flush()
        except BrokenPipeError:
            raise ReaderError(f"{self.name}: has ended") from None
        (length,) = struct.unpack(">I", self._exactly(stdout, size=4))
        return self._exactly(stdout, size=length)

    def _exactly(self, stream: IO[bytes], *, size: int) -> bytes:
        got = stream.read(size)
        if len(got) != size:
            raise ReaderError(f"{self.name}: ended within an answer, or stood still")
        return got

    def close(self) -> None:
        """End it by closing its input."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                with suppress(BrokenPipeError):  # it has ended
                    pipe.close()
        self._process.wait(timeout=10)


def _part(told: dict) -> Part:
    headers = tuple((name, value) for name, value in told["headers"])
    return Part(**{**told, "headers": headers})
