"""The grown shape: rejections a second with one worker and with two, how long from signal to link,
and how long a single rejection waits beside another company's bulk of 5,000.

A web process, workers and PostgreSQL, all real; the ATS is a stand-in that answers at once. Load,
stand-in, database and workers share this machine's cores, so its number bounds every figure; of
load and stand-in see ``light``.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.light import LightAts, LightSender
from bench.results import Result, compared, middle
from bench.shares import held_to, refusal
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Connection
from tests.disaster.load import case
from tests.disaster.senders import Sender
from tests.disaster.turmoil import Turmoil, turmoil
from tests.support.postgres import PostgresServer

REJECTIONS = 1_200
"""Of fewer, the end is too much of the time: one worker still has jobs then, and the other none."""
ROUNDS = 3
"""Of one worker and of two."""
SINGLES = 40
BULK = 5_000
SENDERS = 8
PATIENCE_SECONDS = 300.0
AS_INSTALLED = {"WORK_SWEEP_SECONDS": "60", "WORK_LEASE_SECONDS": "15"}
"""The defaults, not the tests' short ones, under which a long line is swept every three seconds."""
SECONDS_BESIDE_A_BULK = 5.0
RATE = 200.0
WARM, WARM_SECONDS = 10**6, 3.0
SCALING = 1.7
CORES_FOR_TWO = 4
SHARE = 0.4
"""Of a core, for each of two workers: all that runs then fits on two."""


def compare(folder: Path, server: PostgresServer, *, bulk: int = BULK) -> list[Result]:
    """One after the other, each on a fresh installation."""
    one, two = _rates(folder, server)
    waits = sorted(_singles(folder / "singles", server))
    beside = _beside_a_bulk(folder / "bulk", server, bulk)
    machines = _machines(folder, server)
    cores = os.cpu_count() or 1
    middle, worst = waits[len(waits) // 2], waits[-1]
    return [
        compared(
            f"grown: rejections to links, /s, two workers on {cores} cores",
            ours=two,
            peer=RATE,
            target=">= 1",
        ),
        compared(
            f"grown: two workers against one on {cores} cores, /s",
            ours=two,
            peer=one,
            # A worker at full speed takes the better part of two, with all it needs beside itself.
            target=f">= {SCALING:g}" if cores >= CORES_FOR_TWO else "",
        ),
        *machines,
        compared("signal to link, p50, s, against 1 s", ours=middle, peer=1.0, target="<= 1"),
        compared("signal to link, p99, s, against 2 s", ours=worst, peer=2.0, target="<= 1"),
        compared(
            f"fairness: a single rejection beside a bulk of {bulk:,}, s",
            ours=beside,
            peer=SECONDS_BESIDE_A_BULK,
            target="<= 1",
        ),
    ]


def _machines(folder: Path, server: PostgresServer) -> list[Result]:
    """The same where cores allow: none of the workers takes more than its share of one."""
    if why := refusal():
        print(f"grown: no process can be held to a share of a core here ({why}): left out")
        return []
    one, two = _rates(folder, server, share=SHARE)
    name = f"grown: two workers against one, each held to {SHARE:g} of a core, /s"
    return [compared(name, ours=two, peer=one, target=f">= {SCALING:g}")]


def _rates(
    folder: Path, server: PostgresServer, *, share: float | None = None
) -> tuple[float, float]:
    """With one worker and with two, by turns; the medians."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for number in range(ROUNDS):
        for workers, found in rates.items():
            place = folder / f"{share}-{number}-{workers}"
            found.append(_rate(place, server, workers=workers, share=share))
    return middle(rates[1]), middle(rates[2])


def _rate(
    folder: Path, server: PostgresServer, *, workers: int, share: float | None = None
) -> float:
    with _site(folder, server, workers=workers) as (site, ats), ExitStack() as stack:
        if share is not None:
            stack.enter_context(held_to(share, _workers(site)))
        for number in range(REJECTIONS):
            _reject(site.sender, number)
        began = time.monotonic()
        with site.sender.running(threads=SENDERS):
            pass
        _until(lambda: len(ats.written) > REJECTIONS)
        return REJECTIONS / (max(ats.written.values()) - began)


def _workers(site: Turmoil) -> list[int]:
    processes = [node.process for node in site.nodes if node.command == "worker"]
    return [process.pid for process in processes if process is not None]


def _singles(folder: Path, server: PostgresServer) -> list[float]:
    """Each when the one before has its link, so that none waits for another."""
    sent: dict[str, float] = {}
    with _site(folder, server) as (site, ats), site.sender.running(threads=1):
        for number in range(SINGLES):
            time.sleep(site.chance.uniform(0.0, 0.2))
            sent[f"c{number}"] = time.monotonic()
            _reject(site.sender, number)
            _until(lambda: len(ats.written) == len(sent) + 1)
    return [ats.written[person] - at for person, at in sent.items()]


def _beside_a_bulk(folder: Path, server: PostgresServer, bulk: int) -> float:
    """Seconds from another connection's single signal to its link, in the thick of the bulk."""
    with _site(folder, server) as (site, ats):
        site.installation.connect_too("other", ats_url=_ats_url(site))
        other = LightSender(site.sender.url.replace("counting", "other"))
        with site.sender.running(threads=SENDERS), other.running(threads=1):
            for number in range(bulk):
                _reject(site.sender, number)
            _until(lambda: len(site.sender.acknowledged) > bulk * 4 // 5)
            began = time.monotonic()
            _reject(other, bulk)
            _until(lambda: f"c{bulk}" in ats.written)
            return ats.written[f"c{bulk}"] - began


@contextmanager
def _site(
    folder: Path, server: PostgresServer, *, workers: int = 2
) -> Iterator[tuple[Turmoil, LightAts]]:
    """Fresh, and warm: a first rejection has its link, so that no start is measured."""
    ats, url = LightAts(), server.create_database()
    chance = random.Random(1)
    with turmoil(
        folder, url=url, workers=workers, chance=chance, ats=ats, relay=False, **AS_INSTALLED
    ) as site:
        site.sender = LightSender(site.sender.url)
        with site.sender.running(threads=1):
            _reject(site.sender, WARM)
        _until(lambda: f"c{WARM}" in ats.written)
        time.sleep(WARM_SECONDS)
        yield site, ats


def _ats_url(site: Turmoil) -> str:
    with site.runtime.database.read() as session:
        return str(session.get_one(Connection, "counting").settings["base_url"])


def _reject(sender: Sender, number: int) -> None:
    found = case(number, ApplicationState.REJECTED, step=1)
    event = ApplicationEvent(
        EventKind.REJECTED, found.changed_at, found.external_id, f"c{number}", found
    )
    sender.send(event, delivery=f"grown-{number}")


def _until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError("the work does not come to its end")
        time.sleep(0.02)
