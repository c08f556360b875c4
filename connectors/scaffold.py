"""``careerrelay connectors new``: copy a folder, get a tested connector."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..models.errors import ConfigurationError

TEMPLATE = Path(__file__).parent / "_template"
EXAMPLES = "fixtures"
"""The part of the template that belongs to the tests."""


def create(name: str, *, title: str, into: Path, tests_into: Path) -> list[Path]:
    """Copy the template as ``into/NAME`` and its examples as ``tests_into/NAME``.

    ``name`` is the connector's identifier, ``title`` the ATS's brand. Returns the files
    written, in order. Raises ConfigurationError for a bad name, or where a folder is taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or name in ("template", "testing"):
        raise ConfigurationError(f"'{name}' cannot be a connector's name; use a-z, 0-9 and _")
    if not title.strip() or not title.isprintable() or '"' in title or "\\" in title:
        raise ConfigurationError("the title must be one line without quotation marks")
    targets = {"": into / name, EXAMPLES: tests_into / name}
    for target in targets.values():
        if target.exists():
            raise ConfigurationError(f"{target} is already there")
    return [_copy(source, target, name, title.strip()) for source, target in _files(targets)]


def _files(targets: dict[str, Path]) -> Iterator[tuple[Path, Path]]:
    """(file of the template, where it goes)."""
    for source in sorted(TEMPLATE.rglob("*")):
        path = source.relative_to(TEMPLATE)
        if source.is_dir() or "__pycache__" in path.parts:
            continue
        if path.parts[0] == EXAMPLES:
            yield source, targets[EXAMPLES].joinpath(*path.parts[1:])
        else:
            yield source, targets[""] / path


def _copy(source: Path, target: Path, name: str, title: str) -> Path:
    text = source.read_text("utf-8")
    camel = "".join(part.capitalize() for part in name.split("_"))
    for old, new in (("Template ATS", title), ("Template", camel), ("template", name)):
        text = text.replace(old, new)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")
    return target
