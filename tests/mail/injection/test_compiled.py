"""The engine compiled by mypyc: other code for the same decisions, so all its tests hold of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from careerrelay.mail.injection import BUILD
from tests.support.compiled import (
    LEFT_OUT,
    ROOT,
    SWITCH,
    build,
    compiled_site,
    require_compiler,
)
from tests.support.compiled import environment as plain

from .outcomes import outcomes, read_back

HERE = "tests/mail/injection"
REPLACES_ITS_INSIDES = "fault_of_ours"
"""Tests that put a fault into the engine: what is compiled calls its own functions only."""
pytestmark = pytest.mark.skipif(BUILD == "compiled", reason="these tests run the compiled ones")


def _run(*words: str, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    found = {**plain(), "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    return subprocess.run(command, cwd=site, env=found, capture_output=True, text=True, check=False)


def test_compiled_engine_does_to_every_mail_what_the_source_does() -> None:
    require_compiler()
    done = _run("-m", "tests.mail.injection.outcomes", site=compiled_site())
    assert done.returncode == 0, done.stdout + done.stderr
    build_name, theirs = read_back(done.stdout)
    assert build_name == "compiled"
    ours = dict(outcomes())
    assert len(ours) > 1000
    assert {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]} == {}


def test_compiled_engine_passes_the_tests_of_the_source() -> None:
    require_compiler()
    site = compiled_site()
    done = _run(
        "-m", "pytest", f"--rootdir={ROOT}", "-c", str(ROOT / "setup.cfg"), "-q",
        "-o", f"pythonpath={site} {ROOT}", "-p", "no:cacheprovider", "-p", "no:randomly",
        "--deselect", f"{HERE}/test_compiled.py", "-k", f"not {REPLACES_ITS_INSIDES}",
        str(ROOT / HERE), site=site,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert " passed" in done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=LEFT_OUT)
    return copy


def test_without_a_c_compiler_the_build_says_so_in_one_line(checkout: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        build(checkout, {**plain(), SWITCH: "1", "CC": "no-such-compiler"})
    said = [line for line in caught.value.stderr.splitlines() if line.startswith(SWITCH)]
    packages = "gcc, libc6-dev, python3-dev"
    assert said == [f"{SWITCH}: needs a C compiler and Python's headers ({packages})"]


def test_editable_installation_runs_from_source(checkout: Path) -> None:
    editable = "from setuptools import build_meta; build_meta.build_editable('dist')"
    done = subprocess.run(
        [sys.executable, "-c", editable], cwd=checkout, env={**plain(), SWITCH: "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert f"{SWITCH}: an editable installation runs from source" in done.stdout + done.stderr
