"""A whole installation without processes: real database, keys and engine; queue in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from careerrelay.engine.config import load
from careerrelay.engine.ingest import store_signals
from careerrelay.engine.keys import KeyFile
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.runtime import Runtime, secret_place
from careerrelay.engine.service import Service
from careerrelay.engine.signals import signal_row
from careerrelay.models.candidates import (
    Application,
    ApplicationState,
    Candidate,
    Channel,
    Job,
    Reason,
    RejectionSide,
    Stage,
)
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Company, Connection
from tests.support.toy import SECRET, ToyVendor, toy_webhook

START = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
"""A Wednesday noon in Tokyo, inside the sending hours."""

KINDS = {
    ApplicationState.ACTIVE: EventKind.APPLIED,
    ApplicationState.REJECTED: EventKind.REJECTED,
    ApplicationState.WITHDRAWN: EventKind.WITHDRAWN,
    ApplicationState.HIRED: EventKind.HIRED,
}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **parts: float) -> None:
        self.now += timedelta(**parts)


def open_runtime(
    url: str,
    folder: Path,
    *,
    clock: Callable[[], datetime],
    queue: Any = None,
    **sections: dict[str, Any],
) -> Runtime:
    """A runtime on a migrated database; ``sections`` override settings."""
    overrides: dict[str, dict[str, Any]] = {
        "server": {"base_url": "https://relay.example.jp", "allow_private_hosts": True},
        "store": {"folder": str(folder), "url": url},
        "operator": {
            "name": "株式会社リレー運営",
            "license_no": "13-ユ-000000",
            "address": "東京都千代田区1-1-1",
            "contact_email": "help@operator.example.jp",
            "contact_phone": "03-0000-0000",
            "privacy_url": "https://operator.example.jp/privacy",
            "terms_url": "https://operator.example.jp/terms",
        },
        "mail": {"sender": "no-reply@operator.example.jp", "security": "none"},
    }
    for name, values in sections.items():
        overrides.setdefault(name, {}).update(values)
    settings = load(environ={}, overrides=overrides)
    keys = KeyFile(settings.key_file)
    if not settings.key_file.exists():
        keys.create()
    return Runtime(settings, queue=queue, clock=clock)


@dataclass
class World:
    """One installation with one company; ``connect`` adds its connection."""

    runtime: Runtime
    clock: Clock
    vendor: ToyVendor
    delivered: int = field(default=0)

    @property
    def queue(self) -> InlineQueue:
        queue = self.runtime.queue
        assert isinstance(queue, InlineQueue)
        return queue

    def add_company(self, id_: str = "acme", **values: Any) -> None:
        with self.runtime.database.begin() as session:
            session.add(
                Company(
                    id=id_,
                    name=values.pop("name", "株式会社アクメ"),
                    recruiter_name="採用 花子",
                    address="東京都港区2-2-2",
                    contact_email="saiyo@acme.example.jp",
                    contact_phone="03-1111-1111",
                    created_at=self.clock(),
                    **values,
                )
            )

    def connect(
        self,
        id_: str = "toy",
        *,
        connector: str = "toy",
        strategies: tuple[str, ...] = ("field_token",),
        settings: dict[str, str] | None = None,
        secrets: dict[str, str] | None = None,
        company: str = "acme",
    ) -> None:
        vault = self.runtime.vault
        plain = {"webhook_secret": SECRET} if secrets is None else secrets
        sealed = {k: vault.seal(v, place=secret_place(id_, k)) for k, v in plain.items()}
        with self.runtime.database.begin() as session:
            session.add(
                Connection(
                    id=id_,
                    company_id=company,
                    connector=connector,
                    strategies=list(strategies),
                    settings=settings or {},
                    secrets=sealed,
                    created_at=self.clock(),
                )
            )

    def application(self, number: int, state: ApplicationState, **values: Any) -> Application:
        """Person ``number``'s case in the toy ATS, as it stands now."""
        reason = Reason("r1", "経験不足", RejectionSide.COMPANY)
        found = Application(
            external_id=f"a{number}",
            candidate=Candidate(
                f"c{number}",
                (f"person{number}@example.com",),
                family_name="応募",
                given_name=f"太郎{number}",
                locale="ja",
            ),
            state=state,
            changed_at=values.pop("changed_at", self.clock()),
            job=Job("j1", "営業職"),
            reason=values.pop("reason", reason if state is ApplicationState.REJECTED else None),
            stage=Stage.DOCUMENTS,
            channel=Channel.DIRECT,
            **values,
        )
        self.vendor.applications[found.external_id] = found
        return found

    def hear(self, event: ApplicationEvent, *, connection: str = "toy", delivery: str = "") -> None:
        """The webhook arrives and is stored; ``work`` reads it."""
        self.delivered += 1
        id_ = delivery or f"d{self.delivered}"
        row = signal_row(self.runtime, connection, id_, toy_webhook(event, delivery=id_))
        row["received_at"] = row["due_at"] = self.clock()
        with self.runtime.database.begin() as session:
            store_signals(self.runtime, session, [row])

    def tell(
        self, application: Application, *, connection: str = "toy", delivery: str = ""
    ) -> None:
        """A webhook about a case as it stands."""
        event = ApplicationEvent(
            KINDS[application.state],
            application.changed_at,
            application.external_id,
            application.candidate.external_id,
            application,
        )
        self.hear(event, connection=connection, delivery=delivery)

    def apply(self, number: int, **values: Any) -> Application:
        application = self.application(number, ApplicationState.ACTIVE, **values)
        self.tell(application)
        return application

    def reject(self, number: int, **values: Any) -> Application:
        application = self.application(number, ApplicationState.REJECTED, **values)
        self.tell(application)
        return application

    def work(self) -> int:
        """Run all that is due; returns how many jobs ran."""
        return self.queue.drain()

    def service(self) -> Service:
        return Service(self.runtime)
