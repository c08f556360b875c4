"""Ways to store a web hook before it is answered, over 32 connections on the same server; how long
it takes until its first job begins; and Debian's ``webhook``, which stores nothing.

``naive``: a transaction and a thread for each request, and SQLite's own waiting for its lock.
``lock``: the same behind one lock of the process. ``group``: ours. ``NORMAL``: ours, with a commit
of SQLite that losing power may take back.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select

from bench.load import WARM_UP_SECONDS
from bench.processes import measured, server
from bench.results import Result, compared, middle
from bench.sites import CONNECTION, found, settings
from bench.slow_flush import INSTALL
from bench.webhooks import SECRET, signed
from careerrelay.engine.ingest import READ_SIGNALS
from careerrelay.models.database import Database
from careerrelay.models.tables import Attempt, Signal
from tests.disaster.nodes import Gunicorn, ended_at_last, wait_until
from tests.support.mailbox import free_port

ROUNDS = 3
SECONDS = 2.0
CONNECTIONS = 32
KINDS = {"naive": "naive", "lock": "single", "group": "ours", "NORMAL": "normal"}
ON_POSTGRES = ("lock", "group")
GUNICORN = "PostgreSQL, two processes of gunicorn"
DEBIANS = "Debian's webhook, which stores nothing"
ASKED = (
    ("SQLite, group", "SQLite, naive", {"rate": ">= 2", "p99": "<= 1"}),
    ("SQLite, group", "SQLite, lock", {"rate": ""}),
    ("SQLite, group", "SQLite, NORMAL", {"rate": ">= 0.95"}),
    ("SQLite, group", DEBIANS, {"rate": ">= 0.33", "p99": "<= 1"}),
    ("PostgreSQL, group", "PostgreSQL, lock", {"rate": ""}),
    ("PostgreSQL, group", DEBIANS, {"rate": "", "p99": ""}),
    (GUNICORN, "PostgreSQL, group", {"rate": "", "p99": ""}),
)
UNITS = {"rate": "/s", "p99": "p99 ms"}
HOOK = {
    "id": CONNECTION,
    "execute-command": "/bin/true",
    "http-methods": ["POST"],
    "trigger-rule-mismatch-http-response-code": 403,
    "trigger-rule": {
        "match": {
            "type": "payload-hmac-sha256",
            "secret": SECRET,
            "parameter": {"source": "header", "name": "Signature"},
        }
    },
}
"""https://github.com/adnanh/webhook/blob/master/docs/Hook-Definition.md"""
SINGLES = 60
BEGUN_SECONDS = 0.15

Rounds = dict[str, list[dict[str, Any]]]


def compare(folder: Path, url: str) -> list[Result]:
    """``url``: an empty database of PostgreSQL."""
    places = {"SQLite": (folder / "sqlite", ""), "PostgreSQL": (folder / "postgresql", url)}
    for place, at in places.values():
        place.mkdir()
        found(settings(place, url=at))
    rounds: Rounds = defaultdict(list)
    for _ in range(ROUNDS):
        for name, (place, at) in places.items():
            for way in KINDS if name == "SQLite" else ON_POSTGRES:
                with server(KINDS[way], str(place), at) as hooks:
                    rounds[f"{name}, {way}"].append(_load(hooks))
        with _gunicorn(*places["PostgreSQL"]) as hooks:
            rounds[GUNICORN].append(_load(hooks))
        with _debians(folder) as hooks:
            rounds[DEBIANS].append(_load(hooks, "bare"))
    return [*_judged(rounds), *_first_job(folder / "whole")]


def _load(url: str, *how: str) -> dict[str, Any]:
    figures = measured("bench.load", url, CONNECTIONS, SECONDS, *how)
    if set(figures["statuses"]) != {"200"}:
        raise RuntimeError(f"{url} answered {figures['statuses']}")
    return figures


@contextmanager
def _debians(folder: Path) -> Iterator[str]:
    subprocess.run([str(INSTALL), "webhook=webhook"], check=True)
    file, port = folder / "hooks.json", free_port()
    file.write_text(json.dumps([HOOK]))
    process = subprocess.Popen(
        ["webhook", "-hooks", str(file), "-ip", "127.0.0.1", "-port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/hooks/{CONNECTION}"
    try:
        wait_until(lambda: _forbids(url), what="webhook answers")
        yield url
    finally:
        process.kill()
        process.wait()


def _forbids(url: str) -> bool:
    """It is there, and lets nobody in without a signature."""
    try:
        return requests.post(url, data=b"{}", timeout=5).status_code == 403
    except requests.ConnectionError:
        return False


@contextmanager
def _gunicorn(folder: Path, url: str) -> Iterator[str]:
    """As the example unit starts it."""
    at = f"http://127.0.0.1:{free_port()}"
    named = {"STORE_FOLDER": folder, "STORE_URL": url, "SERVER_ALLOW_PRIVATE_HOSTS": "true"}
    environment = {f"CAREERRELAY_{name}": str(value) for name, value in named.items()}
    node = Gunicorn("gunicorn", environment, folder / "gunicorn.log", at)
    with ended_at_last(node):
        node.start()
        yield f"{at}/webhooks/{CONNECTION}"
        node.stop()


def _judged(rounds: Rounds) -> list[Result]:
    return [
        compared(
            f"ways to store: {ours}, against {peer}, {UNITS[key]}",
            ours=middle([figures[key] for figures in rounds[ours]]),
            peer=middle([figures[key] for figures in rounds[peer]]),
            target=target,
        )
        for ours, peer, targets in ASKED
        for key, target in targets.items()
    ]


def _first_job(folder: Path) -> list[Result]:
    """Web hooks one by one, to a server that works its queue as well."""
    folder.mkdir()
    made = settings(folder)
    found(made)
    chance = random.Random(1)
    with server("whole", str(folder)) as url:
        time.sleep(WARM_UP_SECONDS)
        for number in range(SINGLES):
            _post(url, number)
            time.sleep(chance.uniform(0.05, 0.25))
        database = Database(made.database_url)
        try:
            wait_until(lambda: len(_begun(database)) == SINGLES, what="all are read")
            waits = sorted(_begun(database))
        finally:
            database.close()
    # The middle one, and the longest of sixty for the p99.
    figures = {"p50": (waits[len(waits) // 2], ""), "p99": (waits[-1], "<= 1")}
    return [
        compared(
            f"from web hook to its first job, {name}, s, against {BEGUN_SECONDS:g} s",
            ours=seconds,
            peer=BEGUN_SECONDS,
            target=target,
        )
        for name, (seconds, target) in figures.items()
    ]


def _post(url: str, number: int) -> None:
    body, signature = signed(number)
    headers = {"Signature": signature, "Greenhouse-Event-ID": f"single-{number}"}
    requests.post(url, data=body, headers=headers, timeout=60).raise_for_status()


def _begun(database: Database) -> list[float]:
    """Seconds from each signal's arrival to the begin of its first attempt."""
    first = (
        select(func.min(Attempt.started_at).label("at"), Attempt.subject_id)
        .where(Attempt.task == READ_SIGNALS)
        .group_by(Attempt.subject_id)
        .subquery()
    )
    query = select(Signal.received_at, first.c.at).join(first, first.c.subject_id == Signal.id)
    with database.read() as session:
        return [(at - received).total_seconds() for received, at in session.execute(query)]
