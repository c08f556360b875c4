"""The suite fails where it should: calls that are not as documented, effects that double."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from careerrelay.connectors import (
    Application,
    Capability,
    Connector,
    Evidence,
    PollPage,
    RegistrationReport,
    Support,
    join_url,
)
from careerrelay.connectors.testing import Scene

from .breaking import EXAMPLES, SPEC, Good, caught, spoil, webhook


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A copy of the template's examples, to spoil."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))


class Calls(Good):
    """Fetches in a way that a subclass spoils; lets the PayloadError of an odd answer out."""

    headers: Mapping[str, str] = {}
    path = "applications"
    params: Mapping[str, str] = {}
    told: Mapping[str, str] = {"permission": "applications:read", "setting": "api_key"}

    def fetch_application(self, application_id: str) -> Application:
        answer = self.http.request(
            "GET",
            join_url(self.settings["api_url"], self.path, application_id),
            operation="get an application",
            headers={"Authorization": f"Bearer {self.settings['api_key']}", **self.headers},
            params=self.params,
            permission=self.told.get("permission", ""),
            setting=self.told.get("setting", ""),
        )
        return webhook.application_from(webhook.ApplicationSchema().read(answer.json()))


class OtherAddress(Calls):
    """Knows the vendor's address by heart."""

    def fetch_application(self, application_id: str) -> Application:
        self.settings = {**self.settings, "api_url": "https://api.example.com/ats/v1"}
        return super().fetch_application(application_id)


class AsksTwice(Calls):
    """Makes one call too many."""

    def fetch_application(self, application_id: str) -> Application:
        super().fetch_application(application_id)
        return super().fetch_application(application_id)


class NeverAsks(Calls):
    """Makes the answer up."""

    def fetch_application(self, application_id: str) -> Application:
        return webhook.application_from({})


def spoilt_call(**attributes: Any) -> type[Connector]:
    return type("Spoilt", (Calls,), attributes)


@pytest.mark.parametrize(
    ("connector", "check", "message"),
    [
        (spoilt_call(path="people"), "says_what_the_vendor_documents", "the URL"),
        (spoilt_call(params={"a": "1"}), "says_what_the_vendor_documents", "the query"),
        (spoilt_call(headers={"X-More": "1"}), "says_what_the_vendor_documents", "x-more"),
        (
            spoilt_call(headers={"Authorization": "Basic x"}),
            "says_what_the_vendor_documents",
            "authorization",
        ),
        (AsksTwice, "says_what_the_vendor_documents", "one request too many"),
        (NeverAsks, "says_what_the_vendor_documents", "KeyError"),
        (Calls, "odd_answers_are_no_surprise", "PayloadError"),
        (Calls, "bad_answers_become_the_right_error", "null at step 1: PayloadError"),
        (OtherAddress, "goes_where_the_settings_point", "the URL"),
        (spoilt_call(told={"setting": "api_key"}), "bad_answers_become_the_right_error", "403"),
        (
            spoilt_call(told={"permission": "applications:read"}),
            "bad_answers_become_the_right_error",
            "401",
        ),
        (
            spoilt_call(told={"permission": "api-key-for-tests", "setting": "api_key"}),
            "bad_answers_become_the_right_error",
            "quotes the secret api_key",
        ),
    ],
)
def test_call_that_is_not_as_documented_is_caught(
    connector: type[Connector], check: str, message: str
) -> None:
    assert message in caught(connector, check)[check]


class ReadsNothingBack(Good):
    """Takes a sign-in page for a note that was written."""

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        case, api = application.external_id, self._api  # type: ignore[attr-defined]
        if not any(report.marker in note for note in self._notes(case)):  # type: ignore[attr-defined]
            body = {"text": report.text}
            api.call("POST", ("applications", case, "notes"), operation="add a note", json=body)


class ChecksCarelessly(Good):
    """Finds everything fine, whatever happens."""

    def check(self) -> list[Any]:
        return []


class ChecksByRaising(Good):
    """Leaves doctor without an answer."""

    def check(self) -> list[Any]:
        self.fetch_application("0")
        return []


@pytest.mark.parametrize(
    ("connector", "message"),
    [
        (ReadsNothingBack, "html at step 2"),
        (ChecksCarelessly, "the step was never reached"),
        (ChecksByRaising, "check() raised"),
    ],
)
def test_bad_answer_that_goes_unnoticed_is_caught(connector: type[Connector], message: str) -> None:
    check = "bad_answers_become_the_right_error"
    assert message in caught(connector, check)[check]


def test_exchange_that_was_not_finished_is_caught(examples: Path) -> None:
    path = examples / "api" / "report_registration__already_there.json"
    data = json.loads(path.read_text())
    data["steps"].append(data["steps"][0])
    path.write_text(json.dumps(data))
    failures = caught(type("Same", (Good,), {}), "says_what", examples=examples)
    assert "the requests sent" in failures["says_what_the_vendor_documents"]


def test_wrong_result_is_caught(examples: Path) -> None:
    path = examples / "api" / "fetch_application.json"
    returns = json.loads(path.read_text())["returns"]
    spoil(path, returns={**returns, "state": "hired"})
    failures = caught(type("Same", (Good,), {}), "says_what", examples=examples)
    assert ".state" in failures["says_what_the_vendor_documents"]


def test_error_that_does_not_come_is_caught(examples: Path) -> None:
    spoil(examples / "api" / "fetch_application.json", raises="ApiNotFoundError")
    failures = caught(type("Same", (Good,), {}), "says_what", examples=examples)
    assert "the errors differ" in failures["says_what_the_vendor_documents"]


# Effects


class WritesAgain(Good):
    """Adds a note without looking."""

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        self._notes(application.external_id)  # type: ignore[attr-defined] - the template's own
        self._add_note(application.external_id, report.text)  # type: ignore[attr-defined]


class WritesNothing(Good):
    """Looks, and leaves it at that."""

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        self._notes(application.external_id)  # type: ignore[attr-defined]


class WritesWhileReading(Good):
    """Leaves a note behind whenever it looks."""

    def fetch_application(self, application_id: str) -> Application:
        self._add_note(application_id, "seen")  # type: ignore[attr-defined]
        return super().fetch_application(application_id)


@pytest.mark.parametrize(
    ("connector", "checks"),
    [
        (WritesAgain, {"writing_twice_is_writing_once", "lost_answers_double_nothing"}),
        (WritesNothing, {"writing_twice_is_writing_once"}),
        (WritesWhileReading, {"reading_changes_nothing"}),
    ],
)
def test_writing_too_much_or_too_little_is_caught(
    connector: type[Connector], checks: set[str]
) -> None:
    assert checks <= set(caught(connector))


def test_connector_without_a_scene_is_caught() -> None:
    failures = caught(type("Same", (Good,), {}), scene=lambda: _no_scene())
    assert "no scene" in failures["writing_twice_is_writing_once"]


def _no_scene() -> Scene:
    raise AssertionError("no scene")


def test_polling_is_examined_as_well() -> None:
    class Polls(Good):
        spec = dataclasses.replace(
            SPEC,
            capabilities={
                **SPEC.capabilities,
                Capability.POLL: Support(Evidence.DOCUMENTED, SPEC.docs_url),
            },
        )

        def poll(self, cursor: Mapping[str, Any]) -> PollPage:
            self._add_note("1", "polled")  # type: ignore[attr-defined]
            return PollPage((), {})

        def reasons(self) -> Sequence[Any]:
            return ()

    failures = caught(Polls)
    assert "no api/*.json calls poll" in failures["every_capability_has_an_exchange"]
    assert "a read changed" in failures["reading_changes_nothing"]
