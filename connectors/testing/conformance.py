"""The conformance suite: what every connector, ours or anybody's, must pass.

>>> TestAcme = conformance_suite(AcmeConnector, fixtures=Path(__file__).parent)

The checks are plain functions that raise AssertionError (``declared``, ``received``,
``called``, ``contract``, ``effects``); this module makes pytest tests of them. pytest is
imported only here, and only when a suite is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..base import Connector
from ..spec import Capability
from . import called, contract, declared, effects, received
from .standin import Scene
from .subject import Subject, scene_beside

Case = tuple[str, Callable[[], None]]


def conformance_suite(
    connector: type[Connector],
    *,
    fixtures: Path,
    scene: Callable[[], Scene] | None = None,
) -> type:
    """A class for pytest to collect, one test per check and example.

    ``fixtures`` is the folder with settings.json, fixtures/ and api/. ``scene`` sets the
    stand-in up; without it ``scene`` of the module ``standin`` beside the connector is taken.
    """
    subject = Subject(connector, fixtures, scene or scene_beside(connector))
    tests = {
        "test_declaration": _declared(subject),
        "test_webhook": _received(subject),
        "test_api": _called(subject),
        "test_contract": _contract(subject),
        "test_effects": _effects(subject),
    }
    named = {name: _parametrized(name, cases) for name, cases in tests.items() if cases}
    return type(f"Test{connector.__name__}", (), {"__doc__": connector.spec.title, **named})


def cases(
    connector: type[Connector], *, fixtures: Path, scene: Callable[[], Scene] | None = None
) -> list[Case]:
    """The same as (name, call) pairs, for a runner other than pytest."""
    subject = Subject(connector, fixtures, scene or scene_beside(connector))
    groups = (_declared, _received, _called, _contract, _effects)
    return [case for group in groups for case in group(subject)]


def _declared(subject: Subject) -> list[Case]:
    return [_case(check, subject) for check in declared.CHECKS]


def _received(subject: Subject) -> list[Case]:
    if not subject.spec.can(Capability.WEBHOOK):
        return []
    return _crossed(received.CHECKS, subject, subject.fixtures)


def _called(subject: Subject) -> list[Case]:
    return _crossed(called.CHECKS, subject, subject.exchanges)


def _contract(subject: Subject) -> list[Case]:
    """Nothing where the examples hold no OpenAPI document."""
    if contract.document_in(subject.folder) is None:
        return []
    touched = subject.declared(among=frozenset({*effects.READS, *effects.WRITES}))
    return [
        _case(contract.document_says_whose_it_is, subject),
        *_crossed([contract.examples_are_as_documented], subject, subject.exchanges),
        *_crossed([contract.stand_in_is_as_documented], subject, touched),
        *_crossed([contract.webhook_is_as_documented], subject, subject.fixtures),
    ]


def _effects(subject: Subject) -> list[Case]:
    reads = subject.declared(among=frozenset(effects.READS))
    writes = subject.declared(among=frozenset(effects.WRITES))
    once = [c for c in writes if c is Capability.ATS_MESSAGE and subject.spec.message_unseen]
    writes = [c for c in writes if c not in once]
    return [
        *_crossed([effects.reading_changes_nothing], subject, reads),
        *_crossed([effects.writing_twice_is_writing_once], subject, writes),
        *_crossed([effects.lost_answers_double_nothing], subject, writes),
        *_crossed([effects.lost_answers_are_told], subject, once),
    ]


def _crossed(
    checks: Iterable[Callable[..., None]], subject: Subject, examples: Sequence[Any]
) -> list[Case]:
    return [_case(check, subject, example) for check in checks for example in examples]


def _case(check: Callable[..., None], *arguments: Any) -> Case:
    name = "-".join([check.__name__, *(_name(example) for example in arguments[1:])])
    return name, lambda: check(*arguments)


def _name(example: Any) -> str:
    return example.value if isinstance(example, Capability) else example.name


def _parametrized(name: str, cases: list[Case]) -> Callable[..., None]:
    import pytest

    @pytest.mark.parametrize("check", [pytest.param(call, id=label) for label, call in cases])
    def test(self: object, check: Callable[[], None]) -> None:  # noqa: ARG001 - a method
        check()

    test.__name__ = name
    return test
