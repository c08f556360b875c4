"""One installation in this process, reached over HTTP; it may die and rise again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from ...connectors.registry import connector_classes
from ...engine import rehearsal
from ...engine.companies import add_company, change_company
from ...engine.config import Settings, load
from ...engine.connections import ConnectionPlan, add_connection, webhook_url
from ...engine.ingest import Ingest
from ...engine.installation import prepare
from ...engine.rehearsal import Clock, KilledError, RehearsalRuntime
from ...webhook_server import create_app

ACTOR = "rehearsal"
COMPANY = "acme"
CONNECTION = "rehearsal"
SENDER = "saiyo@acme.example.jp"


class House:
    """``rise`` begins a process, ``die`` ends it without a word; the folder outlives both."""

    runtime: RehearsalRuntime

    def __init__(self, folder: Path, *, port: int, smtp_port: int) -> None:
        self.clock = Clock()
        self.deaths = 0
        self._port = port
        self._smtp_port = smtp_port
        self._settings = _settings(folder, port=port, smtp_port=smtp_port)
        prepare(self._settings)

    @contextmanager
    def living(self) -> Iterator[None]:
        """Inside it lives, perhaps several lives."""
        self._rise()
        try:
            yield
        finally:
            self._end()

    def found(
        self, connector: str, *, strategy: str, values: Mapping[str, str], secret: set
    ) -> str:
        """One company with one connection; the address of its web hooks."""
        runtime = self.runtime
        add_company(
            runtime, COMPANY, actor=ACTOR, name="株式会社アクメ", address="東京都港区2-2-2",
            contact_email=SENDER, contact_phone="03-1111-1111", recruiter_name="採用 花子",
            send_from_hour=0, send_until_hour=24, business_days_only=False, batch_size=3,
        )  # fmt: skip
        smtp: dict[str, Any] = {"host": "127.0.0.1", "port": self._smtp_port, "security": "none"}
        change_company(runtime, COMPANY, actor=ACTOR, smtp={**smtp, "sender": SENDER})
        plan = ConnectionPlan(
            strategies=[strategy],
            settings={name: v for name, v in values.items() if name not in secret},
            secrets={name: v for name, v in values.items() if name in secret},
        )
        add_connection(
            runtime, CONNECTION, company=COMPANY, connector=connector, plan=plan, actor=ACTOR
        )
        return webhook_url(runtime, CONNECTION)

    def settle(self, *, die_at: int = 0) -> None:
        """Work, moving the clock on, until nothing is owed and each ATS was asked since.

        ``die_at``: the process dies just after that commit of its worker; another one goes on.
        """
        asked = self.clock()
        self.runtime.ask_ats()
        for _ in range(rehearsal.MOST_TURNS):
            die_at = self._turn(die_at)
            if self.runtime.is_settled(asked):
                return
            self.clock.forward(rehearsal.TURN)
        raise AssertionError(f"still owed: {rehearsal.owed(self.runtime) or 'a poll'}")

    def wait(self, **parts: float) -> None:
        """Time passes and nobody works."""
        self.clock.forward(timedelta(**parts))

    def _turn(self, die_at: int) -> int:
        try:
            with rehearsal.dying(die_at):
                self.runtime.work()
        except KilledError:
            self.deaths += 1
            self._end()
            self._rise()
            return 0
        return die_at

    def _rise(self) -> None:
        """Server and worker. The queue is empty: what the last life owed, the sweep finds."""
        self.runtime = RehearsalRuntime(self._settings, clock=self.clock)
        self._ingest = Ingest(self.runtime)
        app = create_app(self.runtime, ingest=self._ingest)
        self._server = make_server(
            "127.0.0.1", self._port, app, threaded=True, request_handler=_Quiet
        )
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.05,), daemon=True)
        self._thread.start()

    def _end(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._ingest.stop()
        self.runtime.close()


class _Quiet(WSGIRequestHandler):
    """No access log."""

    def log(self, *_: object, **__: object) -> None:
        return None


def _settings(folder: Path, *, port: int, smtp_port: int) -> Settings:
    site = "https://operator.example.jp"
    return load(
        environ={},
        overrides={
            "server": {
                "base_url": f"http://127.0.0.1:{port}",
                "port": port,
                "allow_private_hosts": True,
            },
            "store": {"folder": str(folder)},
            "connectors": {"experimental": ",".join(connector_classes())},
            "operator": {
                "name": "株式会社リレー運営",
                "license_no": "13-ユ-000000",
                "address": "東京都千代田区見本町1-2-3",
                "contact_email": "support@operator.example.jp",
                "contact_phone": "03-0000-0000",
                "privacy_url": f"{site}/privacy",
                "terms_url": f"{site}/terms",
            },
            "mail": {
                "host": "127.0.0.1",
                "port": smtp_port,
                "security": "none",
                "sender": "no-reply@operator.example.jp",
            },
        },
    )
