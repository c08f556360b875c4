"""A fresh installation of real processes: its folder, its environment, its company."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from careerrelay.engine.config import Settings, load
from careerrelay.engine.installation import prepare
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.runtime import Runtime, utcnow
from careerrelay.engine.service import TASKS
from careerrelay.models.tables import Heartbeat, WorkState
from tests.disaster.nodes import Gunicorn, Node, wait_until
from tests.support.mailbox import free_port
from tests.support.toy import ToyVendor
from tests.support.world import Clock, World

BEFORE_ALL = timedelta(hours=2)


@dataclass
class Installation:
    """Where everything is; ``nodes`` share it."""

    folder: Path
    environment: Mapping[str, str]
    url: str

    @property
    def settings(self) -> Settings:
        return load(environ=self.environment)

    def node(self, command: str, *, number: int = 0) -> Node:
        log = self.folder / f"{command}-{number}.log"
        if command == "gunicorn":
            return Gunicorn(command, self.environment, log, self.url)
        return Node(command, self.environment, log, self.url if command == "serve" else "")

    def found(self, *, ats_url: str, company: Mapping[str, Any], **connection: Any) -> None:
        """Prepare it, and enter one company with one connection, begun two hours ago."""
        prepare(self.settings)
        clock = Clock(datetime.now(UTC) - BEFORE_ALL)
        runtime = Runtime(self.settings, queue=InlineQueue(clock), clock=clock)
        try:
            world = World(runtime, clock, ToyVendor())
            world.add_company(
                send_from_hour=0, send_until_hour=24, business_days_only=False, **company
            )
            world.connect(
                "counting", connector="counting", settings={"base_url": ats_url}, **connection
            )
        finally:
            runtime.close()

    def connect_too(self, id_: str, *, ats_url: str) -> None:
        """One more connection of the company to the same ATS."""
        clock = Clock(datetime.now(UTC) - BEFORE_ALL)
        runtime = Runtime(self.settings, queue=InlineQueue(clock), clock=clock)
        try:
            World(runtime, clock, ToyVendor()).connect(
                id_, connector="counting", settings={"base_url": ats_url}
            )
        finally:
            runtime.close()

    def look(self) -> Runtime:
        """A runtime to look with; its queue runs nothing."""
        return Runtime(self.settings, queue=InlineQueue(utcnow))


def fresh(folder: Path, *, python_path: str, url: str = "", **settings: str) -> Installation:
    """``settings`` as in ``CAREERRELAY_<SETTING>``; without ``url`` it is on SQLite."""
    port = free_port()
    answering = f"http://127.0.0.1:{port}"
    named = {
        "SERVER_BASE_URL": answering,
        "SERVER_PORT": str(port),
        "SERVER_ALLOW_PRIVATE_HOSTS": "true",
        "SERVER_TRUSTED_PROXIES": "1",
        "STORE_FOLDER": str(folder / "data"),
        "STORE_URL": url,
        "OPERATOR_NAME": "株式会社リレー運営",
        "OPERATOR_LICENSE_NO": "13-ユ-000000",
        "OPERATOR_ADDRESS": "東京都千代田区1-1-1",
        "OPERATOR_CONTACT_EMAIL": "help@operator.example.jp",
        "OPERATOR_PRIVACY_URL": "https://operator.example.jp/privacy",
        "OPERATOR_TERMS_URL": "https://operator.example.jp/terms",
        "MAIL_SENDER": "no-reply@operator.example.jp",
        "MAIL_SECURITY": "none",
        # So that what a dead process left is found within a test's patience.
        "WORK_SWEEP_SECONDS": "3",
        "WORK_LEASE_SECONDS": "3",
        **settings,
    }
    environment = {f"CAREERRELAY_{name}": value for name, value in named.items()}
    folder.mkdir(exist_ok=True)
    return Installation(folder, environment | {"PYTHONPATH": python_path}, answering)


def owed(runtime: Runtime) -> list[str]:
    """Work that is still due, as ``table:id``."""
    with runtime.database.read() as session:
        return [
            f"{task.row.__tablename__}:{id_}"
            for task in TASKS.values()
            for id_ in session.scalars(
                select(task.row.id).where(task.row.state == WorkState.DUE.value)
            )
        ]


def rest(runtime: Runtime) -> None:
    """Wait until nothing is owed."""
    try:
        wait_until(lambda: not owed(runtime), what="all owed work is done")
    except AssertionError as error:
        raise AssertionError("\n".join((str(error), *_left(runtime)))) from None


def _left(runtime: Runtime) -> Iterator[str]:
    """Of each row that is still owed what tells why nobody does it."""
    names = ("due_at", "attempts", "crashes", "running_since", "running_by", "error_code")
    with runtime.database.read() as session:
        for task in TASKS.values():
            due = select(task.row).where(task.row.state == WorkState.DUE.value)
            for row in session.scalars(due).unique():
                told = ", ".join(f"{name} {getattr(row, name)}" for name in names)
                yield f"{task.row.__tablename__}:{row.id}: {told}"
        for beat in session.scalars(select(Heartbeat)):
            yield f"heartbeat of {beat.executor_id}: {beat.beat_at}; it is {utcnow()}"


def rows(runtime: Runtime, row: type[Any]) -> Sequence[Any]:
    with runtime.database.read() as session:
        return session.scalars(select(row)).unique().all()
