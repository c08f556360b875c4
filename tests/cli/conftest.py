"""The command line on an installation of a test, and a connector that lists its reasons."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from click.testing import CliRunner

from careerrelay.cli.main import root
from careerrelay.connectors import registry
from careerrelay.connectors.base import Check
from careerrelay.connectors.spec import Capability, Evidence, Setting, Support
from careerrelay.engine import installation
from careerrelay.engine import links as links_module
from careerrelay.engine import polling as polling_module
from careerrelay.engine import runtime as runtime_module
from careerrelay.engine.config import SECTIONS, Settings
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.runtime import Runtime
from careerrelay.models.candidates import Reason, RejectionSide
from tests.support.toy import ToyConnector
from tests.support.world import World


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        """The JSON on stdout."""
        return json.loads(self.stdout)


@dataclass(frozen=True)
class CommandLine:
    """Runs commands with a settings file; an unexpected exit code fails the test."""

    config: Path

    def __call__(
        self,
        *args: str,
        code: int = 0,
        lang: str = "en",
        env: dict[str, str] | None = None,
        text: str | None = None,
    ) -> Answer:
        words = ["--config", str(self.config), "--lang", lang, *args]
        done = CliRunner().invoke(root, words, env=env, input=text)
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return Answer(done.exit_code, done.stdout, done.stderr)

    def data(self, *args: str, **options: Any) -> Any:
        """The JSON of a command."""
        return self(*args, "--json", **options).data


def write_settings(path: Path, sections: dict[str, dict[str, Any]]) -> Path:
    path.write_text(tomli_w.dumps(sections))
    return path


def settings_as_toml(settings: Settings) -> dict[str, dict[str, Any]]:
    """The settings of a runtime, to be read again from a file."""
    return {name: dict(getattr(settings, name)) for name in SECTIONS}


class SharedQueue:
    """The world's queue in a command's hands: what it submits, the world works."""

    def __init__(self, queue: InlineQueue) -> None:
        self.submit = queue.submit
        self.alive = queue.alive
        self.upkeep = queue.upkeep
        self.waiting_since = queue.waiting_since

    def start(self, run: Any) -> None:
        raise AssertionError("a command works no queue")

    def stop(self) -> None:
        """The world goes on."""


BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
"""For tests whose queries or locks could differ; all others run on SQLite only."""


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database: SQLite, or what ``BOTH`` asks for."""
    return request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url")


@pytest.fixture
def cli(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Commands on the world's installation, with its clock, its queue and its toy ATS."""

    def open_runtime(settings: Settings) -> Runtime:
        return Runtime(settings, queue=SharedQueue(world.queue), clock=world.clock)

    monkeypatch.setattr(installation, "Runtime", open_runtime)
    world.runtime.settings.folder.chmod(0o700)
    path = tmp_path / "careerrelay.toml"
    return CommandLine(write_settings(path, settings_as_toml(world.runtime.settings)))


@pytest.fixture
def fresh(tmp_path: Path) -> CommandLine:
    """Commands on nothing yet: a settings file that names an empty folder."""
    sections = {
        "server": {"base_url": "https://relay.example.jp", "allow_private_hosts": True},
        "store": {"folder": str(tmp_path / "data")},
    }
    return CommandLine(write_settings(tmp_path / "careerrelay.toml", sections))


class ReasonToy(ToyConnector):
    """A toy ATS with all that CLI and doctor ask about."""

    listed: Sequence[Reason] = ()
    checks: Sequence[Check] = ()
    spec = replace(
        ToyConnector.spec,
        name="reasontoy",
        title="Reason ATS",
        capabilities={
            **ToyConnector.spec.capabilities,
            Capability.REASONS: Support(Evidence.DOCUMENTED, "https://toy.example/reasons"),
            Capability.ATS_MESSAGE: Support(
                Evidence.MISSING, "https://toy.example", "No endpoint sends mail."
            ),
        },
        settings=(
            *ToyConnector.spec.settings,
            Setting("api_key", "API key of an admin", "管理者のAPIキー", secret=True),
            Setting("region", "Region", "地域", choices=("jp", "us")),
        ),
    )

    def reasons(self) -> Sequence[Reason]:
        return self.listed

    def check(self) -> list[Check]:
        return list(self.checks)


@pytest.fixture
def reason_toy(toys: None, world: World, monkeypatch: pytest.MonkeyPatch) -> type[ReasonToy]:
    """The connector ``reasontoy``, installed beside the others."""
    bound = type("BoundReasonToy", (ReasonToy,), {"vendor": world.vendor})
    before: Callable[[], dict[str, Any]] = registry.connector_classes  # type: ignore[assignment]

    def with_it() -> dict[str, Any]:
        return {**before(), "reasontoy": bound}

    for module in (registry, runtime_module, links_module, polling_module):
        monkeypatch.setattr(module, "connector_classes", with_it)
    bound.listed = (
        Reason("r-skill", "スキル不足", RejectionSide.UNKNOWN),
        Reason("r-left", "他社決定", RejectionSide.CANDIDATE),
    )
    return bound


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """A file with a secret that must never be seen again."""
    path = tmp_path / "secret.txt"
    path.write_text("never-to-be-seen-3141\n")
    return path
