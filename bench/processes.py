"""Children of the benchmark: servers that run meanwhile, measurements that print JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
LIMIT_SECONDS = 900.0


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    path = os.pathsep.join(part for part in (str(PROJECT), more.get("PYTHONPATH", "")) if part)
    return {**os.environ, **more, "PYTHONPATH": path}


@contextmanager
def server(*arguments: str, **environment: str) -> Iterator[str]:
    """A ``bench.server``; yields the URL of its webhooks."""
    with child("bench.server", *arguments, **environment) as (port, _):
        yield f"http://127.0.0.1:{port}/webhooks/bench"


@contextmanager
def child(module: str, *arguments: object, **environment: str) -> Iterator[tuple[str, int]]:
    """``python -m module arguments`` for as long; yields the first line it printed, and its pid."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"{module} did not start")
        yield line, process.pid
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def measured(module: str, *arguments: object, **environment: str) -> dict[str, Any]:
    """What ``python -m module arguments`` printed. Raises CalledProcessError with its stderr."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=_environment(environment),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
