"""The mail relay against Postfix's acceptance, and what memory many large mails take.

Postfix's own ``smtp-source`` sends: twenty sessions at once, a connection for each mail. Postfix
writes each mail into its queue and leaves it there; the relay, a process for each core as Postfix
has, puts the link in, hands the mail on to ``smtp-sink`` and answers with its answer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.mails import letter, shapes
from bench.processes import child
from bench.relay_server import MEMORY
from bench.results import Result, compared, middle
from tests.support.mailbox import free_port
from tests.support.postfix import running_postfix, why_no_postfix

ROUNDS = 3
SESSIONS = 20
INSTALL = Path(__file__).parents[1] / ".ci" / "system-packages"
COPIES = 4
"""Times a mail may stand in memory while it passes: what RelaySettings says of memory_bytes."""
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Load:
    """``mails`` in a round, each ``message``; ``target`` is about mails in a second."""

    name: str
    message: bytes
    mails: int
    target: str


def compare() -> list[Result]:
    """Mails in a second, in interleaved rounds; then the memory."""
    subprocess.run([str(INSTALL), "postfix=/usr/sbin/postfix"], check=True)
    if reason := why_no_postfix():
        print(f"the relay is not measured: {reason}", file=sys.stderr)
        return []
    loads = (
        Load("5 kB", letter(5_000), 400, ">= 1"),
        Load("73 kB", shapes()["50 kB newsletter"], 200, ">= 0.5"),
    )
    with sink() as port, _relays(port) as relay:
        results = [_compared(load, relay) for load in loads]
    return [*results, measure_memory()]


@contextmanager
def _relays(next_hop: int) -> Iterator[int]:
    """One for each core, on one port, as ``careerrelay relay`` runs on PostgreSQL."""
    with ExitStack() as stack:
        port, _ = stack.enter_context(child("bench.relay_server", next_hop))
        for _ in range(1, os.cpu_count() or 1):
            stack.enter_context(child("bench.relay_server", next_hop, port))
        yield int(port)


def _compared(load: Load, relay: int) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        mail = Path(folder) / "mail"
        mail.write_bytes(load.message.replace(b"\r\n", b"\n"))
        rounds = []
        for _ in range(ROUNDS):
            # A new queue each time: what is left in it would slow the next round down.
            with running_postfix() as postfix:
                peer = sent(mail, port=postfix.port, mails=load.mails)
            rounds.append((sent(mail, port=relay, mails=load.mails), peer))
    return compared(
        f"relay with injection, against acceptance by Postfix: {load.name}, 1/s",
        ours=middle([ours for ours, _ in rounds]),
        peer=middle([peer for _, peer in rounds]),
        target=load.target,
    )


def sent(mail: Path, *, port: int, mails: int, sessions: int = SESSIONS) -> float:
    """How many a second were taken. Raises where one was not."""
    began = time.perf_counter()
    subprocess.run(
        [
            "smtp-source", "-s", str(sessions), "-m", str(mails), "-F", str(mail),
            "-f", "hr@example.com", "-t", "hanako@example.com", f"inet:127.0.0.1:{port}",
        ],
        check=True,
    )  # fmt: skip
    return mails / (time.perf_counter() - began)


@contextmanager
def sink() -> Iterator[int]:
    """A server that takes every mail and keeps none."""
    port = free_port()
    process = subprocess.Popen(["smtp-sink", "-u", "nobody", f"inet:127.0.0.1:{port}", "200"])
    try:
        yield port
    finally:
        process.terminate()
        process.wait(30)


def measure_memory() -> Result:
    """More large mails at once than are let in, against the bound that the settings promise."""
    bound = MEMORY * COPIES
    with tempfile.TemporaryDirectory() as folder:
        mail = Path(folder) / "mail"
        mail.write_bytes(shapes()["5 MB attachment"].replace(b"\r\n", b"\n"))
        with sink() as port, child("bench.relay_server", port) as (relay, process):
            before = peak_bytes(process)
            sent(mail, port=int(relay), mails=80, sessions=40)
            grown = peak_bytes(process) - before
    return compared(
        "relay: memory that 40 mails of 7 MB at once take, against its bound, MB",
        ours=grown / MEGABYTE,
        peer=bound / MEGABYTE,
        target="<= 1",
    )


def peak_bytes(process: int) -> int:
    """The most memory that the process has had. https://man7.org/linux/man-pages/man5/proc.5.html"""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) << 10


if __name__ == "__main__":
    from bench.results import table

    print(table(compare()))
