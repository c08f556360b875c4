"""The reference pages are what the code says, and nothing is undocumented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from careerrelay.cli.docs import pages
from careerrelay.cli.main import root
from careerrelay.connectors.registry import connector_classes
from careerrelay.engine.config import SECTIONS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.mark.parametrize("name", ["settings.md", "cli.md", "connectors.md"])
def test_a_generated_page_is_up_to_date(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == pages()[name], "run 'make docs'"


def test_every_setting_is_documented_with_its_environment_variable() -> None:
    page = pages()["settings.md"]
    for section, schema in SECTIONS.items():
        assert f"## [{section}]" in page
        for name, field in schema().fields.items():
            assert f"| `{name}` |" in page
            assert f"`CAREERRELAY_{section}_{name}`".upper() in page.upper()
            assert field.metadata["help"] in page


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if found is None or found.hidden:
            continue
        if isinstance(found, click.Group):
            yield from commands(found, f"{path} {name}")
        else:
            yield f"{path} {name}", found


def test_every_command_and_option_is_documented() -> None:
    page = pages()["cli.md"]
    for path, command in commands(root, "careerrelay"):
        chapter = page.partition(f"# {path}\n")[2].partition("\n#")[0]
        assert command.help
        assert chapter, path
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.help, f"{path} {option.opts[0]}"
                assert f"`{option.opts[0]}`" in chapter


def test_every_connector_is_documented_with_its_settings_and_guide() -> None:
    page = pages()["connectors.md"]
    for name, cls in connector_classes().items():
        assert f"../connectors/{name}/README.md" in page
        assert all(setting.help_ja in page for setting in cls.spec.settings)
        assert all(support.source in page for support in cls.spec.capabilities.values())


@pytest.mark.parametrize(
    ("page", "guide"),
    [
        ("README.md", "README.md"), ("README.ja.md", "README.ja.md"),
        ("docs/ja/index.md", "README.ja.md"),
    ],
)  # fmt: skip
def test_page_leads_to_every_connectors_guide(page: str, guide: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [
        name
        for name in connector_classes()
        if f"connectors/{name}/{guide}" not in text and (ROOT / "connectors" / name).is_dir()
    ]
    assert missing == []
