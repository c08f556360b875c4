"""The requests connectors bring for ``careerrelay simulate`` are fixtures they are tested on."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "connectors").glob("[!_]*/samples/*.http"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_sample_is_the_fixture_of_that_event(sample: Path) -> None:
    fixtures = ROOT / "tests" / "connectors" / sample.parts[-3] / "fixtures"
    assert sample.read_bytes() == (fixtures / sample.name).read_bytes()


def test_every_connector_with_web_hooks_brings_a_sample() -> None:
    from careerrelay.connectors import Capability
    from careerrelay.connectors.registry import connector_classes

    hooked = {n for n, c in connector_classes().items() if c.spec.can(Capability.WEBHOOK)}
    assert {path.parts[-3] for path in SAMPLES} >= hooked
