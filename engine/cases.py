"""Records what an event says of a case, decides, and makes the work that follows.

One object per transaction. Events may come twice and out of order: an older truth than the one
we have changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from ..connectors.spec import Capability
from ..models.candidates import Application, ApplicationState, Candidate, RejectionSide
from ..models.decisions import ReasonCode
from ..models.errors import ConflictError, PayloadError
from ..models.events import ApplicationEvent, EventKind
from ..models.tables import (
    ApplicationRecord,
    Connection,
    Decision,
    RelayLink,
    Suppression,
    new_id,
)
from . import delivery, eligibility
from .counting import claim_keys
from .foreseen import ERASURE, Foreseen
from .known import Known, as_first_told
from .meanings import Meanings
from .people import Identities, candidate_key, counted_as, seal_person
from .retention import months_before
from .runtime import Runtime

AHEAD = timedelta(hours=1)
"""How far an ATS's clock may run before ours and still order its events."""


class CaseFile:
    """The cases of one connection, inside one transaction."""

    def __init__(self, runtime: Runtime, session: Session, connection: Connection) -> None:
        self._runtime = runtime
        self._session = session
        self._connection = connection
        self._company = connection.company
        self._now = runtime.clock()
        self._expected: dict[str, ApplicationRecord | None] = {}
        self._meanings = Meanings(session, connection, now=self._now)
        self._foreseen = Foreseen(session, connection)
        self._identities = Identities(runtime.vault, connection.id)

    def expect(self, events: Iterable[ApplicationEvent]) -> None:
        """Find the cases of these events at once; what is none of them is looked up as it comes."""
        told = [e.application for e in events if e.application is not None]
        ids = {application.external_id for application in told}
        query = (
            select(ApplicationRecord)
            .where(
                ApplicationRecord.connection_id == self._connection.id,
                ApplicationRecord.external_id.in_(ids),
            )
            .options(selectinload(ApplicationRecord.addresses))
            # In one order, so that two workers wait for each other and never in a circle.
            .order_by(ApplicationRecord.external_id)
            .with_for_update()
        )
        self._expected = dict.fromkeys(ids)
        self._expected |= {r.external_id: r for r in self._session.scalars(query)}
        self._foresee([application.candidate for application in told])
        self._meanings.foresee(application.reason for application in told)

    def _foresee(self, people: Sequence[Candidate]) -> None:
        found = [self._identities.of(person) for person in people]
        self._foreseen.ask(
            hashes=[hash_ for identity in found for hash_ in identity.hashes],
            keys=[key for identity in found for key in identity.keys],
            candidates=[person.external_id for person in people],
        )

    def record(self, event: ApplicationEvent, *, asked: Known | None = None) -> str:
        """Apply one event; says ``recorded``, ``stale`` or ``ignored``.

        ``asked``: what was known when the ATS was asked for it. Raises ConflictError where the ATS
        has to be asked (again) which of two states is the later one.
        """
        if event.kind is EventKind.MERGED:
            return self._merge(event)
        if event.kind is EventKind.ERASED:
            return self._erase(event)
        if event.application is None:
            raise PayloadError("an event without a snapshot of the case cannot be recorded")
        record = self._find(event.application.external_id)
        if record is not None and asked != Known.of(record):
            self._refuse_tie(record, event.application)
        return self._record_snapshot(record, event.application, notice_after=event.notice_after)

    def _refuse_tie(self, record: ApplicationRecord, application: Application) -> None:
        """Only while the row is held is it certain that no other worker is telling the other."""
        if not Known.of(record).is_tied_by(application):
            return
        if self._runtime.connector(self._connection).spec.can(Capability.FETCH):
            raise ConflictError("another state of this case was recorded for the same moment")

    def _record_snapshot(
        self,
        record: ApplicationRecord | None,
        application: Application,
        *,
        notice_after: datetime | None,
    ) -> str:
        if record is not None:
            if record.state == ApplicationState.ERASED.value:
                return "ignored"
            if application.changed_at < record.changed_at:
                return "stale"
        else:
            record = self._new(application)
        was = record.state
        # What the signal says outlives what a later look at the same state can only assume.
        if (
            notice_after
            or record.notice_after is None
            or application.changed_at > record.changed_at
        ):
            record.notice_after = notice_after or application.notice_after
        self._copy(record, application)
        if self._is_tombstoned(record):
            self._forget(record)
            return "ignored"
        self._follow_up(record, application, was=was)
        return "recorded"

    def _find(self, external_id: str) -> ApplicationRecord | None:
        if external_id in self._expected:
            return self._expected[external_id]
        return self._session.scalars(
            select(ApplicationRecord)
            .where(
                ApplicationRecord.connection_id == self._connection.id,
                ApplicationRecord.external_id == external_id,
            )
            .with_for_update()
        ).first()

    def _new(self, application: Application) -> ApplicationRecord:
        record = ApplicationRecord(
            id=new_id(),
            connection_id=self._connection.id,
            external_id=application.external_id,
            candidate_external_id=application.candidate.external_id,
            state=ApplicationState.ACTIVE.value,
            stage=application.stage.value,
            channel=application.channel.value,
            changed_at=application.changed_at,
            created_at=self._now,
            updated_at=self._now,
        )
        # Two workers with the first two signals of one case: the second one's insert fails (a
        # ConflictError to the worker), its task is tried again and finds the row.
        # Written with all others of the transaction, at its end or before the next question.
        self._session.add(record)
        self._expected[application.external_id] = record
        return record

    def _copy(self, record: ApplicationRecord, application: Application) -> None:
        record.candidate_external_id = application.candidate.external_id
        record.locale = application.candidate.locale
        record.state = application.state.value
        record.stage = application.stage.value
        record.channel = application.channel.value
        record.flags = sorted(flag.value for flag in application.flags)
        record.applied_at = application.applied_at or record.applied_at
        # What is dated tomorrow, by a clock or a hand, must not outrank what happens today.
        record.changed_at = min(application.changed_at, self._now + AHEAD)
        record.ats_url = application.ats_url or record.ats_url
        record.version = application.version or None
        record.updated_at = self._now
        if application.job is not None:
            record.job_external_id = application.job.external_id
            record.job_title = application.job.title
        reason = application.reason
        record.reason_external_id = reason.external_id if reason else None
        record.reason_text = reason.text if reason else None
        record.reason_side = reason.side.value if reason else None
        if not self._is_too_old(application):
            person = application.candidate
            seal_person(self._runtime.vault, record, person, self._identities.of(person))

    def _is_too_old(self, application: Application) -> bool:
        """Ended longer ago than the company keeps profiles: nobody's data are stored."""
        ended = application.state is not ApplicationState.ACTIVE
        return ended and application.changed_at < self._oldest_allowed()

    def _oldest_allowed(self) -> datetime:
        return months_before(self._now, self._company.retention_months)

    def _follow_up(self, record: ApplicationRecord, application: Application, *, was: str) -> None:
        if application.state is ApplicationState.ACTIVE:
            self._withdraw_decision(record)
            self._prepare(record, application)
            return
        current = self._current_decision(record)
        is_same = current is not None and was == record.state
        if current is not None and is_same:
            application = as_first_told(application, current, ats=self._connection.connector)
        code = self._judge(record, application)
        if current is not None and is_same and _stands(current, code):
            return
        self._withdraw_decision(record)
        self._decide(record, application, code, corrected=current)

    def _prepare(self, record: ApplicationRecord, application: Application) -> None:
        if not delivery.fills_field(self._connection):
            return
        off = frozenset(self._company.switched_off)
        if eligibility.is_barred(self._facts(record, application), switched_off=off):
            delivery.clear_case(self._runtime, self._session, record)
        else:
            delivery.prepare(self._runtime, self._session, record, self._connection)

    def _current_decision(self, record: ApplicationRecord) -> Decision | None:
        if record.current_decision_id is None:
            return None
        return self._session.get(Decision, record.current_decision_id)

    def _withdraw_decision(self, record: ApplicationRecord) -> None:
        current = self._current_decision(record)
        if current is not None:
            current.superseded_at = self._now
            record.current_decision_id = None

    def _judge(self, record: ApplicationRecord, application: Application) -> ReasonCode:
        off = frozenset(self._company.switched_off)
        return eligibility.decide(self._facts(record, application), switched_off=off)

    def _facts(self, record: ApplicationRecord, application: Application) -> eligibility.Facts:
        hashes = [address.email_hash for address in record.addresses]
        keys = self._identities.of(application.candidate).keys
        reason = application.reason
        return eligibility.Facts(
            state=application.state,
            side=reason.side if reason else RejectionSide.UNKNOWN,
            meaning=self._meanings.of(reason),
            flags=application.flags,
            channel=application.channel,
            has_address=bool(record.addresses),
            suppressed=self._foreseen.is_suppressed(hashes),
            erased=record.state == ApplicationState.ERASED.value,
            already_counted=self._foreseen.is_counted(keys),
            rejected_at=application.changed_at,
            oldest_allowed=self._oldest_allowed(),
            started_at=self._connection.links_from or self._connection.created_at,
        )

    def _decide(
        self,
        record: ApplicationRecord,
        application: Application,
        code: ReasonCode,
        *,
        corrected: Decision | None,
    ) -> None:
        decision = Decision(
            id=new_id(),
            application_id=record.id,
            application=record,
            link=code is ReasonCode.LINK,
            code=code.value,
            rule_version=eligibility.RULE_VERSION,
            decided_at=self._now,
            rejected_at=application.changed_at,
        )
        self._session.add(decision)
        record.current_decision_id = decision.id
        parts = (self._runtime, self._session, record, self._connection, decision)
        delivery.follow_decision(*parts, corrected=corrected)

    def decide_again(self, record: ApplicationRecord, application: Application) -> None:
        """After the company mapped a reason: judge a recorded case anew."""
        self._follow_up(record, application, was=record.state)

    def _merge(self, event: ApplicationEvent) -> str:
        """The person's cases and links belong to the id that stays."""
        gone, kept = event.candidate_id, event.merged_into
        if not gone or not kept:
            raise PayloadError("a merge that does not name both people cannot be recorded")
        records = self._locked(gone)
        for record in records:
            record.candidate_external_id = kept
        links = self._session.scalars(
            select(RelayLink).where(
                RelayLink.connection_id == self._connection.id,
                RelayLink.candidate_external_id == gone,
            )
        ).all()
        for link in links:
            link.candidate_external_id = kept
        self._count_as_one(gone, kept)
        return "recorded" if records or links else "ignored"

    def _count_as_one(self, gone: str, kept: str) -> None:
        """Counted under the id that goes is counted under the id that stays."""
        was, is_now = (candidate_key(self._connection.id, id_) for id_ in (gone, kept))
        entry_id = counted_as(self._session, self._company.id, [was])
        if entry_id is not None:
            claim_keys(self._session, self._company.id, [is_now], entry_id=entry_id)
            self._foreseen.forget()

    def _locked(self, candidate_id: str) -> Sequence[ApplicationRecord]:
        """A person's cases, each held until the end; always in the same order."""
        cases = self._of_candidate(candidate_id).order_by(ApplicationRecord.id)
        fresh = cases.with_for_update().execution_options(populate_existing=True)
        return self._session.scalars(fresh).all()

    def _of_candidate(self, candidate_id: str | None) -> Select[ApplicationRecord]:
        return select(ApplicationRecord).where(
            ApplicationRecord.connection_id == self._connection.id,
            ApplicationRecord.candidate_external_id == candidate_id,
        )

    def _erase(self, event: ApplicationEvent) -> str:
        """Forget a deleted case, or every case of a deleted or anonymised person."""
        ids = [i for i in (event.application_id, *event.application_ids) if i]
        records = [r for r in (self._find(i) for i in ids) if r is not None]
        if event.candidate_id is not None:
            records += self._locked(event.candidate_id)
            self._bury(records)
        for record in records:
            self._withdraw_decision(record)
            self._forget(record)
        return "recorded" if records else "ignored"

    def _bury(self, records: list[ApplicationRecord]) -> None:
        """A keyed hash stays, so that the erased person is not imported and mailed again."""
        for email_hash in {a.email_hash for record in records for a in record.addresses}:
            self._session.merge(
                Suppression(
                    email_hash=email_hash, scope=self._company.id, cause=ERASURE, at=self._now
                )
            )
        self._foreseen.forget()

    def _forget(self, record: ApplicationRecord) -> None:
        record.state = ApplicationState.ERASED.value
        record.person_sealed = record.locale = record.ats_url = record.version = None
        record.addresses = []
        self._session.flush()
        if not self._has_other_cases(record):
            self._revoke_links(record)

    def _has_other_cases(self, record: ApplicationRecord) -> bool:
        """Where one link stands for a person, it serves the cases that are left."""
        others = self._of_candidate(record.candidate_external_id).where(
            ApplicationRecord.state != ApplicationState.ERASED.value
        )
        return self._session.scalars(others.limit(1)).first() is not None

    def _revoke_links(self, record: ApplicationRecord) -> None:
        links = select(RelayLink).where(
            RelayLink.connection_id == self._connection.id,
            RelayLink.candidate_external_id == record.candidate_external_id,
        )
        for link in self._session.scalars(links):
            link.revoked_at = link.revoked_at or self._now

    def _is_tombstoned(self, record: ApplicationRecord) -> bool:
        return self._foreseen.is_erased([address.email_hash for address in record.addresses])


def _stands(current: Decision, code: ReasonCode) -> bool:
    """The same rejection seen again: a notice that went out is not sent a second time.

    A registration or a stop link since then is no new decision; a corrected reason is, and what
    is noted of the person only now.
    """
    if current.code == code.value:
        return True
    return current.link and code in eligibility.NOTICE_WITHOUT_LINK - eligibility.PERSONAL
