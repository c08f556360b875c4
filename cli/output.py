"""One answer per command: JSON for programs, tables on a terminal, plain lines in a pipe."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from .wording import term

Step = Callable[[str, int, int], None]
"""Called with (what, done, all)."""


class Output:
    """``as_json``: the last word is one JSON document on stdout, and nothing else is.

    ``lang`` is the reader's; headings are said in it.
    """

    def __init__(self, *, as_json: bool, lang: str = "en") -> None:
        self.as_json = as_json
        self.lang = lang
        self.on_terminal = sys.stdout.isatty()

    def data(self, value: Any) -> bool:
        """Print ``value`` if JSON is wanted; says whether it was."""
        if self.as_json:
            click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))
        return self.as_json

    def line(self, text: str = "") -> None:
        """A line for people."""
        if not self.as_json:
            click.echo(text)

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Names and values, one a line."""
        width = max((len(name) for name in facts), default=0) if self.on_terminal else 0
        for name, value in facts.items():
            self.line(f"{name + ':':<{width + 1}} {shown(value)}")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table; in a pipe, lines of tab-separated cells under a line of names."""
        if self.as_json:
            return
        headings = [term(column, lang=self.lang) for column in columns]
        if not self.on_terminal:
            for row in (headings, *rows):
                click.echo("\t".join(shown(cell).replace("\n", " ") for cell in row))
            return
        table = Table(*headings, box=box.SIMPLE_HEAD)
        for row in rows:
            table.add_row(*(Text(shown(cell)) for cell in row))
        Console().print(table)

    @contextmanager
    def progress(self) -> Iterator[Step]:
        """A bar on stderr while long work runs; silent where nobody looks."""
        if self.as_json or not sys.stderr.isatty():
            yield lambda _what, _done, _all: None
            return
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        with bar:
            yield _stepper(bar)


def _stepper(bar: Progress) -> Step:
    tasks: dict[str, Any] = {}

    def step(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done, total=total)

    return step


def shown(value: Any) -> str:
    """A value for people: "-" for nothing, minutes are enough for a time."""
    if value is None or value in ("", [], {}, ()):
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={shown(part)}" for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(part) for part in value)
    return str(value)


def plain(value: Any) -> Any:
    """``value`` as JSON knows it: dataclasses as objects, times as ISO 8601."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(part) for part in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
