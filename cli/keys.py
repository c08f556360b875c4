"""``careerrelay keys``: a new key, and everything sealed with it, without stopping anything."""

from __future__ import annotations

import click

from ..engine.rotation import Progress, new_key, rotate
from .context import Cli, Group, command
from .output import Output, Step


@click.group(short_help="Add and rotate keys.", cls=Group)
def keys() -> None:
    """Keys that seal names, addresses and secrets, and sign links."""


@command(keys, "new")
def new(cli: Cli, out: Output) -> None:
    """Add a new key to the key file. It opens already, but seals and signs nothing yet.

    On several machines, copy the key file to all of them before 'keys rotate'.
    """
    with cli.runtime() as runtime:
        new_key(runtime, actor=cli.actor)
        path = str(runtime.keys.path)
    if not out.data({"key_file": path}):
        out.line(f"{path} holds a new key; next: careerrelay keys rotate")


@command(keys, "rotate")
@click.option(
    "--keep-old",
    is_flag=True,
    help="Keep the old sealing keys; the next 'keys rotate' without this drops them.",
)
def rotate_(cli: Cli, out: Output, keep_old: bool) -> None:
    """Use the new key, seal everything stored anew with it, then drop the old sealing key.

    The server may go on serving. After a kill, run it again: it goes on where it stopped.
    Links in mails stay good, for old signing keys stay. Copies of the database from before
    open only with the key file from before: keep that one with them.
    """
    with cli.runtime() as runtime, out.progress() as step:
        if not keep_old:
            out.line("this takes up to a minute longer than the sealing itself")
        done = rotate(
            runtime, actor=cli.actor, keep_old=keep_old, progress=lambda p: _tell(step, p)
        )
    if out.data(done):
        return
    out.line(f"{done.resealed} values sealed anew")
    if done.unreadable:
        out.line(f"values that no key opens: {', '.join(done.unreadable)}; old keys are kept")
        raise click.exceptions.Exit(1)
    out.line("old sealing keys dropped" if done.dropped_old else "old sealing keys kept")


def _tell(step: Step, progress: Progress) -> None:
    step(progress.column, progress.done, progress.total)
