"""What the pages point at is there: links, commands, settings, files; in both languages."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import click
import pytest

from careerrelay.cli.main import root
from careerrelay.connectors.registry import connector_classes
from careerrelay.engine import eligibility, registration
from careerrelay.engine.config import ENV_PREFIX, SECTIONS
from careerrelay.engine.explanations import EXPLANATIONS
from careerrelay.engine.worker import BACKOFF
from careerrelay.models.decisions import ReasonCode
from tests.support.compiled import SWITCH
from tests.support.documents import ROOT, Page, inline_commands, shell_commands

PAGES = [
    Page(path)
    for pattern in ("*.md", "docs/*.md", "docs/ja/*.md", "connectors/[a-z]*/*.md")
    for path in sorted(ROOT.glob(pattern))
]
OURS = [page for page in PAGES if not page.name.startswith("connectors/")]
BY_NAME = {page.name: page for page in PAGES}
IN_JAPANESE = (
    "configure",
    "eligibility",
    "index",
    "mail-relay",
    "mail-templates",
    "operate",
    "privacy",
    "quickstart",
    "security",
    "strategies",
    "troubleshooting",
)
GENERATED = ("docs/cli.md", "docs/settings.md", "docs/connectors.md")
VARIABLES = {f"{ENV_PREFIX}CONFIG", SWITCH}
TOP_FOLDERS = "cli|connectors|docs|engine|examples|link_signing|mail|models|tests|webhook_server"
PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*|<.*>|\d+")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
each_of_ours = pytest.mark.parametrize("page", OURS, ids=lambda page: page.name)


@each_page
def test_every_link_leads_to_a_file_and_a_heading(page: Page) -> None:
    broken = []
    for target in page.links:
        name, _, anchor = target.partition("#")
        path = (page.path.parent / name).resolve() if name else page.path
        if not path.exists() or (anchor and anchor not in Page(path).anchors):
            broken.append(target)
    assert broken == []


@each_page
def test_every_command_in_a_shell_block_can_be_typed_as_it_stands(page: Page) -> None:
    faults = [
        fault
        for words in shell_commands(page)
        if Path(words[0]).name == "careerrelay"
        if (fault := _fault(words[1:], whole=True))
    ]
    assert faults == []


@each_page
def test_every_command_named_in_the_text_exists_with_these_options(page: Page) -> None:
    faults = [
        fault
        for words in inline_commands(page, "careerrelay")
        if (fault := _fault(words[1:], whole=False))
    ]
    assert faults == []


def _fault(words: list[str], *, whole: bool) -> str:
    """Why ``careerrelay WORDS`` is no command, or "". ``whole``: nothing required is missing."""
    command: click.Command = root
    context = click.Context(root, info_name="careerrelay")
    rest = words
    while isinstance(command, click.Group):
        rest = _without_options_of(command, context, rest)
        if not rest:
            return "" if not whole or command is root else f"{words}: a group alone"
        found = command.get_command(context, rest[0])
        if found is None:
            return f"{words}: no command {rest[0]}"
        command, context = found, click.Context(found, info_name=rest[0], parent=context)
        rest = rest[1:]
    return _parsed(command, context, rest, whole=whole)


def _without_options_of(group: click.Group, context: click.Context, words: list[str]) -> list[str]:
    parser = group.make_parser(context)
    parser.allow_interspersed_args = False
    return parser.parse_args(list(words))[1]


def _parsed(
    command: click.Command, context: click.Context, words: list[str], *, whole: bool
) -> str:
    try:
        values, left, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as error:
        return f"{context.command_path} {words}: {error.format_message()}"
    if left:
        return f"{context.command_path} {words}: nobody takes {left}"
    for parameter in command.params:
        value = values.get(str(parameter.name))
        missing = value is None or parameter.value_is_missing(value)
        if whole and parameter.required and missing:
            return f"{context.command_path} {words}: {parameter.name} is missing"
        if not _may_be(parameter.type, value):
            return f"{context.command_path} {words}: {value} is no choice"
    return ""


def _may_be(kind: click.ParamType, value: object) -> bool:
    if not isinstance(kind, click.Choice) or not isinstance(value, str):
        return True
    return value in kind.choices or PLACEHOLDER.fullmatch(value) is not None


def test_the_check_of_commands_finds_faults() -> None:
    """A check that cannot fail is none."""
    assert _fault(["signals", "show", "ID"], whole=True) == ""
    assert _fault(["--config", "x.toml", "init"], whole=True) == ""
    for wrong in (
        ["signal", "show", "ID"],
        ["signals", "show"],
        ["signals", "list", "--state", "lost"],
        ["signals", "list", "--stat", "dead"],
        ["slots", "show", "a", "b"],
        ["keys"],
    ):
        assert _fault(wrong, whole=True) != ""


@each_page
def test_every_make_target_exists(page: Page) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = (*shell_commands(page), *inline_commands(page, "make"))
    assert {w[1] for w in named if w[0] == "make" and len(w) > 1} - targets == set()


@each_of_ours
def test_every_setting_exists(page: Page) -> None:
    text = re.sub(r"[`*]", "", page.text)
    named = re.findall(r"\[([a-z]+)\] ([a-z]+(?:_[a-z]+)*)\b", text)
    known = {(s, n) for s, schema in SECTIONS.items() for n in schema().fields}
    settings = {
        (s, n) for s, n in named if s in SECTIONS and ("_" in n or f"[{s}] {n}`" in page.text)
    }
    assert settings - known == set()


@each_of_ours
def test_every_toml_example_is_made_of_settings(page: Page) -> None:
    for block in page.fences("toml"):
        sections = {s: v for s, v in tomllib.loads(block).items() if s != "connections"}
        for section, values in sections.items():
            plain = {n: v for n, v in values.items() if not isinstance(v, dict)}
            assert set(values) <= set(SECTIONS[section]().fields), section
            assert SECTIONS[section]().validate(plain) == {}


@each_of_ours
def test_every_environment_variable_is_read(page: Page) -> None:
    settings = {
        f"{ENV_PREFIX}{s}_{n}".upper() for s, schema in SECTIONS.items() for n in schema().fields
    }
    secrets = tuple(
        f"_{setting.name}".upper()
        for cls in connector_classes().values()
        for setting in cls.spec.settings
        if setting.secret
    )
    # In double braces it is a merge token of an ATS's templates.
    named = set(re.findall(rf"(?<!{{{{)\b{ENV_PREFIX}[A-Z_]*[A-Z]\b", page.text))
    assert {n for n in named - settings - VARIABLES if not n.endswith(secrets)} == set()


@each_of_ours
def test_every_path_and_module_exists(page: Page) -> None:
    paths = [
        code
        for code in page.inline_code
        if re.fullmatch(rf"(?:{TOP_FOLDERS})(?:/[\w.-]+)+", code) and "NAME" not in code
    ]
    assert [p for p in paths if not (ROOT / p).exists() and p not in BY_NAME] == []
    modules = set(re.findall(r"\bcareerrelay(?:\.[a-z_]+)+", page.text))
    modules -= {name for name in modules if name.endswith((".toml", ".db", ".service"))}
    assert {m for m in modules if importlib.util.find_spec(m) is None} == set()


@each_of_ours
def test_every_name_in_backticks_stands_in_the_code(page: Page) -> None:
    named = {code for code in page.inline_code if re.fullmatch(r"[a-z]+(?:_[a-z]+)+", code)}
    examples = {name for name in named if name.startswith("test_")}
    assert named - examples - _words_of_the_code() == set()


def _words_of_the_code() -> set[str]:
    if not _words:
        for folder in (*TOP_FOLDERS.split("|"), "bench"):
            for path in (ROOT / folder).rglob("*.py"):
                _words.update(re.findall(r"[a-z]+(?:_[a-z]+)+", path.read_text(encoding="utf-8")))
    return _words


_words: set[str] = set()


@pytest.mark.parametrize("name", IN_JAPANESE)
def test_page_for_recruiters_and_it_is_there_in_both_languages(name: str) -> None:
    assert f"docs/{name}.md" in BY_NAME
    assert f"docs/ja/{name}.md" in BY_NAME


@pytest.mark.parametrize(
    "page", [p for p in OURS if "/ja/" in p.name or p.name == "README.ja.md"], ids=lambda p: p.name
)
def test_japanese_page_and_its_english_one_lead_to_each_other(page: Page) -> None:
    english = "README.md" if page.name == "README.ja.md" else page.name.replace("/ja/", "/")
    assert any(_leads_to(page, target, english) for target in page.links)
    assert any(_leads_to(BY_NAME[english], target, page.name) for target in BY_NAME[english].links)


def _leads_to(page: Page, target: str, name: str) -> bool:
    return (page.path.parent / target.partition("#")[0]).resolve() == ROOT / name


@each_of_ours
def test_nothing_is_left_open_and_no_path_is_somebodys_own(page: Page) -> None:
    assert re.findall(r"\b(?:TODO|FIXME|TBD|XXX)\b", page.text) == []
    assert re.findall(r"(?<![\w.])/(?:tmp|work|root|home)/", page.text) == []


def test_every_page_can_be_found_from_the_index() -> None:
    linked = {(ROOT / "docs" / t).resolve() for t in BY_NAME["docs/index.md"].links}
    assert {p.name for p in OURS if p.path.parent == ROOT / "docs" and p.path not in linked} == {
        "docs/index.md"
    }


@pytest.mark.parametrize(
    ("name", "locale"), [("docs/eligibility.md", "en"), ("docs/ja/eligibility.md", "ja")]
)
def test_eligibility_page_says_what_the_rules_say(name: str, locale: str) -> None:
    """Codes, their order, their words, who gets a notice, what can be switched."""
    words = {
        "en": ("with the link", "without the link", "none", "yes", "no"),
        "ja": ("リンク付き", "リンクなし", "送らない", "できる", "できない"),
    }[locale]
    order = [ReasonCode.LINK, *(rule.code for rule in eligibility.RULES), ReasonCode.UNREJECTED]
    expected = [
        [f"`{c.value}`", EXPLANATIONS[c][locale], _notice(c, words), _switch(c, words)]
        for c in order
    ]
    page = BY_NAME[name]
    assert page.rows()[: len(order)] == expected
    assert f"`{eligibility.RULE_VERSION}`" in page.text


def _notice(code: ReasonCode, words: tuple[str, ...]) -> str:
    if code is ReasonCode.LINK:
        return words[0]
    return words[1] if code in eligibility.NOTICE_WITHOUT_LINK else words[2]


def _switch(code: ReasonCode, words: tuple[str, ...]) -> str:
    if code in (ReasonCode.LINK, ReasonCode.UNREJECTED):
        return "-"
    return words[3] if code in eligibility.SWITCHABLE else words[4]


def test_every_reason_code_has_words_in_both_languages() -> None:
    assert set(EXPLANATIONS) == set(ReasonCode)
    assert all(set(said) == {"en", "ja"} for said in EXPLANATIONS.values())


@pytest.mark.parametrize("name", ["docs/privacy.md", "docs/ja/privacy.md"])
def test_privacy_page_names_the_real_times_and_versions(name: str) -> None:
    text = BY_NAME[name].text
    for setting, field in SECTIONS["retention"]().fields.items():
        assert re.search(rf"`{setting}`(?: \(|（){field.load_default}", text), setting
    for version in (registration.TERMS_VERSION, registration.NAMING_VERSION):
        assert f"`{version}`" in text


def test_reliability_page_names_the_real_waits() -> None:
    units = ((3600, "h"), (60, "min"), (1, "s"))
    seconds = [int(wait.total_seconds()) for wait in BACKOFF]
    told = [next(f"{s // n} {unit}" for n, unit in units if s % n == 0) for s in seconds]
    assert ", ".join(told) in BY_NAME["docs/reliability.md"].text
