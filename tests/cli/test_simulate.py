"""simulate: vendor-true webhooks, over real HTTP, to the real server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from careerrelay.connectors.registry import connector_class
from careerrelay.engine.ingest import Ingest
from careerrelay.models.tables import ApplicationRecord, Signal
from careerrelay.webhook_server import create_app
from careerrelay.webhook_server.serving import Serving
from tests.cli.conftest import CommandLine
from tests.support.world import World

FIXTURES = Path(__file__).parent.parent / "connectors"
REQUEST = """POST /webhooks/anywhere HTTP/1.1
Content-Type: application/json
X-Toy-Id: sim-1

{
  "kind": "rejected", "occurred_at": "2026-11-04T03:00:00+00:00",
  "application_id": "a1", "candidate_id": "c1",
  "application": {
    "external_id": "a1", "state": "rejected", "changed_at": "2026-11-04T03:00:00+00:00",
    "candidate": {"external_id": "c1", "emails": ["one@example.com"]},
    "reason": {"external_id": "r1", "text": "x", "side": "company"}
  }
}
"""


@pytest.fixture
def server(world: World) -> Iterator[str]:
    """The webhook server of the world's installation, listening."""
    ingest = Ingest(world.runtime)
    serving = Serving(create_app(world.runtime, ingest=ingest), host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=serving.run)
    thread.start()
    yield f"http://127.0.0.1:{serving.port}"
    serving.stop()
    thread.join()
    ingest.stop()


@pytest.fixture
def fixture(tmp_path: Path) -> str:
    path = tmp_path / "rejected.http"
    path.write_text(REQUEST)
    return str(path)


def signals(world: World) -> int:
    with world.runtime.database.read() as session:
        return session.scalar(select(func.count()).select_from(Signal)) or 0


def test_a_signed_webhook_is_taken_and_read(
    cli: CommandLine, world: World, server: str, fixture: str
) -> None:
    answer = cli.data("simulate", "toy", fixture, "--to", server)
    assert answer == [{"url": f"{server}/webhooks/toy", "status": 200, "ok": True}]
    world.work()
    with world.runtime.database.read() as session:
        assert session.scalars(select(ApplicationRecord.external_id)).one() == "a1"


def test_the_same_request_many_times_is_one_signal(
    cli: CommandLine, world: World, server: str, fixture: str
) -> None:
    answers = cli.data("simulate", "toy", fixture, "--to", server, "--times", "3")
    assert [a["status"] for a in answers] == [200, 200, 200]
    assert signals(world) == 1


def test_a_changed_value_is_signed_with_the_rest(
    cli: CommandLine, world: World, server: str, fixture: str
) -> None:
    changes = [
        "application_id=a7",
        "application.external_id=a7",
        "application.candidate.emails.0=x@example.com",
    ]
    options = [part for change in changes for part in ("--set", change)]
    cli("simulate", "toy", fixture, "--to", server, *options)
    world.work()
    with world.runtime.database.read() as session:
        assert session.scalars(select(ApplicationRecord.external_id)).one() == "a7"


def test_a_tampered_request_is_refused_which_is_the_success(
    cli: CommandLine, world: World, server: str, fixture: str
) -> None:
    answer = cli.data("simulate", "toy", fixture, "--to", server, "--tamper")
    assert answer[0]["status"] == 401
    assert answer[0]["ok"] is True
    assert signals(world) == 0


def test_a_server_with_another_secret_makes_it_fail(
    cli: CommandLine, world: World, server: str, fixture: str
) -> None:
    world.connect("other", secrets={"webhook_secret": "another-secret"})
    url = f"{server}/webhooks/other"
    assert cli.data("simulate", "toy", fixture, "--to", url, code=1)[0]["status"] == 401


def test_a_vendors_own_fixture_is_taken(cli: CommandLine, world: World, server: str) -> None:
    world.connect("gh", connector="greenhouse", settings={"client_id": "c", "acting_user_id": "1"},
                  secrets={"webhook_secret": "s", "client_secret": "s"})  # fmt: skip
    path = FIXTURES / "greenhouse" / "fixtures" / "reject_candidate.http"
    assert cli.data("simulate", "gh", str(path), "--to", server)[0]["ok"] is True


@pytest.mark.parametrize(
    ("extra", "code", "told"),
    [
        (["--set", "nope.deep=1"], 2, "the body has no such place"),
        (["--set", "application.candidate.emails.5=x"], 2, "the body has no such place"),
        (["--to", "ftp://x"], 2, "--to must be"),
        (["--to", "http://127.0.0.1:1"], 1, "gave no answer"),
    ],
)
def test_what_cannot_be_sent_is_told(
    cli: CommandLine, fixture: str, extra: list[str], code: int, told: str
) -> None:
    assert told in cli("simulate", "toy", fixture, *extra, code=code).stderr


def test_a_file_that_is_no_request_and_unknown_samples_are_told(
    cli: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "x.http"
    path.write_text("{}")
    assert "no stored request" in cli("simulate", "toy", str(path), code=2).stderr
    assert "samples: none" in cli("simulate", "toy", "no_such_event", code=1).stderr
    assert "samples: none" in cli("simulate", "toy", code=1).stderr


def test_an_ats_without_webhooks_has_nothing_to_simulate(
    cli: CommandLine, world: World, fixture: str
) -> None:
    world.connect("hp", connector="herp", secrets={"api_key": "k"})
    assert "sends no webhooks" in cli("simulate", "hp", fixture, code=1).stderr
    assert "sends no webhooks" in cli("simulate", "hp", code=1).stderr


def samples() -> list[tuple[str, str]]:
    return [
        (path.parent.parent.name, path.stem)
        for path in sorted(FIXTURES.parent.parent.glob("connectors/*/samples/*.http"))
    ]


@pytest.mark.parametrize(("connector", "event"), samples())
def test_every_sample_that_a_connector_brings_is_taken(
    cli: CommandLine,
    world: World,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
    connector: str,
    event: str,
) -> None:
    """Also one that was captured long ago: its times and signatures are made anew."""
    values = json.loads((FIXTURES / connector / "settings.json").read_text())
    declared = {s.name: s for s in connector_class(connector).spec.settings}
    plain = {n: v for n, v in values.items() if not declared[n].secret}
    secrets = {n: v for n, v in values.items() if declared[n].secret}
    world.connect("try", connector=connector, settings=plain, secrets=secrets)
    if connector_class(connector).spec.experimental:
        monkeypatch.setitem(world.runtime.settings.connectors, "experimental", connector)
        monkeypatch.setenv("CAREERRELAY_CONNECTORS_EXPERIMENTAL", connector)
    assert cli.data("simulate", "try", event, "--to", server)[0]["ok"] is True
    assert event in cli("simulate", "try", code=1).stderr
