"""The compiled build, installed in a folder of its own: made once for each state of the source."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILDS = ROOT / "build" / "compiled-wheels"
INSTALL = ROOT / ".ci" / "system-packages"
HEADER = Path(sysconfig.get_path("include"), "Python.h")
COMPILER = (
    "gcc=cc",
    "libc6-dev=/usr/include/stdio.h",
    f"python{sys.version_info.major}.{sys.version_info.minor}-dev={HEADER}",
)
"""Packages, and what proves that they are there."""
SWITCH = "CAREERRELAY_COMPILE"
READS = ("setup.py", "setup.cfg", "pyproject.toml", "mail/injection", "models/errors.py")
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", ".git", ".venv", "build", "dist", "tests", "docs", "*.egg-info", ".*_cache",
    ".coverage*",
)  # fmt: skip


def environment() -> dict[str, str]:
    """This one's, without what would change another Python."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}


def install_compiler() -> None:
    """What is missing of it. Raises CalledProcessError."""
    subprocess.run([str(INSTALL), *COMPILER], check=True)


def require_compiler() -> None:
    """Skip the test where there is none; fail it instead in CI."""
    if shutil.which("cc") and HEADER.exists():
        return
    reason = "no C compiler with Python's headers: make system"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def compiled_site() -> Path:
    """A folder to put on the path of another process: all of ours, its engine compiled.

    One process makes it, others wait for that one. Raises CalledProcessError.
    """
    BUILDS.mkdir(parents=True, exist_ok=True)
    with (BUILDS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        site = BUILDS / _state()
        if not site.exists():
            for old in BUILDS.glob("state-*"):
                shutil.rmtree(old)
            _make(site)
    return site


def _state() -> str:
    """A name for what it is made of."""
    said = hashlib.sha256(sys.version.encode())
    for place in (ROOT / name for name in READS):
        for file in [place] if place.is_file() else sorted(place.glob("*.py")):
            said.update(file.name.encode() + b"\0" + file.read_bytes())
    return f"state-{said.hexdigest()[:16]}"


def _make(site: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="careerrelay-compiled-") as folder:
        checkout = Path(folder, "checkout")
        shutil.copytree(ROOT, checkout, symlinks=True, ignore=LEFT_OUT)
        build(checkout, {**environment(), SWITCH: "1"})
        (wheel,) = checkout.glob("dist/*.whl")
        unpacked = BUILDS / "unpacking"
        shutil.rmtree(unpacked, ignore_errors=True)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        unpacked.rename(site)


def build(checkout: Path, environment: Mapping[str, str]) -> None:
    """The wheel of a checkout, into its ``dist``. Raises CalledProcessError."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    subprocess.run(
        command, cwd=checkout, env=environment, check=True, capture_output=True, text=True
    )
