"""Connectors that rest on reports or agreements say so, and are off until somebody names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from careerrelay.connectors import Capability, Evidence, connector_class
from careerrelay.engine.config import load

ROOT = Path(__file__).parents[2]
EXPERIMENTAL = ("report_feed", "jazzhr", "zohorecruit", "icims", "jobvite")
KNOWN_WELL = {("zohorecruit", Capability.WEBHOOK)}
"""What the vendor itself documents in public."""


@pytest.mark.parametrize("name", EXPERIMENTAL)
def test_it_is_off_until_it_is_named(name: str) -> None:
    assert connector_class(name).spec.experimental
    assert not load(environ={}).allows(name)
    assert load(environ={}, overrides={"connectors": {"experimental": name}}).allows(name)


@pytest.mark.parametrize("name", EXPERIMENTAL)
def test_no_capability_is_said_to_be_better_known_than_it_is(name: str) -> None:
    found = connector_class(name).spec.capabilities
    well = (Evidence.DOCUMENTED, Evidence.LIVE)
    assert {(name, c) for c, s in found.items() if s.evidence in well} <= KNOWN_WELL


@pytest.mark.parametrize("name", EXPERIMENTAL)
@pytest.mark.parametrize("guide", ["README.md", "README.ja.md"])
def test_its_guide_says_how_to_switch_it_on(name: str, guide: str) -> None:
    text = (ROOT / "connectors" / name / guide).read_text("utf-8")
    assert "`[connectors] experimental`" in text
    assert f"`{name}`" in text
