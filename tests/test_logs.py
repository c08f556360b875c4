"""The check that stands behind every test of this suite finds what it is for."""

from __future__ import annotations

import logging

import structlog

from careerrelay.engine.logs import Line
from tests.support.logged import listening, people_in


def test_people_are_found_in_lines_of_every_kind() -> None:
    """Written into a logger of its own, so that the check behind this very test sees none."""
    for line in ("to person1@example.com", '{"name": "応募 太郎"}', "saiyo@acme.example.jp"):
        assert people_in(line)
    assert not people_in("postgresql://db.example.jp/careerrelay, delivery 7h2K")


def test_lines_of_our_loggers_and_of_libraries_are_heard() -> None:
    with listening() as lines:
        Line().msg("ours")
        structlog.get_logger().warning("in_a_test")
        logging.getLogger("a.library").warning("a library's")
    assert lines[0] == "ours"
    assert "in_a_test" in lines[1]
    assert lines[2] == "a library's"
