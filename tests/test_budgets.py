"""What keeps the code readable and vendor-free, held at the hard stops."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = ("cli", "connectors", "engine", "link_signing", "mail", "models", "webhook_server")
MAY_BE_LONG = ("models/migrations/versions/",)
"""A migration is a list of tables that nobody edits again."""

MOST_LINES_OF_A_FUNCTION = 60
MOST_LINES_OF_A_FILE = 400

TEXT = frozenset(
    {".cfg", ".css", ".html", ".ini", ".json", ".mako", ".md", ".po", ".py", ".toml", ".txt"}
    | {".http", ".sh", ".tmpl", ".yml", ""}
)
MAY_NAME_VENDORS = ("cli/demo",)
"""Among the code; documents, tests, examples and each vendor's own folder may anyway."""

WORKPLACE = re.compile(r"(?<![\w.])/" + r"work/|/tmp/" + r"v/|/opt/" + r"wheels")
"""Paths of one machine; they mean nothing on any other."""


def _tracked() -> list[str]:
    """Files that git knows or would take."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = (name for name in done.stdout.split("\0") if name)
    return sorted(n for n in names if (ROOT / n).is_file() and not (ROOT / n).is_symlink())


FILES = _tracked()
COUNTED = [n for n in FILES if n.endswith(".py") and not n.startswith(MAY_BE_LONG)]
SOURCES = [n for n in FILES if n.startswith(tuple(f"{folder}/" for folder in CODE))]
VENDORS = sorted(
    path.parent.name
    for path in ROOT.glob("connectors/*/spec.py")
    if not path.parent.name.startswith("_")
)


def _functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def too_long_functions(source: str) -> list[str]:
    """``name (lines)`` of every function over the stop, its decorators not counted."""
    lengths = {f.name: (f.end_lineno or f.lineno) - f.lineno + 1 for f in _functions(source)}
    return [f"{name} ({n})" for name, n in lengths.items() if n > MOST_LINES_OF_A_FUNCTION]


def prints(source: str) -> list[int]:
    """The lines that call ``print``."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]


def vendors_named(text: str, *, vendors: list[str]) -> set[str]:
    """Which of ``vendors`` stand in ``text`` as words; ``lever`` is not found in ``leverage``."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    return words & set(vendors)


def test_no_function_is_too_long() -> None:
    found = {name: too_long_functions((ROOT / name).read_text()) for name in COUNTED}
    assert {name: functions for name, functions in found.items() if functions} == {}


def test_no_file_is_too_long() -> None:
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in COUNTED}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES_OF_A_FILE} == {}


def test_only_the_command_line_prints() -> None:
    sources = (n for n in SOURCES if n.endswith(".py") and not n.startswith("cli/"))
    assert {n: found for n in sources if (found := prints((ROOT / n).read_text()))} == {}


def test_a_vendor_is_named_in_its_own_folder_only() -> None:
    found = {}
    for name in SOURCES:
        if Path(name).suffix in TEXT and not name.startswith(MAY_NAME_VENDORS):
            own = name.split("/")[1] if name.startswith("connectors/") else ""
            others = [vendor for vendor in VENDORS if vendor != own]
            found[name] = vendors_named(f"{name} {(ROOT / name).read_text()}", vendors=others)
    assert {name: vendors for name, vendors in found.items() if vendors} == {}


def test_no_path_of_one_machine_is_written_down() -> None:
    texts = (n for n in FILES if Path(n).suffix in TEXT)
    assert [n for n in texts if WORKPLACE.search((ROOT / n).read_text(errors="replace"))] == []


def test_the_checks_can_fail() -> None:
    long_function = "def f():\n" + "    pass\n" * MOST_LINES_OF_A_FUNCTION
    assert too_long_functions(long_function) == ["f (61)"]
    assert prints("\nprint('hello')") == [2]
    assert vendors_named("The Acme_ATS leverage", vendors=["acme", "lever"]) == {"acme"}
    assert WORKPLACE.search("see /" + "work/main")
