"""Child processes that run queue scenarios on DBOS, watched through the lines they write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from careerrelay.engine.dbos_queue import DbosQueue
from careerrelay.models.database import Database
from tests.disaster.nodes import wait_until
from tests.support.world import Clock

PROJECT = Path(__file__).parents[2]


def with_tables(url: str) -> str:
    """The database, with the engine's own tables; returns its URL."""
    database = Database(url)
    DbosQueue(database, clock=Clock()).migrate()
    database.close()
    return url


@dataclass
class Child:
    """One process; ``lines`` are what it (and others on the same file) wrote so far."""

    process: subprocess.Popen[bytes]
    file: Path

    @property
    def lines(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []

    def wait_for(self, line: str) -> None:
        wait_until(lambda: line in self.lines, what=line)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Let it end by itself."""
        with self.file.open("a") as file:
            file.write("stop\n")
        assert self.process.wait(60) == 0

    def result(self) -> dict[str, Any]:
        """What its scenarios returned."""
        out, _ = self.process.communicate(timeout=180)
        assert self.process.returncode == 0, out.decode()[-3000:]
        last = next(line for line in self.lines if line.startswith("result "))
        return json.loads(last.removeprefix("result "))


def child(scenarios: str, url: str, file: Path, *words: str) -> Child:
    """Start one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.engine.queue_contract", scenarios, url, str(file), *words],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    return Child(process, file)
