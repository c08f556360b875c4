"""``careerrelay serve``, ``relay`` and ``worker``: the long-running processes."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

import click

from ..connectors.registry import connector_classes
from ..engine import tracing
from ..engine.config import Settings
from ..engine.connections import webhook_url
from ..engine.ingest import Ingest
from ..engine.installation import only_process, opened, prepare, prepare_folder
from ..engine.logs import server_logs
from ..engine.mail_listeners import mail_listeners
from ..engine.runtime import Runtime
from ..engine.service import Service
from ..link_signing import Purpose
from ..mail.injection import BUILD
from ..models.errors import CareerRelayError, ConfigurationError
from ..webhook_server import create_app
from ..webhook_server.serving import LARGEST_BODY, Serving
from .context import Cli, with_output
from .output import Output


@click.command("serve", short_help="Serve webhooks and the registration page.")
@click.option("--host", help="Address to listen on; [server] host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; [server] port. 0: any free.")
@with_output
def serve(cli: Cli, out: Output, host: str | None, port: int | None) -> None:
    """Serve webhooks and the registration page, and work the queue ([work] embedded).

    Takes mails as well with [mail_relay] embedded = true.

    Needs no preparation: what is missing is made, as 'careerrelay init' does. SIGTERM or Ctrl-C
    stop it gracefully: what was begun is answered and stored. On SQLite it is the only process;
    run several, and workers beside them, on PostgreSQL.
    """
    server_logs()
    given = {"host": host, "port": port}
    flags = {"server": {name: value for name, value in given.items() if value is not None}}
    with (
        _installation(cli.settings(flags), what="serve") as runtime,
        _app(runtime) as app,
        _embedded_listeners(runtime) as places,
    ):
        serving = _listening(runtime, app)
        with _stopped_by_signal(serving.stop), what_is_loaded_stays():
            _tell_urls(out, runtime, serving.port, places)
            serving.run()
    out.line("stopped")


@contextmanager
def _installation(settings: Settings, *, what: str) -> Iterator[Runtime]:
    """Prepared, and on SQLite ours alone, before anything in it is touched."""
    tracing.configure()
    with ExitStack() as stack:
        prepare_folder(settings)
        stack.enter_context(only_process(settings, what=what))
        prepare(settings)
        yield stack.enter_context(opened(settings))


@contextmanager
def _app(runtime: Runtime) -> Iterator[Any]:
    """The app, its ingest and the engine; stopped in the order that loses nothing."""
    service = Service(runtime) if runtime.settings.work["embedded"] else None
    ingest = Ingest(runtime)
    try:
        if service is not None:
            service.start()
        yield create_app(runtime, ingest=ingest)
    finally:
        ingest.stop()
        if service is not None:
            service.stop()


@contextmanager
def _embedded_listeners(runtime: Runtime) -> Iterator[Mapping[str, str]]:
    """Where this process takes mails; nowhere, if another one does or none."""
    if not runtime.settings.mail_relay["embedded"]:
        yield {}
        return
    with mail_listeners(runtime) as places:
        yield places


def _listening(runtime: Runtime, app: Any) -> Serving:
    server = runtime.settings.server
    try:
        return Serving(
            app,
            host=server["host"],
            port=server["port"],
            threads=server["threads"],
            largest_body=partial(_largest_body, runtime),
        )
    except OSError as error:
        raise ConfigurationError(
            f"[server] host and port: cannot listen on {server['host']}:{server['port']} "
            f"({error.strerror})"
        ) from None


def _largest_body(runtime: Runtime, path: str) -> int:
    """A CSV file in its form where an upload link of ours asks for one."""
    before = f"/{Purpose.UPLOAD.path}/"
    if not path.startswith(before):
        return LARGEST_BODY
    try:
        runtime.signer.open(path.removeprefix(before), purpose=Purpose.UPLOAD)
    except CareerRelayError:
        # Nobody's token; or the key file cannot be read, which the answer will say.
        return LARGEST_BODY
    return max(LARGEST_BODY, (runtime.settings.csv["megabytes"] + 1) * 1024 * 1024)


def _with_build(places: Mapping[str, str]) -> Mapping[str, str]:
    """Where mails come in, and what changes them there: the engine's source or a compiled one."""
    return {**places, "injection": BUILD} if places else places


def _tell_urls(out: Output, runtime: Runtime, port: int, places: Mapping[str, str]) -> None:
    settings = runtime.settings
    urls = {
        "listening": f"http://{settings.server['host']}:{port}",
        "public": settings.server["base_url"],
        "webhooks": webhook_url(runtime, "CONNECTION"),
        "health": f"http://{settings.server['host']}:{port}/readyz",
        "queue": "worked here" if settings.work["embedded"] else "worked by 'careerrelay worker'",
        **_with_build(places),
    }
    with _said_or_not():
        if not out.data(urls):
            out.facts(urls)


def _said_or_not() -> suppress:
    """What a process says of itself: where the disk is full, its work must not end for it."""
    return suppress(OSError)


@contextmanager
def _stopped_by_signal(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask for an end instead of making one."""
    wanted = (signal.SIGTERM, signal.SIGINT)
    before: Mapping[signal.Signals, Any] = {s: signal.getsignal(s) for s in wanted}
    for number in wanted:
        signal.signal(number, lambda _number, _frame: stop())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def what_is_loaded_stays() -> Iterator[None]:
    """Keep the collector of cycles from walking through all code and tables again and again: in
    a busy worker that took an eighth of the time, and each walk held up every thread.
    https://docs.python.org/3/library/gc.html#gc.freeze
    """
    connector_classes()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _await(ended: threading.Event) -> None:
    """A wait without end would sleep through a signal that another thread was given."""
    while not ended.wait(1):
        pass


@click.command("worker", short_help="Work the queue beside servers.")
@with_output
def worker(cli: Cli, out: Output) -> None:
    """Work the queue, beside servers with [work] embedded = false. Any number, on PostgreSQL.

    On SQLite it is refused while 'careerrelay serve' runs: that one works the queue itself.
    """
    server_logs()
    ended = threading.Event()
    with _installation(cli.settings(), what="worker") as runtime:
        service = Service(runtime)
        try:
            with _stopped_by_signal(ended.set):
                service.start()
                with what_is_loaded_stays():
                    with _said_or_not():
                        if not out.data({"worker": runtime.process_id}):
                            out.line(f"worker {runtime.process_id} is at work")
                    _await(ended)
        finally:
            service.stop()
    out.line("stopped")


@click.command("relay", short_help="Take mails beside servers.")
@with_output
def relay(cli: Cli, out: Output) -> None:
    """Take mails as [mail_relay] says, beside servers with [mail_relay] embedded = false.

    Any number, on PostgreSQL; those on one machine share the port. On SQLite it is refused while
    'careerrelay serve' runs: there mails are taken by that one, with [mail_relay] embedded = true.
    """
    server_logs()
    ended = threading.Event()
    with (
        _installation(cli.settings(), what="relay") as runtime,
        mail_listeners(runtime) as places,
        _stopped_by_signal(ended.set),
    ):
        told = _with_build(places)
        with _said_or_not():
            if not out.data(told):
                out.facts(told)
        _await(ended)
    out.line("stopped")
