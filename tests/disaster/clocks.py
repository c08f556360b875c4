"""Processes whose wall clock jumps when a test says so; time that passes goes on as it did."""

from __future__ import annotations

import os
from pathlib import Path

CUSTOMIZE = """
import threading, time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import time_machine

FILE = Path({file!r})


def follow():
    was, travel = "0", None
    while True:
        told = FILE.read_text() if FILE.exists() else "0"
        if told and told != was:
            if travel is not None:
                travel.stop()
            now = datetime.now(timezone.utc)
            travel = time_machine.travel(now + timedelta(seconds=float(told)), tick=True)
            travel.start()
            was = told
        time.sleep(0.05)


threading.Thread(target=follow, daemon=True).start()
"""


class Clockwork:
    """The wall clocks of one machine: of every process that has ``install``'s path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "offset"

    def install(self, python_path: str) -> str:
        """A PYTHONPATH whose processes follow."""
        self._folder.mkdir(parents=True)
        customize = CUSTOMIZE.format(file=str(self._file))
        (self._folder / "sitecustomize.py").write_text(customize)
        return os.pathsep.join((str(self._folder), python_path))

    def jump(self, seconds: float) -> None:
        """All of them are that far from the true time."""
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._file)
