"""A share of a core for single processes, by Linux' control groups, where we may make some.

Two workers then stand for two machines on one that has fewer cores than all of them would take.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
PERIOD = 50_000
"""Microseconds."""


def refusal() -> str:
    """Why no process can be held to a share here; nothing where one can."""
    try:
        with _group("asked", PERIOD):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__


@contextmanager
def held_to(share: float, pids: Sequence[int]) -> Iterator[None]:
    """Each of them gets at most that share of a core."""
    with ExitStack() as stack:
        for pid in pids:
            group = stack.enter_context(_group(str(pid), round(share * PERIOD)))
            stack.callback((group.parent / "cgroup.procs").write_text, str(pid))
            (group / "cgroup.procs").write_text(str(pid))
        yield


@contextmanager
def _group(name: str, quota: int) -> Iterator[Path]:
    above, limits = _place(quota)
    group = above / f"careerrelay-bench-{os.getpid()}-{name}"
    group.mkdir()
    try:
        for limit, value in limits.items():
            (group / limit).write_text(value)
        yield group
    finally:
        group.rmdir()


def _place(quota: int) -> tuple[Path, Mapping[str, str]]:
    """Where groups are made, and what limits one: version 2 of control groups, or version 1."""
    # https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
    if (GROUPS / "cgroup.controllers").exists():
        return GROUPS, {"cpu.max": f"{quota} {PERIOD}"}
    # https://docs.kernel.org/scheduler/sched-bwc.html
    limits = {"cpu.cfs_period_us": str(PERIOD), "cpu.cfs_quota_us": str(quota)}
    return GROUPS / "cpu", limits
