"""``careerrelay``: the group, where each command lives, and how everything that fails is told."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from ..engine.logs import quiet_logs
from .context import Cli, language_of
from .wording import told_error, translated

COMMANDS: Mapping[str, str] = {
    "init": "setup_commands:init",
    "serve": "serving:serve",
    "worker": "serving:worker",
    "relay": "serving:relay",
    "demo": "demo.command:demo",
    "company": "company:company",
    "connections": "connections_poll:connections",
    "mail-relay": "mail_relay:mail_relay",
    "reasons": "reasons:reasons",
    "connectors": "connectors:connectors",
    "doctor": "doctor:doctor",
    "simulate": "simulate:simulate",
    "signals": "signals:signals",
    "work": "work:work",
    "inject": "inject:inject_command",
    "candidates": "candidates:candidates",
    "registrations": "candidates:registrations",
    "csv": "sheet_links:csv_files",
    "links": "links:links",
    "slots": "slots:slots",
    "keys": "keys:keys",
    "database": "database:database",
    "docs": "docs:docs",
}
"""Command -> module:object in this folder, imported only when used: it keeps --help quick."""


class Root(click.Group):
    """Loads commands on demand; turns every failure into one sentence and an exit code.

    0: done. 1: a check failed, something was refused or not found. 2: a setting or the usage is
    wrong.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        return getattr(importlib.import_module(f".{module}", __package__), name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Click would look for what was meant among commands that are loaded already: none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], COMMANDS, n=1)
            if not near or not error.message.startswith("No such command"):
                raise
            told = f"{error.message} Did you mean '{near[0]}'?"
            raise click.UsageError(told, ctx=error.ctx) from None

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        standalone = options.pop("standalone_mode", True)
        options["prog_name"] = "careerrelay"
        code = self._run(given, *rest, **options)
        if standalone:
            sys.exit(code)
        return code

    def _run(self, args: list[str], *rest: Any, **options: Any) -> int:
        lang = language_of(args, os.environ)
        try:
            code = super().main(args, *rest, standalone_mode=False, **options)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            return 0
        except click.ClickException as error:
            return _told(_usage(error, lang), 2)
        except click.Abort:
            return _told(translated("stopped; nothing more was done", lang=lang), 1)
        except BrokenPipeError:
            # Whoever read the output has seen enough; Python must not complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except Exception as error:
            return _told(*told_error(error, lang=lang, place=_place(error)))
        return code if isinstance(code, int) else 0


def _usage(error: click.ClickException, lang: str) -> str:
    message = translated(error.format_message().replace("\n", " ").rstrip("."), lang=lang)
    context = getattr(error, "ctx", None)
    if context is None:
        return message
    command = f"{context.command_path} --help"
    return f"{message}（「{command}」を参照）" if lang == "ja" else f"{message}; see '{command}'"


def _place(error: Exception) -> str:
    """Where a bug is, without the values that were in it."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return f"{Path(last.filename).name}:{last.lineno}" if last else ""


def _told(sentence: str, code: int) -> int:
    click.echo(f"careerrelay: {sentence}", err=True)
    return code


def _tell_version(context: click.Context) -> None:
    from ..mail.injection import BUILD

    click.echo(f"careerrelay, version {metadata.version('careerrelay-ats')} (injection: {BUILD})")
    context.exit()


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="CAREERRELAY_CONFIG",
    help="Settings file (TOML); CAREERRELAY_CONFIG. Without one, defaults and environment.",
)
@click.option(
    "--lang",
    type=click.Choice(["ja", "en"]),
    help="Language of errors, prompts, headings, doctor and explanations; by default that of LANG.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False,
    callback=lambda context, _option, asked: _tell_version(context) if asked else None,
    help="Show the version, and whether the injection engine is compiled, and exit.",
)  # fmt: skip
@click.pass_context
def root(ctx: click.Context, config: Path | None, lang: str | None) -> None:
    """One honest link in the rejection mail of the ATS you already use.

    Start with 'careerrelay init', then 'careerrelay company add' and 'careerrelay connections
    add'. 'careerrelay doctor' says what is missing, 'careerrelay serve' runs it all.

    Exit codes: 0 done; 1 a check failed, or something was refused or not found; 2 a setting or
    the command line is wrong.
    """
    quiet_logs()
    ctx.obj = Cli(config, lang or language_of([], os.environ))


def main() -> None:
    """The console script."""
    root()
