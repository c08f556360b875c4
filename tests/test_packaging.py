"""The wheel: everything in it that runs, nothing that only tests, and no name but careerrelay."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("cli", "connectors", "engine", "link_signing", "mail", "models", "webhook_server")
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", ".git", ".venv", "build", "dist", "*.egg-info", ".*_cache", ".coverage*"
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with a connector that nobody announced anywhere."""
    copy = tmp_path_factory.mktemp("packaging") / "checkout"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=LEFT_OUT)
    added = copy / "connectors" / "added_on_the_fly"
    (added / "samples").mkdir(parents=True)
    (added / "__init__.py").write_text('"""A connector that is in no list."""\n')
    (added / "README.md").write_text("# Guide\n")
    (added / "samples" / "row.txt").write_text("one\n")
    return copy


@pytest.fixture(scope="module")
def built(checkout: Path) -> Path:
    """The folder with the sdist of the checkout and the wheel made from that sdist."""
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist", cwd=checkout)
    return checkout / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_wheel_has_every_code_file(checkout: Path, contents: set[str]) -> None:
    code = {
        f"careerrelay/{path.relative_to(checkout)}"
        for folder in FOLDERS
        for path in (checkout / folder).rglob("*.py")
        if (path.parent / "__init__.py").exists()
    }
    assert code - contents == set()


def test_wheel_has_every_connector_folder(checkout: Path, contents: set[str]) -> None:
    folders = {path.parent.name for path in (checkout / "connectors").glob("*/__init__.py")}
    assert "added_on_the_fly" in folders
    assert {
        f for f in folders if f"careerrelay/connectors/{f}/__init__.py" not in contents
    } == set()


def test_wheel_has_every_file_beside_the_code(checkout: Path, contents: set[str]) -> None:
    data = {
        f"careerrelay/{path.relative_to(checkout)}"
        for folder in FOLDERS
        for path in (checkout / folder).rglob("*")
        if path.is_file() and path.suffix != ".py"
    }
    assert "careerrelay/connectors/added_on_the_fly/samples/row.txt" in data
    assert data - contents == set()
    assert "careerrelay/py.typed" in contents


def test_wheel_has_no_tests_and_one_top_level_name(contents: set[str]) -> None:
    tops = {name.split("/")[0] for name in contents}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"careerrelay"}
    assert [n for n in contents if "/tests/" in n or "__pycache__" in n] == []


def test_wheel_carries_the_licence_and_the_command(wheel: Path, contents: set[str]) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in contents)
    entry_points = next(name for name in contents if name.endswith("entry_points.txt"))
    parser = configparser.ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        parser.read_string(archive.read(entry_points).decode())
    assert parser["console_scripts"]["careerrelay"] == "careerrelay.cli.main:main"


def test_every_imported_library_is_declared() -> None:
    imported = {
        name.partition(".")[0]
        for path in _code_files()
        for name in _absolute_imports(path.read_text())
    }
    imported -= sys.stdlib_module_names | {"careerrelay", "_pytest"}
    distributions = metadata.packages_distributions()
    assert {n for n in imported if not _declared() & set(map(_plain, distributions[n]))} == set()


def _code_files() -> Iterator[Path]:
    return (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def _absolute_imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _declared() -> set[str]:
    """The distributions that setup.cfg asks for, extras included."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    asked = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    return {_plain(re.split(r"[\[<>=~!; ]", n)[0]) for t in asked for n in t.splitlines() if n}


def _plain(distribution: str) -> str:
    return distribution.lower().replace("_", "-")


def test_sdist_has_the_real_folders_and_no_links(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        members = {m.name.partition("/")[2]: m for m in archive.getmembers()}
    assert [name for name, member in members.items() if member.issym() or member.islnk()] == []
    assert "connectors/added_on_the_fly/samples/row.txt" in members
    assert [name for name in members if name.startswith("careerrelay/connectors")] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_link_points_to_its_folder(folder: str) -> None:
    link = ROOT / "careerrelay" / folder
    if not link.is_symlink():
        pytest.skip("this clone has no symbolic links")
    assert link.readlink() == Path("..") / folder


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment with the wheel in it; its libraries are this one's."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    _run(
        *(sys.executable, "-m", "pip", "--python", python, "install"),
        *("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", wheel),
        cwd=home,
    )
    site = next(home.glob("lib/python*/site-packages"))
    ours = Path(pytest.__file__).parent.parent
    # Not as a .pth file in ours: that would bring along the editable checkout.
    (site / "libraries.pth").write_text(f"{ours}\n")
    return python


def test_wheel_works_in_a_folder_with_a_models_py_of_its_own(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "models.py").write_text("MINE = True\n")
    (tmp_path / "connectors.py").write_text("MINE = True\n")
    script = (
        "import models, connectors, careerrelay.models.errors, careerrelay.connectors.base as base;"
        "assert models.MINE and connectors.MINE; print(base.__file__)"
    )
    found = _run(installed, "-c", script, cwd=tmp_path)
    assert found.startswith(str(installed.parent.parent))


def test_installed_command_shows_its_help(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("raise RuntimeError('the wrong models')\n")
    assert "Usage: careerrelay" in _run(installed.with_name("careerrelay"), "--help", cwd=tmp_path)
    assert "Usage:" in _run(installed, "-m", "careerrelay", "--help", cwd=tmp_path)


def _run(*command: str | Path, cwd: Path) -> str:
    """Standard output of ``command``; its whole output in the failure if it fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
