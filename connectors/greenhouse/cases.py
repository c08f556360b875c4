"""Rows of the API put together into snapshots: case, person, job, reason, source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from careerrelay import connectors as kit

from .client import HarvestClient, Row
from .words import STATES, candidate_of, channel_of, flags_of, latest, side_of, stage_of, state_for


class CaseReader:
    """Looks up what a page of application rows refers to, in groups of 50 ids."""

    def __init__(self, client: HarvestClient, *, channels: Mapping[str, kit.Channel]) -> None:
        self._client = client
        self._channels = channels

    def over(self, rows: Sequence[Row]) -> Callable[[Row], kit.Application]:
        """What makes a snapshot of any of these rows. It raises PayloadError."""
        people = self._by_id("candidates", [row["candidate_id"] for row in rows])
        jobs = self._by_id("jobs", [row["job_id"] for row in rows])
        sources = self._by_id("sources", [row["source_id"] for row in rows])
        reasons = self._reasons_for(rows)
        return lambda row: _snapshot(
            row,
            person=people.get(row["candidate_id"]),
            job=jobs.get(row["job_id"] or ""),
            reason=reasons.get(row["id"]),
            channel=self._channel(row, source=sources.get(row["source_id"] or "")),
        )

    def reasons(self) -> list[kit.Reason]:
        """The organisation's rejection reasons with their side."""
        return [
            kit.Reason(
                external_id=row["id"],
                text=row["name"] or row["id"],
                side=side_of((row["type"] or {}).get("key"), (row["type"] or {}).get("name")),
            )
            for row in self._client.reasons()
        ]

    def _by_id(self, resource: str, ids: Sequence[str | None]) -> dict[str, Row]:
        return {row["id"]: row for row in self._client.by_ids(resource, ids)}

    def _reasons_for(self, rows: Sequence[Row]) -> dict[str, kit.Reason]:
        """The reason of each rejected case, by application id."""
        rejected = [row["id"] for row in rows if row["status"] == "rejected"]
        if not rejected:
            return {}
        known = {reason.external_id: reason for reason in self.reasons()}
        details = self._client.by_ids("rejection_details", rejected, name="application_ids")
        return {
            detail["application_id"]: known.get(reason_id) or kit.Reason(reason_id, reason_id)
            for detail in details
            if (reason_id := detail["rejection_reason_id"])
        }

    def _channel(self, row: Row, *, source: Row | None) -> kit.Channel:
        if row["prospect"]:
            return kit.Channel.SCOUT  # added by a recruiter; has not applied
        ours = self._channels.get(row["source_id"] or "")
        if ours or source is None:
            return ours or kit.Channel.UNKNOWN
        return channel_of(source["name"], (source["type"] or {}).get("name"))


def _snapshot(
    row: Row,
    *,
    person: Row | None,
    job: Row | None,
    reason: kit.Reason | None,
    channel: kit.Channel,
) -> kit.Application:
    state = _state(row)
    return kit.Application(
        external_id=row["id"],
        candidate=candidate_of(person) if person else kit.Candidate(row["candidate_id"]),
        state=state_for(state, side=reason.side if reason else kit.RejectionSide.UNKNOWN),
        changed_at=_changed_at(row),
        job=kit.Job(job["id"], job["name"] or job["id"]) if job else None,
        reason=reason,
        stage=stage_of(row["stage_name"] or ""),
        stage_text=row["stage_name"] or "",
        channel=channel,
        # A person the acting user may not see is private.
        flags=flags_of(
            may_mail=person is None or person["can_email"],
            private=person is None or person["private"] or bool(job and job["confidential"]),
        ),
        applied_at=row["created_at"],
    )


def _state(row: Row) -> kit.ApplicationState:
    state = STATES.get(row["status"])
    if state is None:
        raise kit.PayloadError("with a status that its documents do not name")
    return state


def _changed_at(row: Row) -> datetime:
    if row["status"] == "rejected" and row["rejected_at"]:
        return latest(row["rejected_at"]) or row["rejected_at"]
    return latest(row["updated_at"], row["last_activity_at"]) or row["updated_at"]
