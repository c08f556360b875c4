"""One row of a company's table as an event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from careerrelay import connectors as kit

from .dates import read_moment
from .spec import SPEC
from .words import WORDS, Outcome, outcome_of

STATES = {
    Outcome.REJECTED: kit.ApplicationState.REJECTED,
    Outcome.OFFER_RESCINDED: kit.ApplicationState.REJECTED,
    Outcome.WITHDRAWN: kit.ApplicationState.WITHDRAWN,
    Outcome.HIRED: kit.ApplicationState.HIRED,
    Outcome.ACTIVE: kit.ApplicationState.ACTIVE,
}
OWN_DAY = {
    "rejected_on": Outcome.REJECTED,
    "withdrawn_on": Outcome.WITHDRAWN,
    "hired_on": Outcome.HIRED,
}
"""Columns that say by their day alone how a case ended."""
AHEAD = timedelta(days=1)


class CsvBridge(kit.Connector):
    """A row is what ``engine/sheets`` makes of a line: cells by our names, trimmed, ``""`` for
    nothing; ``as_of`` is the moment the table was exported, as ISO 8601."""

    spec: ClassVar[kit.ConnectorSpec] = SPEC

    def prepare(self) -> None:
        kit.whole_number(self.settings, name="folder_limit", high=100_000)
        try:
            self.zone = ZoneInfo(self.settings["timezone"])
        except (ZoneInfoNotFoundError, ValueError):
            raise kit.ConfigurationError(
                "timezone must be a name like Asia/Tokyo; this one is unknown"
            ) from None

    def import_row(self, row: Mapping[str, str]) -> kit.ApplicationEvent | None:
        """None: a row that the company's own words say to leave out. Raises kit.CellError."""
        as_of = datetime.fromisoformat(row["as_of"])
        outcome = self._outcome(row)
        if outcome is Outcome.IGNORED:
            return None
        if outcome is Outcome.ERASED:
            return kit.ApplicationEvent(
                kit.EventKind.ERASED, as_of, application_id=row["application_id"]
            )
        return kit.snapshot_event(self._application(row, outcome, as_of), ats_event=outcome.value)

    def _outcome(self, row: Mapping[str, str]) -> Outcome:
        ends = [outcome for column, outcome in OWN_DAY.items() if row.get(column)]
        word = row.get("status", "")
        told = outcome_of(word) if word else None
        if word and told is None:
            raise _unknown_status()
        if told is None:
            return _only(ends)
        if told in OWN_DAY.values() and ends and told not in ends:
            raise kit.CellError(
                "status",
                "status and the day of the end contradict each other; correct one of them",
                "ステータスと、終了を表す日付が食い違っています。どちらかを直してください",
            )
        return told

    def _application(
        self, row: Mapping[str, str], outcome: Outcome, as_of: datetime
    ) -> kit.Application:
        state = STATES[outcome]
        ended = as_of if outcome is Outcome.ACTIVE else self._ended(row, outcome, as_of)
        flags = self.policy.flags(_parts(row.get("tags", "")))
        if outcome is Outcome.OFFER_RESCINDED:
            flags |= {kit.Flag.OFFER_RESCINDED}
        return kit.Application(
            external_id=row["application_id"],
            candidate=_candidate(row),
            state=state,
            changed_at=ended,
            job=_job(row),
            reason=_reason(row, outcome),
            channel=self.policy.channel(row.get("source")),
            flags=flags,
            applied_at=self._moment(row, "applied_on", as_of),
            notice_after=self.policy.notice_after(ended, state),
        )

    def _ended(self, row: Mapping[str, str], outcome: Outcome, as_of: datetime) -> datetime:
        own = [column for column, meant in OWN_DAY.items() if meant is outcome]
        for column in (*own, "ended_on"):
            moment = self._moment(row, column, as_of)
            if moment is not None:
                return moment
        if outcome is Outcome.HIRED:
            return as_of
        raise kit.CellError(
            own[0] if own and own[0] in row else "ended_on",
            "the day of the end is missing; write it like 2026-08-05",
            "終了日がありません。2026/8/5 のように入力してください",
        )

    def _moment(self, row: Mapping[str, str], column: str, as_of: datetime) -> datetime | None:
        text = row.get(column, "")
        if not text:
            return None
        moment = read_moment(text, zone=self.zone)
        if moment is None:
            raise kit.CellError(
                column,
                "no day that is certain; write it with the year first, like 2026-08-05",
                "日付を読み取れません。2026/8/5 のように、西暦の年から入力してください",
            )
        if moment > as_of + AHEAD and column != "hired_on":
            raise kit.CellError(
                column,
                "a day that is still to come; write the day it happened",
                "未来の日付です。実際の日付を入力してください",
            )
        return min(moment, as_of)


def _unknown_status() -> kit.CellError:
    words = "、".join(word for known in WORDS.values() for word in known[:1])
    return kit.CellError(
        "status",
        "a word whose meaning is not known; say in the profile what it means, or write one of "
        + ", ".join(Outcome),
        f"意味が登録されていない語です。プロファイルに意味を登録するか、次のいずれかに直してください：{words}",
    )


def _only(ends: list[Outcome]) -> Outcome:
    if len(ends) > 1:
        raise kit.CellError(
            "status",
            "more than one day of an end is filled in; leave the one that holds",
            "終了を表す日付が複数入力されています。該当するもの一つだけを残してください",
        )
    return ends[0] if ends else Outcome.ACTIVE


def _candidate(row: Mapping[str, str]) -> kit.Candidate:
    return kit.Candidate(
        external_id=row.get("candidate_id") or row["application_id"],
        emails=tuple(_parts(row.get("email", ""))),
        family_name=row.get("family_name", ""),
        given_name=row.get("given_name", ""),
        full_name=row.get("full_name", ""),
    )


def _job(row: Mapping[str, str]) -> kit.Job | None:
    title = row.get("job", "")
    id_ = row.get("job_id") or title
    return kit.Job(id_, title) if id_ else None


def _reason(row: Mapping[str, str], outcome: Outcome) -> kit.Reason | None:
    """The word of the closed list; else the outcome itself, which the status told."""
    if outcome not in (Outcome.REJECTED, Outcome.OFFER_RESCINDED, Outcome.WITHDRAWN):
        return None
    word = row.get("reason", "")
    if word:
        return kit.Reason(word, word, kit.RejectionSide(row["reason_side"]))
    return kit.Reason(outcome.value, outcome.value, STATES[outcome].side)


def _parts(text: str) -> list[str]:
    for sign in ";、,\n":
        text = text.replace(sign, " ")
    return text.split()


CONNECTOR = CsvBridge
