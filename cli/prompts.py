"""What may be asked for on a terminal, and how secrets come in: never as plain arguments."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ..models.errors import ConfigurationError, RefusedError
from .wording import translated

YES = frozenset({"y", "yes", "はい"})
"""Anything else does nothing."""
Command = TypeVar("Command", bound=Callable[..., Any])


def is_interactive() -> bool:
    """Somebody sits there who can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def pairs(values: Sequence[str], *, option: str) -> dict[str, str]:
    """``NAME=VALUE`` arguments of an option. Raises click.UsageError."""
    found = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"{option} takes NAME=VALUE")
        found[name.strip()] = rest
    return found


def secret_options(function: Command) -> Command:
    """``--secret-file``, ``--secret-env`` and ``--secret`` of a command."""
    options = (
        click.option(
            "--secret",
            "secret_names",
            multiple=True,
            metavar="NAME",
            help="Ask for this secret, without showing what is typed. May be repeated.",
        ),
        click.option(
            "--secret-env",
            "secret_env",
            multiple=True,
            metavar="NAME=VARIABLE",
            help="Take a secret from an environment variable. May be repeated.",
        ),
        click.option(
            "--secret-file",
            "secret_files",
            multiple=True,
            metavar="NAME=PATH",
            help="Take a secret from a file. May be repeated.",
        ),
    )
    for option in options:
        function = option(function)
    return function


def read_secrets(
    *, files: Sequence[str], variables: Sequence[str], names: Sequence[str]
) -> dict[str, str]:
    """The secrets the options of ``secret_options`` give, in clear. Raises ConfigurationError."""
    secrets = {n: secret_file(p) for n, p in pairs(files, option="--secret-file").items()}
    for name, variable in pairs(variables, option="--secret-env").items():
        secrets[name] = secret_variable(variable)
    for name in names:
        secrets[name] = ask_secret(name)
    return secrets


def secret_file(path: str) -> str:
    """The file's text without the line end. Raises ConfigurationError."""
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"cannot read the file {path}") from None
    if not text:
        raise ConfigurationError(f"the file {path} is empty")
    return text


def secret_variable(name: str) -> str:
    """The environment variable's value. Raises ConfigurationError."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"the environment variable {name} is not set")
    return value


def ask_secret(label: str) -> str:
    """Typed without being shown. Raises click.UsageError where nobody can type."""
    if not is_interactive():
        raise click.UsageError(f"{label} cannot be asked for here: this is no terminal")
    return click.prompt(label, hide_input=True, err=True).strip()


def ask(label: str, *, default: str | None = None, choices: Sequence[str] = ()) -> str:
    """A plain value from the terminal."""
    kind = click.Choice(list(choices)) if choices else str
    asked = translated(label, lang=_language())
    return click.prompt(asked, default=default, type=kind, err=True).strip()


def confirm(question: str, *, yes: bool) -> None:
    """Go on only with ``--yes`` or a yes typed, in Japanese too. Raises RefusedError."""
    if yes:
        return
    if not is_interactive():
        raise RefusedError("nothing was done; add --yes to do it")
    asked = f"{translated(question, lang=_language())} [y/N]"
    answer = click.prompt(asked, default="", show_default=False, err=True)
    # A Japanese keyboard may give the letter in full width.
    if unicodedata.normalize("NFKC", answer[:20]).strip().casefold() not in YES:
        raise RefusedError("nothing was done")


def _language() -> str:
    context = click.get_current_context(silent=True)
    return str(getattr(context and context.obj, "lang", "en"))
