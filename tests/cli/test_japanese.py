"""What doctor and tables say in Japanese: every heading, check, sentence and remedy there is."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

from careerrelay import cli as command_line
from careerrelay import engine
from careerrelay.cli.wording import counted, term, translated
from tests.cli.conftest import CommandLine

FINDINGS = {"ok", "hint", "fail"}
SAME = {"ATS", "milter", "base_url"}
"""Written alike in both languages."""


def trees(package: ModuleType) -> Iterator[ast.AST]:
    (folder,) = package.__path__
    for path in sorted(Path(folder).resolve().rglob("*.py")):
        yield ast.parse(path.read_text())


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def texts(node: ast.AST | None, within: ast.AST) -> Iterator[str]:
    """The texts that an expression may be; of a name, what is set to it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from ("".join(said) for said in product(*(parts(p, within) for p in node.values)))
    elif isinstance(node, (ast.Tuple, ast.List)):
        yield from (text for part in node.elts for text in texts(part, within))
    elif isinstance(node, ast.Name):
        yield from (text for value in values(node.id, within) for text in texts(value, within))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        one_or_many = node.args[:2] if node.func.id == "ngettext" else []
        yield from (text for part in one_or_many for text in texts(part, within))


def parts(node: ast.AST, within: ast.AST) -> list[str]:
    """What may stand at that place of a text; a value that is no text of ours is a 7."""
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    return list(texts(inner, within)) or ["7"]


def values(name: str, within: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(within):
        if isinstance(node, ast.Assign):
            named = [target for target in node.targets if isinstance(target, ast.Name)]
            yield from (node.value for target in named if target.id == name)


def calls(
    package: ModuleType, wanted: Callable[[ast.Call], bool]
) -> Iterator[tuple[ast.Call, ast.AST]]:
    """With the function that each stands in."""
    for function in (f for tree in trees(package) for f in functions(tree)):
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and wanted(node):
                yield node, function


def is_table(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "table"


def is_finding(call: ast.Call) -> bool:
    named = call.func.id if isinstance(call.func, ast.Name) else ""
    return named in FINDINGS or isinstance(call.func, ast.IfExp)


HEADINGS = sorted({t for c, f in calls(command_line, is_table) for t in texts(c.args[0], f) if t})
FOUND = [(call, function) for call, function in calls(engine, is_finding) if len(call.args) > 1]
NAMES = sorted({t for call, f in FOUND for t in texts(call.args[1], f)})
SENTENCES = sorted({t for c, f in FOUND if len(c.args) > 2 for t in texts(c.args[2], f)})
REMEDIES = sorted(
    {t for c, f in FOUND for k in c.keywords if k.arg == "remedy" for t in texts(k.value, f)}
)


def test_what_is_collected_is_all_there_is() -> None:
    assert len(HEADINGS) > 50
    assert len(NAMES) > 25
    assert len(SENTENCES) > 40
    assert len(REMEDIES) > 25


@pytest.mark.parametrize("heading", HEADINGS)
def test_every_heading_is_said_in_japanese(heading: str) -> None:
    assert heading in SAME or term(heading, lang="ja") != heading
    assert term(heading, lang="en") == heading


@pytest.mark.parametrize("name", NAMES)
def test_every_check_has_a_japanese_name(name: str) -> None:
    assert name in SAME or term(name, lang="ja") != name


@pytest.mark.parametrize("sentence", [s for s in SENTENCES if s.strip("7; ")])
def test_every_finding_is_said_in_japanese(sentence: str) -> None:
    assert translated(sentence, lang="ja") != sentence


@pytest.mark.parametrize("remedy", REMEDIES)
def test_every_remedy_but_a_bare_command_is_said_in_japanese(remedy: str) -> None:
    bare = remedy.startswith("careerrelay ") and "," not in remedy
    assert bare == (translated(remedy, lang="ja") == remedy)


@pytest.mark.parametrize("text", ["7 mails have waited for more than an hour", "found"])
def test_nothing_is_translated_for_who_reads_english(text: str) -> None:
    assert translated(text, lang="en") == text


def test_doctor_is_japanese_throughout(cli: CommandLine) -> None:
    told = cli("doctor", lang="ja", code=1).stdout
    lines = [line.split("\t") for line in told.splitlines()]
    assert lines[0] == ["-", "対象", "項目", "結果"]
    assert ["正常", "データベース", "破損の有無", "応答があり、破損はありません"] in lines
    assert {line[0] for line in lines[1:-1]} <= {"正常", "要確認", "エラー"}
    assert "しました（エラー1件、要確認" in lines[-1][0]
    assert all(re.search("[ぁ-んァ-ヶ一-龠]", line[3]) for line in lines[1:-1])


def test_a_connection_that_is_named_like_a_part_keeps_its_name(cli: CommandLine) -> None:
    told = cli("doctor", "--connection", "poll", lang="ja", code=1).stdout
    assert "\tpoll\t名前\t接続「poll」はありません" in told


def test_one_hint_is_no_hints(cli: CommandLine) -> None:
    assert counted("{number} hint", "{number} hints", 1, lang="en") == "1 hint"
    assert counted("{number} hint", "{number} hints", 0, lang="en") == "0 hints"
    assert counted("{number} hint", "{number} hints", 1, lang="ja") == "要確認1件"
    cli.config.write_text("[nonsense]\n")
    assert "1 check: 1 failed, 0 hints" in cli("doctor", code=1).stdout


def test_json_stays_as_programs_know_it(cli: CommandLine) -> None:
    assert cli.data("doctor", code=1) == json.loads(
        cli("doctor", "--json", lang="ja", code=1).stdout
    )
