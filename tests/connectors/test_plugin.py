"""A connector of somebody else's: built, installed and found as a package of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from careerrelay.connectors import connector_classes, open_connector

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "examples" / "plugin_acme_ats"
SKIP = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
QUIET = ("--disable-pip-version-check", "--no-deps", "--quiet", "--no-index")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, so that building leaves nothing in the checkout."""
    return Path(shutil.copytree(PLUGIN, tmp_path_factory.mktemp("plugin") / "src", ignore=SKIP))


@pytest.fixture(scope="module")
def installed(source: Path) -> Path:
    """A folder with the example's wheel installed, as ``site-packages`` would have it."""
    wheels, target = source.parent / "wheels", source.parent / "site"
    pip = (sys.executable, "-m", "pip")
    subprocess.run(
        [*pip, "wheel", *QUIET, "--no-build-isolation", "--wheel-dir", str(wheels), str(source)],
        check=True,
    )
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", *QUIET, "--target", str(target), str(wheel)], check=True)
    return target


@pytest.fixture
def with_plugin(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(installed))
    connector_classes.cache_clear()
    yield
    connector_classes.cache_clear()
    for name in [m for m in sys.modules if m.partition(".")[0] == "careerrelay_acme"]:
        del sys.modules[name]


def test_plugin_is_not_there_before_it_is_installed() -> None:
    assert "acme" not in connector_classes()


@pytest.mark.usefixtures("with_plugin")
def test_installed_wheel_is_found_through_its_entry_point() -> None:
    assert connector_classes()["acme"].__module__ == "careerrelay_acme.connector"
    settings = {"webhook_password": "a", "client_id": "b", "client_secret": "c"}
    acme = open_connector("acme", settings)
    assert acme.settings["api_url"] == "https://api.acme.example.com"


def test_wheel_holds_the_guides(installed: Path) -> None:
    guides = {path.name for path in (installed / "careerrelay_acme").glob("*.md")}
    assert guides == {"README.md", "README.ja.md"}


def test_its_own_tests_run_the_shipped_suite_green(installed: Path, source: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)])}
    ran = subprocess.run(
        command, cwd=source, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    assert " passed" in ran.stdout
    assert "failed" not in ran.stdout
