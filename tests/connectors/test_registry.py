"""Finding connectors and opening one with a company's settings."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import careerrelay.connectors.registry as registry
from careerrelay import connectors
from careerrelay.connectors import (
    ConfigurationError,
    Connector,
    HttpClient,
    MemoryTokens,
    Setting,
    connector_class,
    connector_classes,
    open_connector,
)
from careerrelay.connectors.scaffold import create


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of connectors beside our own, with the template's copy ``acme`` in it."""
    create("acme", title="Acme", into=tmp_path / "more", tests_into=tmp_path / "tests")
    monkeypatch.setattr(connectors, "__path__", [*connectors.__path__, str(tmp_path / "more")])
    connector_classes.cache_clear()
    yield tmp_path / "more"
    connector_classes.cache_clear()
    for name in [m for m in sys.modules if m.startswith("careerrelay.connectors.acme")]:
        del sys.modules[name]


def plug_in(monkeypatch: pytest.MonkeyPatch, *entries: EntryPoint) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda *, group: entries)
    connector_classes.cache_clear()


SETTINGS = {"webhook_secret": "w", "api_key": "k"}


def test_every_folder_is_found_but_the_kits_own(folder: Path) -> None:
    found = connector_classes()
    assert "acme" in found
    assert not {"testing", "template", "_template"} & set(found)


def test_connectors_are_looked_for_once(folder: Path) -> None:
    assert connector_classes() is connector_classes()


def test_built_in_connectors_are_there() -> None:
    assert {"greenhouse", "herp", "lever"} <= set(connector_classes())


def test_unknown_name_lists_what_there_is(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="no connector 'nosuch'; installed: acme, "):
        connector_class("nosuch")


def test_two_of_one_name_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("acme", "careerrelay.connectors.acme:CONNECTOR", registry.GROUP)
    plug_in(monkeypatch, entry)
    with pytest.raises(ConfigurationError, match="two connectors are called 'acme'"):
        connector_classes()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no_such_package:Connector", "cannot be loaded"),
        ("careerrelay.connectors:NoSuchName", "cannot be loaded"),
        ("careerrelay.connectors:Setting", "names no Connector class as 'other'"),
        ("careerrelay.connectors:read_json", "names no Connector class"),
        ("careerrelay.connectors.acme:CONNECTOR", "the spec is called 'acme', not 'other'"),
    ],
)
def test_broken_plug_in_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    plug_in(monkeypatch, EntryPoint("other", value, registry.GROUP))
    with pytest.raises(ConfigurationError, match=message):
        connector_classes()


def test_folder_without_a_connector_is_named(folder: Path) -> None:
    (folder / "empty_one").mkdir()
    (folder / "empty_one" / "__init__.py").write_text("")
    with pytest.raises(ConfigurationError, match="connectors/empty_one names no Connector"):
        connector_classes()
    del sys.modules["careerrelay.connectors.empty_one"]


def test_opening_fills_defaults_and_trims(folder: Path) -> None:
    opened = open_connector("acme", {**SETTINGS, "api_key": " k\n"})
    assert opened.settings == {**SETTINGS, "api_url": "https://api.example.com/ats/v1"}


def test_opening_hands_over_client_tokens_and_clock(folder: Path) -> None:
    http, tokens = HttpClient("acme"), MemoryTokens()
    opened = open_connector("acme", SETTINGS, http=http, tokens=tokens)
    assert (opened.http, opened.tokens) == (http, tokens)
    assert opened.clock().tzinfo is not None
    http.close()


def test_every_fault_is_named_at_once(folder: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_connector("acme", {"api_key": " ", "colour": "red"})
    assert str(caught.value) == (
        "colour is not a setting of Acme; webhook_secret is missing; api_key is missing"
    )


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://api.example.com", "api_url must start with https://"),
        ("api.example.com", "api_url must be an absolute"),
        ("https://u:p@api.example.com", "api_url must not hold a user name"),
        ("https://api.example.com/?a=1", "api_url must end before any"),
        ("https://api.example.com/#a", "api_url must end before any"),
    ],
)
def test_address_that_cannot_work_is_refused_when_typed(
    folder: Path, address: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        open_connector("acme", {**SETTINGS, "api_url": address})


def test_plain_http_is_taken_where_the_installation_allows_private_addresses(
    folder: Path,
) -> None:
    http = HttpClient("acme", allow_private=True)
    settings = {**SETTINGS, "api_url": "http://127.0.0.1:8080"}
    assert open_connector("acme", settings, http=http).settings["api_url"].endswith("8080")
    http.close()


def test_value_outside_the_choices_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls: type[Connector] = connector_class("acme")
    choice = Setting("region", help="", help_ja="", default="jp", choices=("jp", "us"))
    spec = dataclasses.replace(cls.spec, settings=(*cls.spec.settings, choice))
    monkeypatch.setattr(cls, "spec", spec)
    assert open_connector("acme", SETTINGS).settings["region"] == "jp"
    with pytest.raises(ConfigurationError, match="region must be one of jp, us"):
        open_connector("acme", {**SETTINGS, "region": "eu"})


def test_a_dash_empties_what_has_a_default_and_may_be_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls: type[Connector] = connector_class("acme")
    more = (
        Setting("tags", help="", help_ja="", required=False, default="agency"),
        Setting("sign", help="", help_ja="", required=False),
        Setting("region", help="", help_ja="", required=False, default="jp", choices=("jp", "us")),
    )
    spec = dataclasses.replace(cls.spec, settings=(*cls.spec.settings, *more))
    monkeypatch.setattr(cls, "spec", spec)
    opened = open_connector("acme", {**SETTINGS, "tags": " - ", "sign": "-"})
    assert (opened.settings["tags"], opened.settings["sign"]) == ("", "-")
    for name in ("region", "api_url"):
        with pytest.raises(ConfigurationError, match=name):
            open_connector("acme", {**SETTINGS, name: "-"})
