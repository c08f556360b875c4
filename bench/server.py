"""The servers that are measured, each a process of its own on the same waitress.

    python -m bench.server KIND FOLDER [URL]

``ours``: the real app, signals stored and their work queued in one group commit; no worker runs.
``single``: the same app, each request in a thread and a commit of its own, one after the other.
``naive``: the same without our lock, so that on SQLite each waits as its driver does.
``normal``: ``ours``, with commits of SQLite that losing power may take back.
``verify``: a Flask app that checks the same signature and stores nothing. Like every Flask app it
has the server's threads, for whatever a view waits for holds up nobody else there.
``turns``: that app as our web hooks are run, in the thread that reads them.
``whole``: ``ours`` with the engine working the queue in the same process, as ``careerrelay serve``.
Prints its port, serves until it is ended.
"""

from __future__ import annotations

import hashlib
import hmac
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, Response, request
from sqlalchemy import event

from bench.sites import settings
from bench.webhooks import SECRET
from careerrelay.cli.serving import what_is_loaded_stays
from careerrelay.engine.ingest import Ingest, store_signals
from careerrelay.engine.runtime import Runtime
from careerrelay.engine.service import Service
from careerrelay.webhook_server import create_app
from careerrelay.webhook_server.serving import Serving
from careerrelay.webhook_server.webhooks import PATH as WEBHOOKS

THREADS = 32
NONE = "none"
VERIFYING = {"verify": NONE, "turns": WEBHOOKS}
"""And the paths of which requests are run by turns."""


class SingleCommits(Ingest):
    """Each signal in a transaction of its own."""

    def store(self, row: dict[str, Any]) -> bool:
        with self._runtime.database.begin() as session:
            return bool(store_signals(self._runtime, session, [row]))


def one_by_one(runtime: Runtime) -> Ingest:
    """SQLite's own waiting for its lock, as with any app that has no lock of its own."""
    runtime.database._lock = None
    return SingleCommits(runtime)


def less_durable(runtime: Runtime) -> Ingest:
    """https://www.sqlite.org/pragma.html#pragma_synchronous"""

    @event.listens_for(runtime.database.engine, "connect")
    def relax(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")

    return Ingest(runtime)


WRITERS: Mapping[str, Callable[[Runtime], Ingest]] = {
    "single": SingleCommits,
    "naive": one_by_one,
    "normal": less_durable,
}
IN_THREADS = ("single", "naive")


def verify_only() -> Flask:
    """What a receiver does that keeps nothing."""
    app = Flask("verify")

    @app.post("/webhooks/<connection_id>")
    def receive(connection_id: str) -> Response:  # noqa: ARG001 - the same route
        body = request.get_data(cache=False)
        expected = "sha256 " + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest(expected, request.headers.get("Signature", ""))
        return Response(b"", 200 if genuine else 401, mimetype="text/plain")

    return app


def serve(app: Flask, *, by_turns: str = WEBHOOKS) -> None:
    """Say the port and serve until SIGTERM."""
    serving = Serving(app, host="127.0.0.1", port=0, threads=THREADS, by_turns=by_turns)
    signal.signal(signal.SIGTERM, lambda _number, _frame: serving.stop())
    print(serving.port, flush=True)
    with what_is_loaded_stays():
        serving.run()


def main(kind: str, folder: str, url: str = "") -> None:
    if kind in VERIFYING:
        serve(verify_only(), by_turns=VERIFYING[kind])
        return
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    runtime = Runtime(settings(Path(folder), url=url))
    ingest = WRITERS.get(kind, Ingest)(runtime)
    service = Service(runtime) if kind == "whole" else None
    if service:
        service.start()
    try:
        by_turns = NONE if kind in IN_THREADS else WEBHOOKS
        serve(create_app(runtime, ingest=ingest), by_turns=by_turns)
    finally:
        ingest.stop()
        if service:
            service.stop()
        runtime.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
