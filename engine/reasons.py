"""The reason map: what a company says its ATS's rejection reasons mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..connectors.registry import connector_class
from ..connectors.spec import Capability
from ..models.candidates import ApplicationState, RejectionSide
from ..models.companies import ReasonMeaning
from ..models.decisions import ReasonCode
from ..models.errors import ConfigurationError, NotFoundError
from ..models.tables import ApplicationRecord, Connection, Decision, ReasonRule
from .audit import note
from .cases import CaseFile
from .connections import connection_of, find_connection
from .people import open_application
from .runtime import Runtime

NOT_MAPPED = "none"


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """One reason of an ATS. ``side``: who ended the case, where the ATS itself says so.

    ``cases``: recorded cases with it; ``waiting``: those with no link only because nobody has
    said what the reason means.
    """

    external_id: str
    text: str
    meaning: ReasonMeaning | None
    side: RejectionSide
    cases: int
    waiting: int

    @property
    def is_open(self) -> bool:
        """Neither the ATS nor the company has said what it means."""
        return self.meaning is None and self.side is RejectionSide.UNKNOWN


def reason_lines(runtime: Runtime, connection_id: str, *, fetch: bool = True) -> list[ReasonLine]:
    """The reasons seen in cases and, where the ATS lists them, all others; open ones first.

    Raises NotFoundError, and ApiError kinds when the ATS is asked and does not answer.
    """
    connection = find_connection(runtime, connection_id)
    texts, sides = _fetched(runtime, connection) if fetch else ({}, {})
    with runtime.database.read() as session:
        rules = {rule.external_id: rule for rule in _rules(session, connection_id)}
        cases = _counts(session, connection_id)
        waiting = _counts(session, connection_id, only_waiting=True)
        sides = {**_recorded_sides(session, connection_id), **sides}
    ids = dict.fromkeys((*rules, *texts, *cases))
    lines = [
        ReasonLine(
            external_id=id_,
            text=texts.get(id_) or (rules[id_].text if id_ in rules else ""),
            meaning=_meaning(rules.get(id_)),
            side=sides.get(id_, RejectionSide.UNKNOWN),
            cases=cases.get(id_, 0),
            waiting=waiting.get(id_, 0),
        )
        for id_ in ids
    ]
    return sorted(lines, key=lambda r: (not r.is_open, -r.waiting, -r.cases, r.text))


def _fetched(
    runtime: Runtime, connection: Connection
) -> tuple[dict[str, str], dict[str, RejectionSide]]:
    if not connector_class(connection.connector).spec.can(Capability.REASONS):
        return {}, {}
    found = runtime.connector(connection).reasons()
    return {r.external_id: r.text for r in found}, {r.external_id: r.side for r in found}


def _meaning(rule: ReasonRule | None) -> ReasonMeaning | None:
    return ReasonMeaning(rule.meaning) if rule is not None and rule.meaning else None


def _rules(session: Session, connection_id: str) -> list[ReasonRule]:
    query = select(ReasonRule).where(ReasonRule.connection_id == connection_id)
    return list(session.scalars(query.order_by(ReasonRule.first_seen_at)))


def _counts(session: Session, connection_id: str, *, only_waiting: bool = False) -> dict[str, int]:
    query = (
        select(ApplicationRecord.reason_external_id.label("id"), func.count().label("number"))
        .where(
            ApplicationRecord.connection_id == connection_id,
            ApplicationRecord.reason_external_id.is_not(None),
            ApplicationRecord.state != ApplicationState.ERASED.value,
        )
        .group_by(ApplicationRecord.reason_external_id)
    )
    if only_waiting:
        query = query.join(Decision, Decision.id == ApplicationRecord.current_decision_id)
        query = query.where(Decision.code == ReasonCode.UNMAPPED_REASON.value)
    return {row.id: row.number for row in session.execute(query)}


def _recorded_sides(session: Session, connection_id: str) -> Mapping[str, RejectionSide]:
    query = (
        select(ApplicationRecord.reason_external_id, ApplicationRecord.reason_side)
        .where(
            ApplicationRecord.connection_id == connection_id,
            ApplicationRecord.reason_external_id.is_not(None),
            ApplicationRecord.reason_side.is_not(None),
        )
        .distinct()
    )
    return {str(id_): RejectionSide(side) for id_, side in session.execute(query)}


def map_reason(
    runtime: Runtime, connection_id: str, reason: str, *, meaning: str, actor: str
) -> str:
    """Enter a meaning (``none``: take it out); ``reason`` is the ATS's id or its exact text.

    Returns the reason's id. Raises NotFoundError, ConfigurationError.
    """
    if meaning != NOT_MAPPED and meaning not in set(ReasonMeaning):
        raise ConfigurationError(
            f"meaning: must be one of {', '.join(ReasonMeaning)}, or {NOT_MAPPED}"
        )
    with runtime.database.read() as session:
        known = {rule.external_id: rule.text for rule in _rules(session, connection_id)}
    if reason not in known:
        lines = reason_lines(runtime, connection_id)
        known.update((line.external_id, line.text) for line in lines)
    id_ = _identified(known, reason)
    with runtime.database.begin() as session:
        connection_of(session, connection_id)
        rule = session.scalars(
            select(ReasonRule).where(
                ReasonRule.connection_id == connection_id, ReasonRule.external_id == id_
            )
        ).first()
        if rule is None:
            rule = ReasonRule(connection_id=connection_id, external_id=id_, text=known[id_])
            rule.first_seen_at = runtime.clock()
            session.add(rule)
        rule.meaning = None if meaning == NOT_MAPPED else meaning
        note(
            runtime, session, actor=actor, action="reasons.map", subject=connection_id,
            reason=id_, meaning=meaning,
        )  # fmt: skip
    return id_


def _identified(known: Mapping[str, str], reason: str) -> str:
    if reason in known:
        return reason
    by_text = [id_ for id_, text in known.items() if text == reason]
    if len(by_text) == 1:
        return by_text[0]
    if by_text:
        raise NotFoundError(
            f"{len(by_text)} reasons have that text; give one of the ids {', '.join(by_text)}"
        )
    raise NotFoundError(
        "there is no such reason in this connection; 'careerrelay reasons list' shows them"
    )


def decide_cases(
    runtime: Runtime,
    connection_id: str,
    reason_id: str,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Judge every recorded case with that reason anew, one transaction each.

    A case whose verdict stands is left as it is, so a second run (after a kill, say) finishes
    what the first began and repeats nothing. ``progress`` gets (done, all). Returns how many
    cases got which new reason code.
    """
    ids = _cases_with(runtime, connection_id, reason_id)
    codes: dict[str, int] = {}
    for number, id_ in enumerate(ids, 1):
        code = _decide_one(runtime, connection_id, id_)
        if code is not None:
            codes[code] = codes.get(code, 0) + 1
        if progress is not None:
            progress(number, len(ids))
    return codes


