"""All readers at once."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
from pathlib import Path

import pytest

from . import python_reader
from .processes import ReaderProcess
from .values import Reading

HERE = Path(__file__).parent
NODE_MODULES = HERE.parents[2] / "build" / "judges" / "node_modules"
"""Where ``make system`` puts what package.json names."""
MIME_TOOLS = Path("/usr/share/perl5/MIME/Parser.pm")


def read_all(message: bytes) -> list[Reading]:
    """What each of the three readers sees in ``message``, always in the same order."""
    node, perl = _processes()
    return [python_reader.read(message), node.read(message), perl.read(message)]


def restart_readers() -> None:
    """After one has ended."""
    for reader in _processes():
        reader.close()
    _processes.cache_clear()


def why_no_judges() -> str:
    """What is missing for the readers, "" when nothing is."""
    if not (NODE_MODULES / "mailparser").exists() or not shutil.which("node"):
        return "no Node mailparser: make system"
    if not MIME_TOOLS.exists():
        return "no Perl MIME::tools: make system"
    return ""


def require_judges() -> None:
    """Skip the test where a reader is missing; fail it instead in CI."""
    reason = why_no_judges()
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@functools.cache
def _processes() -> tuple[ReaderProcess, ReaderProcess]:
    node = ReaderProcess(
        "node",
        command=("node", str(HERE / "node_reader.js")),
        environment={"NODE_PATH": str(NODE_MODULES)},
    )
    perl = ReaderProcess("perl", command=("perl", str(HERE / "perl_reader.pl")))
    atexit.register(node.close)
    atexit.register(perl.close)
    return node, perl
