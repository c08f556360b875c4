"""A process that works the queue as a worker does, and writes down what ran, and when.

    python -m bench.queue_worker URL FILE

What a job does, the first word of its subject says: ``long`` takes ten seconds, ``chain`` puts
its next link in, due in a second, the rest does nothing. Each line of FILE, which survives any
kill, is ``began`` or ``ended``, the subject, and the moment.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from careerrelay.engine.dbos_queue import DbosQueue
from careerrelay.engine.queue import Job
from careerrelay.engine.runtime import utcnow
from careerrelay.models.database import Database

TASK = "bench"
LEASE = timedelta(seconds=5)
TICK_SECONDS = 1.0
LONG_SECONDS = 10.0
"""Longer than another worker takes to begin."""
LINKS = 3


def open_queue(database: Database) -> DbosQueue:
    """As a worker of ours has it, with a shorter lease."""
    return DbosQueue(database, lease=LEASE, clock=utcnow)


def main(url: str, file: Path) -> None:
    """Work until killed."""
    database = Database(url)
    queue, lock = open_queue(database), threading.Lock()

    def say(word: str, subject: str) -> None:
        with lock, file.open("a") as lines:
            lines.write(f"{word} {subject} {time.time()}\n")

    def run(job: Job) -> None:
        for subject in job.subjects:
            say("began", subject)
            kind, _, number = subject.partition("-")
            if kind == "long":
                time.sleep(LONG_SECONDS)
            if kind == "chain" and int(number) < LINKS:
                link = Job(TASK, (f"chain-{int(number) + 1}",), 1)
                with database.begin() as session:
                    queue.submit(session, link, delay=timedelta(seconds=1))
            say("ended", subject)

    queue.start(run)
    print("at work", flush=True)
    while True:
        queue.upkeep(utcnow())
        time.sleep(TICK_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
