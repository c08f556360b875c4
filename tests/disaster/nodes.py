"""Real processes of an installation: started, killed without a word, started again."""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.support.logged import people_in

UNIT = Path(__file__).parents[2] / "examples/systemd/careerrelay-web.service"
PATIENCE = 180.0
"""Seconds to wait for what must happen; a bound for a stuck test, not a promise of speed."""


def wait_until(ready: Callable[[], bool], *, what: str) -> None:
    """Look again and again; AssertionError after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)


@dataclass
class Node:
    """One ``careerrelay`` process. ``url`` is where it answers; "" for a worker."""

    command: str
    environment: Mapping[str, str]
    log: Path
    url: str = ""
    process: subprocess.Popen[bytes] | None = None
    lives: int = field(default=0)
    told: int = field(default=0)
    """Bytes of its log that are of earlier lives."""

    def start(self) -> None:
        """Begin a life; returns when it answers (a worker: at once)."""
        with self.log.open("ab") as log:
            self.told = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self.lives += 1
        if self.url:
            wait_until(self._answers, what=f"{self.command} answers; see {self.log}")

    @property
    def arguments(self) -> list[str]:
        """What Python is to run."""
        return ["careerrelay", self.command]

    @property
    def has_ended(self) -> bool:
        """Begun, and no longer there."""
        return self.process is not None and self.process.poll() is not None

    @property
    def words(self) -> str:
        """What it has said in this life."""
        return self.log.read_bytes()[self.told :].decode()

    def _is_up(self) -> bool:
        assert self.process is not None
        has_told = self.log.stat().st_size > self.told
        return has_told or bool(self.url) or self.process.poll() is not None

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"{self.command} ended by itself: {self.words[-2000:]}")
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """SIGKILL: no handler, no flush, no goodbye."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, and the exit code; the end of a well-run process.

        Once it is up: before, Python itself would end it.
        """
        wait_until(self._is_up, what=f"{self.command} is up; see {self.log}")
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        assert people_in(self.log.read_text(encoding="utf-8")) == []
        return code


@dataclass
class Gunicorn(Node):
    """The web processes of one machine, as the example unit starts them."""

    @property
    def arguments(self) -> list[str]:
        unit = UNIT.read_text(encoding="utf-8").replace("\\\n", " ")
        line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
        words = shlex.split(line.removeprefix("ExecStart="))
        words[words.index("--bind") + 1] = self.url.removeprefix("http://")
        return ["gunicorn", *words[1:]]

    def kill(self) -> None:
        """All of them: left alone, its children would go on for a while and keep the port."""
        children = self._children()
        super().kill()
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_a_child(self, chance: random.Random) -> None:
        """One process; gunicorn itself begins another."""
        os.kill(chance.choice(self._children()), signal.SIGKILL)

    def _children(self) -> list[int]:
        assert self.process is not None
        pid = self.process.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in listed.split()]


@contextmanager
def ended_at_last(*nodes: Node) -> Iterator[None]:
    """None of them outlives the test."""
    try:
        yield
    finally:
        for node in nodes:
            if node.process is not None and node.process.poll() is None:
                node.kill()
