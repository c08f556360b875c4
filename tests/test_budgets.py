"""What keeps the code readable and vendor-free, held at the hard stops."""

from __future__ import annotations

import ast
import functools
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = ("cli", "connectors", "engine", "link_signing", "mail", "models", "webhook_server")
MAY_BE_LONG = ("models/migrations/versions/",)
"""A migration is a list of tables that nobody edits again."""

MOST_LINES_OF_A_FUNCTION = 60
MOST_LINES_OF_A_FILE = 400

MOST_LINES_OF_A_CONNECTOR = 250
"""Of code: neither blank nor comment nor docstring; the stand-in and its story do not count."""
LONGER_CONNECTORS = {
    "ashby": 347,
    "breezyhr": 471,
    "bullhorn": 875,
    "csv_bridge": 381,
    "greenhouse": 1058,
    "herp": 605,
    "icims": 372,
    "lever": 750,
    "recruitee": 286,
    "report_feed": 423,
    "smartrecruiters": 438,
    "teamtailor": 341,
}
"""Measured, so that they can only shrink. What made them long: several kinds of web hooks, walks
that compare everybody with the last time, APIs of their own style, a second way
for the link. One more line here needs such a reason, and whatever a second connector needs too
belongs in the kit."""
ROOM = 25
"""How far a bound may lie above what is measured before it has to be lowered."""

TEXT = frozenset(
    {".cfg", ".css", ".html", ".ini", ".json", ".mako", ".md", ".po", ".py", ".toml", ".txt"}
    | {".http", ".sh", ".tmpl", ".yml", ""}
)
MAY_NAME_VENDORS = ("cli/demo",)
"""Among the code; documents, tests, examples and each vendor's own folder may anyway."""

NO_CODE = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    | {tokenize.ENDMARKER}
)

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


def code_lines(source: str) -> int:
    """How many lines hold code."""
    texts = (n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Expr))
    docstrings = {
        line
        for text in texts
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
        for line in range(text.lineno, (text.end_lineno or text.lineno) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    code = (t for t in tokens if t.type not in NO_CODE)
    return len({n for t in code for n in range(t.start[0], t.end[0] + 1)} - docstrings)


@functools.cache
def connector_lines() -> dict[str, int]:
    """Lines of code by connector, without its stand-in."""
    return {
        spec.parent.name: sum(
            code_lines(path.read_text())
            for path in spec.parent.glob("*.py")
            if path.name not in ("__init__.py", "standin.py", "stories.py")
        )
        for spec in ROOT.glob("connectors/*/spec.py")
        if spec.parent.name in VENDORS
    }


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


def test_a_connector_is_short() -> None:
    bounds = {name: LONGER_CONNECTORS.get(name, MOST_LINES_OF_A_CONNECTOR) for name in VENDORS}
    too_long = {n: lines for n, lines in connector_lines().items() if lines > bounds[n]}
    assert too_long == {}, (
        "use what the kit has (docs/writing-a-connector.md), or add what it lacks"
    )


def test_a_longer_connector_can_only_shrink() -> None:
    lines = connector_lines()
    loose = {n: lines.get(n, 0) for n, most in LONGER_CONNECTORS.items()}
    assert {n: found for n, found in loose.items() if found + ROOM < LONGER_CONNECTORS[n]} == {}
    assert min(LONGER_CONNECTORS.values()) > MOST_LINES_OF_A_CONNECTOR


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
    assert code_lines('"""Text."""\n\n# why\na = [\n    1,\n]\n\n"""More."""\n') == 3
    assert vendors_named("The Acme_ATS leverage", vendors=["acme", "lever"]) == {"acme"}
    assert WORKPLACE.search("see /" + "work/main")
