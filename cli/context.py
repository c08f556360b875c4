"""What every command gets: settings, runtime, language, and who is asking."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from ..engine.config import Settings, load
from ..engine.connections import all_connections, find_connection
from ..engine.installation import opened
from ..engine.runtime import Runtime
from ..models.errors import NotFoundError
from ..models.tables import Connection
from .output import Output

Command = TypeVar("Command", bound=Callable[..., Any])
LONGEST_SENTENCE = 300


@dataclass(frozen=True, slots=True)
class Cli:
    """One call of the command line."""

    config: Path | None
    lang: str

    @property
    def actor(self) -> str:
        """For the audit log."""
        try:
            return f"cli:{getpass.getuser()}"
        except (KeyError, OSError):
            return "cli:unknown"

    def settings(self, overrides: Mapping[str, Mapping[str, Any]] | None = None) -> Settings:
        """The settings. Raises ConfigurationError."""
        return load(self.config, overrides=overrides)

    @contextmanager
    def runtime(self) -> Iterator[Runtime]:
        """The runtime of a prepared installation."""
        with opened(self.settings()) as runtime:
            yield runtime


class Group(click.Group):
    """Lists its commands with their whole first sentence, over several lines where it is long."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [
            (name, known.get_short_help_str(LONGEST_SENTENCE))
            for name, known in found
            if known is not None and not known.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def command(
    group: click.Group, name: str, **options: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of ``group`` with ``--json``; its function gets (cli, out, **parameters)."""

    def make(function: Callable[..., Any]) -> click.Command:
        return group.command(name, **options)(with_output(function))

    return make


def with_output(function: Command) -> Command:
    """Hand a command its Cli and its Output, and give it ``--json``."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    @click.pass_obj
    @wraps(function)
    def run(cli: Cli, *args: Any, as_json: bool, **parameters: Any) -> Any:
        return function(cli, Output(as_json=as_json, lang=cli.lang), *args, **parameters)

    return run  # type: ignore[return-value] - click's decorators keep the call, not the type


def language_of(args: Sequence[str], environ: Mapping[str, str]) -> str:
    """``--lang`` where it is given, else ja where the environment's locale is Japanese."""
    for position, arg in enumerate(args):
        if arg == "--lang" and position + 1 < len(args):
            return args[position + 1]
        if arg.startswith("--lang="):
            return arg.partition("=")[2]
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environ[name] for name in names if environ.get(name)), "")
    return "ja" if locale.lower().startswith("ja") else "en"


def named_connection(runtime: Runtime, connection_id: str | None) -> Connection:
    """The connection of that id; without one, the only one there is. Raises NotFoundError."""
    if connection_id is not None:
        return find_connection(runtime, connection_id)
    found = all_connections(runtime)
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFoundError("there is no connection yet; run 'careerrelay connections add'")
    names = ", ".join(connection.id for connection in found)
    raise NotFoundError(f"there are several connections, so name one: {names}")
