"""The shipped suite over every connector found; nothing here is about any one of them."""

from __future__ import annotations

from pathlib import Path

from careerrelay.connectors import connector_classes
from careerrelay.connectors.testing import conformance_suite

HERE = Path(__file__).parent

BUILT_IN = {
    name: connector
    for name, connector in connector_classes().items()
    if connector.__module__.startswith("careerrelay.connectors.")
}

for _name, _connector in BUILT_IN.items():
    globals()[f"Test{_name.title()}"] = conformance_suite(_connector, fixtures=HERE / _name)


def test_every_connector_has_its_folder_of_examples() -> None:
    assert not [name for name in BUILT_IN if not (HERE / name / "settings.json").exists()]
