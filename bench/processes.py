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
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.server", *arguments],
        env=_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError(f"bench.server {' '.join(arguments)} did not start")
        yield f"http://127.0.0.1:{port}/webhooks/bench"
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
