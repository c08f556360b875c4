"""The same story on every connector found, with the real engine, faults and a killed worker."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from careerrelay.cli.rehearsal import rehearse
from careerrelay.connectors import (
    Application,
    Capability,
    ConfigurationError,
    Connector,
    RegistrationReport,
    connector_classes,
)
from careerrelay.connectors.scaffold import TEMPLATE
from careerrelay.connectors.testing import Story
from careerrelay.connectors.testing.story import story_says_what_it_lacks

HERE = Path(__file__).parent
BULK = 12
"""Two hundred in ``make bench``."""

template = importlib.import_module("careerrelay.connectors._template")
standin = importlib.import_module("careerrelay.connectors._template.standin")

BUILT_IN = {
    name: connector
    for name, connector in connector_classes().items()
    if connector.__module__.startswith("careerrelay.connectors.")
    and (connector.spec.can(Capability.WEBHOOK) or connector.spec.can(Capability.POLL))
}
"""Those that speak HTTP; the files of the others are played in ``tests/engine/sheets``."""


@pytest.mark.parametrize("name", BUILT_IN)
def test_story_ends_exactly_right(name: str, tmp_path: Path) -> None:
    played = rehearse(BUILT_IN[name], folder=tmp_path / "it", bulk=BULK, examples=HERE / name)
    assert (played.deaths, played.refused) == (2, 0)


def test_files_have_no_ats_to_rehearse_with(tmp_path: Path) -> None:
    files = connector_classes()["csv_bridge"]
    with pytest.raises(ConfigurationError, match="csv import --dry-run"):
        rehearse(files, folder=tmp_path / "it", bulk=BULK)


@pytest.fixture
def as_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """The template is a connector like any other."""
    registry = importlib.import_module("careerrelay.connectors.registry")
    found = {**connector_classes(), "template": template.CONNECTOR}
    askers = ("links", "metrics", "polling", "runtime", "sheets.folder")
    engine = (importlib.import_module(f"careerrelay.engine.{name}") for name in askers)
    for module in (registry, *engine):
        monkeypatch.setattr(module, "connector_classes", lambda: found)


@pytest.mark.usefixtures("as_template")
def test_template_plays_the_story(tmp_path: Path) -> None:
    played = rehearse(
        template.CONNECTOR, folder=tmp_path / "it", bulk=BULK, examples=TEMPLATE / "fixtures"
    )
    assert (played.connector, played.strategy) == ("template", "static_link")


class WritesAgain(template.CONNECTOR):
    """Adds its note without looking whether it is there."""

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        self._add_note(application.external_id, report.text)


class ReportsNothing(template.CONNECTOR):
    """Says that it did."""

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        self._notes(application.external_id)


@pytest.mark.usefixtures("as_template")
@pytest.mark.parametrize(
    ("broken", "message"),
    [(WritesAgain, "is noted [2-9] times"), (ReportsNothing, "stands nowhere")],
)
def test_broken_connector_is_caught(
    broken: type[Connector], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector_classes_ = importlib.import_module("careerrelay.engine.runtime").connector_classes
    registry = importlib.import_module("careerrelay.connectors.registry")
    found = {**connector_classes_(), "template": broken}
    monkeypatch.setattr(registry, "connector_classes", lambda: found)
    with pytest.raises(AssertionError, match=message):
        rehearse(broken, folder=tmp_path / "it", bulk=BULK, story=standin.story)


class Lacking(Story):
    """Has no way to withdraw, and does not say so."""

    def unreject(self, case: str) -> None:
        raise AssertionError(case)

    def erase(self, case: str) -> None:
        raise AssertionError(case)


class SaysWhy(Lacking):
    missing: ClassVar[Mapping[str, str]] = {"withdraw": "The ATS knows no withdrawals."}


class SaysTooMuch(SaysWhy):
    missing: ClassVar[Mapping[str, str]] = {**SaysWhy.missing, "erase": "Nothing is ever deleted."}


class SaysWrong(SaysWhy):
    missing: ClassVar[Mapping[str, str]] = {**SaysWhy.missing, "reject": "Nobody is rejected."}


def test_story_that_lacks_something_says_why() -> None:
    story_says_what_it_lacks(SaysWhy())


@pytest.mark.parametrize(
    ("story", "message"),
    [
        (Lacking, r"no withdraw\(\)"),
        (SaysTooMuch, "says that the ATS has not"),
        (SaysWrong, "which every ATS has"),
    ],
)
def test_story_that_lacks_something_in_silence_is_refused(story: type[Story], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        story_says_what_it_lacks(story())
