"""Copy a folder, get a tested connector."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from careerrelay import connectors
from careerrelay.connectors import ConfigurationError, connector_classes
from careerrelay.connectors.scaffold import TEMPLATE, create
from careerrelay.connectors.testing import conformance_suite
from careerrelay.connectors.testing.conformance import cases

_template = importlib.import_module("careerrelay.connectors._template")

TestTemplate = conformance_suite(_template.CONNECTOR, fixtures=TEMPLATE / "fixtures")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A second ``connectors`` folder that the registry searches as well."""
    folder = tmp_path / "connectors"
    folder.mkdir()
    monkeypatch.setattr(connectors, "__path__", [*connectors.__path__, str(folder)])
    connector_classes.cache_clear()
    yield folder
    connector_classes.cache_clear()
    for name in [m for m in sys.modules if m.startswith("careerrelay.connectors.brand_new")]:
        del sys.modules[name]


def test_copied_template_is_found_and_passes_the_whole_suite(folder: Path, tmp_path: Path) -> None:
    create("brand_new", title="Brand New 採用", into=folder, tests_into=tmp_path / "examples")
    connector = connector_classes()["brand_new"]
    assert connector.__name__ == "BrandNewConnector"
    assert connector.spec.title == "Brand New 採用"
    examples = cases(connector, fixtures=tmp_path / "examples" / "brand_new")
    assert len(examples) > 100
    for _, check in examples:
        check()


def test_nothing_of_the_template_is_left_in_the_copy(tmp_path: Path) -> None:
    written = create("acme", title="Acme", into=tmp_path / "code", tests_into=tmp_path / "tests")
    assert len(written) > 20
    assert not [path.name for path in written if "template" in path.read_text("utf-8").lower()]


def test_examples_go_to_the_tests_and_code_to_the_connectors(tmp_path: Path) -> None:
    create("acme", title="Acme", into=tmp_path / "code", tests_into=tmp_path / "tests")
    assert (tmp_path / "code/acme/webhook.py").exists()
    assert (tmp_path / "tests/acme/fixtures/application.rejected.http").exists()
    assert not (tmp_path / "code/acme/fixtures").exists()


@pytest.mark.parametrize("name", ["", "Acme", "1acme", "acme-ats", "_acme", "template", "a__b"])
def test_name_that_is_no_identifier_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be a connector's name"):
        create(name, title="Acme", into=tmp_path, tests_into=tmp_path / "tests")


@pytest.mark.parametrize("title", ["", " ", 'A "quoted" name', "two\nlines", "back\\slash"])
def test_title_that_would_break_the_code_is_refused(title: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="title"):
        create("acme", title=title, into=tmp_path, tests_into=tmp_path / "tests")


def test_a_folder_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "tests" / "acme").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="already there"):
        create("acme", title="Acme", into=tmp_path / "code", tests_into=tmp_path / "tests")
    assert not (tmp_path / "code").exists()