def _cases_with(runtime: Runtime, connection_id: str, reason_id: str) -> list[str]:
    query = (
        select(ApplicationRecord.id)
        .where(
            ApplicationRecord.connection_id == connection_id,
            ApplicationRecord.reason_external_id == reason_id,
            ApplicationRecord.state.in_(
                (ApplicationState.REJECTED.value, ApplicationState.WITHDRAWN.value)
            ),
        )
        .order_by(ApplicationRecord.changed_at)
    )
    with runtime.database.read() as session:
        return list(session.scalars(query))


def _decide_one(runtime: Runtime, connection_id: str, record_id: str) -> str | None:
    """The new code, or None where the standing decision is still right."""
    with runtime.database.begin() as session:
        record = session.get(ApplicationRecord, record_id, with_for_update=True)
        if record is None or record.state == ApplicationState.ERASED.value:
            return None
        before = record.current_decision_id
        cases = CaseFile(runtime, session, session.get_one(Connection, connection_id))
        cases.decide_again(record, open_application(runtime.vault, record))
        if record.current_decision_id in (None, before):
            return None
        return session.get_one(Decision, record.current_decision_id).code


def decide_mapped(runtime: Runtime, connection_id: str) -> int:
    """``decide_cases`` for every mapped reason, after an import; returns how many were decided."""
    with runtime.database.read() as session:
        mapped = [rule.external_id for rule in _rules(session, connection_id) if rule.meaning]
    return sum(sum(decide_cases(runtime, connection_id, id_).values()) for id_ in mapped)
