"""The reference pages of settings and commands, as Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import click
from marshmallow import Schema, fields, validate

from ..engine.config import ENV_PREFIX


def settings_page(mark: str, sections: Mapping[str, type[Schema]]) -> str:
    """Every section and setting of careerrelay.toml."""
    parts = [
        "# Settings",
        mark,
        "The server reads `careerrelay.toml` (`--config PATH`, or `CAREERRELAY_CONFIG`), then the "
        "environment, which wins. Every setting has a default, so no file at all is fine for a "
        'trial. A value is a literal, `{ env = "NAME" }` or `{ file = "PATH" }`. Companies, '
        "connections and templates are not here: see [configure.md](configure.md).",
        *(_section(name, schema) for name, schema in sections.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _section(name: str, schema: type[Schema]) -> str:
    rows = [
        f"| `{setting}` | {_default(field)} | {field.metadata['help']}{_limits(field)} "
        f"| `{f'{ENV_PREFIX}{name}_{setting}'.upper()}` |"
        for setting, field in schema().fields.items()
    ]
    head = "| setting | default | meaning | environment |\n| --- | --- | --- | --- |"
    return f"## [{name}]\n\n{inspect.getdoc(schema)}\n\n{head}\n" + "\n".join(rows)


def _default(field: fields.Field) -> str:
    value = field.load_default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" else "(empty)"


def _limits(field: fields.Field) -> str:
    for check in field.validators:
        if isinstance(check, validate.Range):
            return f" {check.min} to {check.max}."
        if isinstance(check, validate.OneOf):
            return f" One of {', '.join(f'`{choice}`' for choice in check.choices)}."
    return ""


def command_page(mark: str, root: click.Group) -> str:
    """Every command with its arguments and options, hidden ones left out."""
    context = click.Context(root, info_name="careerrelay")
    parts = ["# Commands", mark, _text(root), _options(root), *_commands(root, context, "##")]
    return "\n\n".join(part for part in parts if part) + "\n"


def _commands(group: click.Group, context: click.Context, level: str) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield f"{level} {inner.command_path}\n\n{_text(command)}"
            yield from _commands(command, inner, f"{level}#")
        else:
            yield f"{level} {inner.command_path}\n\n{_command(command, inner)}"


def _command(command: click.Command, context: click.Context) -> str:
    usage = f"```\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```"
    parts = [usage, _text(command), _options(command)]
    return "\n\n".join(part for part in parts if part)


def _text(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "")


def _options(command: click.Command) -> str:
    rows = [_option(o) for o in command.params if isinstance(o, click.Option) and not o.hidden]
    return "\n".join(rows)


def _option(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    choices: Any = getattr(option.type, "choices", ())
    words = [option.help or ""]
    if choices:
        words.append(f"One of {', '.join(f'`{c}`' for c in choices)}.")
    if option.show_default and option.default is not None:
        words.append(f"Default: `{option.default}`.")
    return f"- {names}: {' '.join(word for word in words if word)}"
