"""``careerrelay demo``: the command."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ...models.errors import ConfigurationError
from ..context import Cli, with_output
from ..output import Output
from . import cast
from .ats import seeded
from .field_token import FieldTokenStory
from .guide import guide
from .mail_relay import MailRelayStory
from .own_mail import OwnMailStory
from .ports import choose
from .stage import Stage, add_company, connect, running
from .steps import Step, StepFailedError, Steps

LAST_PORT = 65_531


@click.command("demo")
@click.option("--once", is_flag=True, help="Play the whole story without hands and check it.")
@click.option(
    "--port",
    type=click.IntRange(1024, LAST_PORT),
    help="Listen on this port and the four after it; by default on free ones.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep everything in this new folder; by default a temporary one, removed at the end.",
)
@click.option("--ats-secret", hidden=True, help="What the sandbox ATS signs with.")
@with_output
def demo(
    cli: Cli,
    out: Output,
    once: bool,
    port: int | None,
    folder: Path | None,
    ats_secret: str | None,
) -> None:
    """Try the whole loop on this computer.

    A sandbox ATS, the server and a mailbox; everything is invented and stays here. Reject
    somebody on the page of the sandbox ATS, read the mail in the mailbox, register. With --once
    the story is played and checked from outside; exit 1 names the step that failed.
    """
    ports = choose(port)
    if not once:
        out.line("準備しています。少しお待ちください。 / Getting ready; this takes a moment.\n")
    with _stopped_once(), _folder(folder) as place, running(place, ports) as stage:
        if once:
            _play(cli, out, stage, ats_secret=ats_secret)
        else:
            _stay(out, stage)


def _play(cli: Cli, out: Output, stage: Stage, *, ats_secret: str | None) -> None:
    steps = Steps(out.line, lang=cli.lang)
    began = time.monotonic()
    try:
        FieldTokenStory(stage, steps, ats_secret=ats_secret).play()
        OwnMailStory(stage, steps).play()
        MailRelayStory(stage, steps).play()
    except StepFailedError as error:
        out.data({"ok": False, **_told(steps), "expected": error.expected, "seen": error.seen})
        name = steps.done[-1].name
        click.echo(f"careerrelay demo: step {name} failed: {error}", err=True)
        raise click.exceptions.Exit(1) from None
    if not out.data({"ok": True, **_told(steps), "slots": 1}):
        seconds = time.monotonic() - began
        words = {"en": "slot 1 earned", "ja": "slot 1 earned（無料紹介枠を1つ獲得しました）"}
        out.line(f"\n{words[cli.lang]}  {len(steps.done)} steps, {seconds:.0f} s")


def _told(steps: Steps) -> dict[str, Any]:
    return {"steps": [_plain(step) for step in steps.done]}


def _plain(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "title": step.title.en,
        "seen": step.saw.en,
        "seconds": round(step.seconds, 2),
        "ok": step.ok,
    }


def _stay(out: Output, stage: Stage) -> None:
    """Until Ctrl-C."""
    add_company(stage)
    connect(stage)
    for _ in seeded(stage.ats):
        pass
    urls = {
        "ats": stage.ats_url,
        "mailbox": stage.mailbox_url,
        "server": stage.product.url,
        "config": str(stage.product.config),
    }
    try:
        if not out.data(urls):
            out.line(guide(urls, company=cast.COMPANY))
        # A lock without end would sleep through a signal that another thread was given.
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        out.line("\n終了しました / stopped")


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    """A new folder; a temporary one goes away with the demo, unless something failed in it."""
    if wanted is not None:
        if wanted.exists() and any(wanted.iterdir()):
            raise ConfigurationError(f"--folder: {wanted} is not empty; name a new folder")
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield wanted.absolute()
        return
    place = Path(tempfile.mkdtemp(prefix="careerrelay-demo-"))
    try:
        yield place
    except KeyboardInterrupt:
        shutil.rmtree(place)
        raise
    except Exception:
        click.echo(f"careerrelay demo: everything is kept for a look in {place}", err=True)
        raise
    shutil.rmtree(place)


@contextmanager
def _stopped_once() -> Iterator[None]:
    """Ctrl-C and SIGTERM interrupt; more of them while everything is being stopped do not."""
    wanted = (signal.SIGINT, signal.SIGTERM)
    stopping: list[int] = []

    def interrupt(number: int, _frame: Any) -> None:
        stopping.append(number)
        if len(stopping) == 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
