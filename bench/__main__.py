"""``python -m bench [--full] [PART ...]``: measure, print the table, write build/bench.json.

Every part is a process of its own with a time limit. One that fails, or takes too long, is told
at the end and does not keep the others from being measured; the exit code is then 1. A missed
target is no failure: the table says it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.parts import FULL, PARTS, asked_for
from bench.results import Result, read, table, write

OUTPUT = Path("build/bench.json")
GOODBYE_SECONDS = 20.0
"""For a part that is told to end: its servers have to be stopped."""


def main(words: Sequence[str]) -> int:
    """What was asked for, one after the other; the exit code."""
    asked = _read(words)
    if asked.full:
        os.environ[FULL] = "yes"
    names: list[str] = asked.parts or asked_for()
    results: list[Result] = []
    failed: list[str] = []
    for name in names:
        began = time.monotonic()
        found = run_apart(name, seconds=PARTS[name].seconds)
        results += found if isinstance(found, list) else []
        failed += [] if isinstance(found, list) else [f"{name}: {found}"]
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
        write(results, OUTPUT)
    print(table(results))
    print(f"\nwritten to {OUTPUT}")
    print("".join(f"FAILED {line}\n" for line in failed), end="")
    return 1 if failed else 0


def _read(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench", description="Measure, and print the table.")
    parser.add_argument(
        "parts", metavar="PART", nargs="*", help=f"all of every day, or some of: {', '.join(PARTS)}"
    )
    parser.add_argument(
        "--full", action="store_true", help="all, at the sizes of the targets: hours"
    )
    asked = parser.parse_args(words)
    for name in asked.parts:
        if name not in PARTS:
            parser.error(f"there is no part {name}; there are {', '.join(PARTS)}")
    return asked


def run_apart(
    name: str, *, seconds: float, module: Sequence[str] = ("-m", "bench.parts")
) -> list[Result] | str:
    """The lines of a part; or, in a few words, why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lines.json"
        process = subprocess.Popen(
            [sys.executable, *module, name, str(file)], start_new_session=True
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"not done within {seconds:.0f} s"
        finally:
            _end(process)
        return read(file) if code == 0 else f"ended with {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """It and whatever it started; interrupted first, so that it may stop its servers."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GOODBYE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
