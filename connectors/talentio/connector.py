"""Talentio: who is お見送り now, one candidate, and the tag for who registered.

https://developers.talentio.com/ : pages of 100 whose number stands in X-Total, and in each
answer X-Remaining and X-Reset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit
from careerrelay.connectors import ApplicationState, Channel

from .spec import SPEC

PAGE = 100
SWEEP = timedelta(hours=1)
RESERVE = 100
"""Calls of the hour that stay for others."""
LIST = "list candidates"
ISSUER = "to see these candidates, which its issuer must have in Talentio"
WHERE = "各種設定 > 基本設定 > API設定"
# Otherwise the candidates of a responsible employee who left the company are not shown.
EVERYBODY = {"includeInactiveResponsibleEmployees": "true"}

STATES = {
    "fail": ApplicationState.REJECTED,
    "reject": ApplicationState.WITHDRAWN,
    "pass": ApplicationState.HIRED,
}
REASONS = {
    ApplicationState.REJECTED: kit.Reason("fail", "不合格・お見送り", kit.RejectionSide.COMPANY),
    ApplicationState.WITHDRAWN: kit.Reason("reject", "辞退", kit.RejectionSide.CANDIDATE),
}
CHANNELS = {
    "agent": Channel.AGENT,
    "agentCompany": Channel.AGENT,
    "employee": Channel.REFERRAL,
}


NAMED = kit.PayloadSchema.of(name=kit.Text(required=True))
STAGE = kit.CamelCaseSchema.of(
    type=kit.OptionalText(), status=kit.OptionalText(), fixed_at=kit.OptionalTime()
)
# Compulsory here: what is not read would be overwritten.
TAGS = kit.PayloadSchema.of(tags=fields.List(fields.Nested(NAMED), required=True))


class CandidateSchema(kit.CamelCaseSchema, kit.PersonParts):
    """No description, no evaluations, no custom fields: they hold free text about people."""

    id = kit.ExternalId(required=True)
    status = kit.Text(required=True)
    requisition = kit.OptionalPart(kit.NamedSchema)
    registered_at = kit.IsoDateTime(required=True)
    applied_at = kit.OptionalTime()
    fixed_at = kit.OptionalTime()
    channel_type = kit.OptionalText()
    channel_name = kit.OptionalText()
    tags = kit.OptionalList(fields.Nested(NAMED))
    stages = kit.OptionalList(fields.Nested(STAGE))
    url = kit.OptionalText()


class TalentioConnector(kit.Connector):
    """One token of one company."""

    spec = SPEC

    def prepare(self) -> None:
        self._test_tags = kit.listed(self.settings, name="test_tags")
        self._allowance = kit.Allowance(SPEC.name, reserve=RESERVE, clock=self.clock)
        self._api = kit.VendorApi.bearer(self, "api_token", reads=ISSUER)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """A page of the rejected, or a look at one who is not among them any more."""
        roster = kit.Roster.resume(cursor, now=self.clock(), sweep=SWEEP)
        return roster.turned(self._look(roster) if roster.doubts else self._page(roster))

    def fetch_application(self, application_id: str) -> kit.Application:
        found = self._call("GET", application_id, "get a candidate", params=EVERYBODY)
        return self._application(found.read(CandidateSchema()), at=self.clock())

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        """tagNames replaces all tags: read, add ours, write, read again."""
        case = application.external_id
        tags = kit.Tags(
            lambda: self._tags(case),
            lambda names: self._call("PATCH", case, "write tags", json={"tagNames": names}),
        )
        kit.write_report(report, by=self, tags=tags)

    def check(self) -> list[kit.Check]:
        remedy = f"Have somebody who sees all candidates issue the token ({WHERE})."
        return kit.run_probes(
            [kit.Probe("candidates", self._first_look, remedy)],
            credentials="api_token",
            remedy=f"Issue a token under {WHERE}, type it in api_token, and check api_url.",
        )

    def _first_look(self) -> kit.Check | str:
        rows, total = self._list({"status": "fail", "sort": "-updatedAt", "page": "1"})
        if all(row["status"] == "fail" for row in rows):
            return f"{total} rejected candidates"
        what = "Talentio does not keep to the filter status=fail"
        return kit.Check("candidates", False, what, "Tell CareerRelay: Talentio's API has changed.")

    def _page(self, roster: kit.Roster) -> Sequence[kit.ApplicationEvent]:
        """All who changed; in a whole round only those who are new to it."""
        number, whole = int(roster.page or 1), roster.whole
        at = None if roster.first else roster.began_at
        oldest = roster.began_at - self.policy.history
        rows, total = self._list(
            {
                "status": "fail",
                "updatedAtFrom": _stamp(oldest if whole else roster.changed_since),
                "sort": "registeredAt" if whole else "updatedAt",
                "page": str(number),
            }
        )
        failed = {row["id"]: row for row in rows if row["status"] == "fail"}
        more = rows and number * PAGE < total
        new = roster.take(dict.fromkeys(failed, ""), page=str(number + 1) if more else "")
        told = [row for id_, row in failed.items() if id_ in new or not whole]
        return [kit.snapshot_event(self._application(row, at=at)) for row in told]

    def _look(self, roster: kit.Roster) -> Sequence[kit.ApplicationEvent]:
        """Taken back, withdrawn, hired, deleted; or rejected still, and older than we read."""
        case = roster.doubts[0]
        roster.forget([case])
        found = self.looked_up(case, person=case)
        return [] if found.kind is kit.EventKind.REJECTED else [found]

    def _list(self, params: Mapping[str, str]) -> tuple[list[dict[str, Any]], int]:
        found = self._call("GET", "", LIST, params={**params, **EVERYBODY})
        total = found.headers.get("x-total", "")
        if not (total.isascii() and total.isdigit()):
            self.fail_response(LIST, "X-Total")
        return found.read(CandidateSchema(many=True)), int(total[:9])

    def _tags(self, case: str) -> list[str]:
        found = self._call("GET", case, "get a candidate", params=EVERYBODY)
        return [tag["name"] for tag in found.read(TAGS())["tags"]]

    def _call(self, method: str, case: str, operation: str, **sent: Any) -> kit.HttpResponse:
        self._allowance.wait_turn(operation)
        path = ("candidates", case) if case else ("candidates",)
        answer = self._api.call(method, path, operation=operation, **sent)
        left = answer.headers.get("x-remaining", "")
        self._allowance.note(left, resets_in=kit.reset_after(answer.headers))
        return answer

    def _application(self, row: Mapping[str, Any], *, at: datetime | None) -> kit.Application:
        """``at``: when this was seen, for what Talentio gives no time of."""
        state = STATES.get(row["status"], ApplicationState.ACTIVE)
        channel = self._channel(row)
        changed_at = _changed_at(row, state, at or row["registered_at"])
        job, stage = row["requisition"], _stage(row["stages"])
        tags = [tag["name"] for tag in row["tags"]]
        rejected = state is ApplicationState.REJECTED
        person = kit.person_of(row["id"], row)
        return kit.Application(
            external_id=row["id"],
            # An agency's candidate has the agency's address.
            candidate=replace(person, emails=()) if channel is Channel.AGENT else person,
            state=state,
            changed_at=changed_at,
            job=kit.Job(job["id"], job["name"]) if job else None,
            reason=REASONS.get(state),
            stage=stage,
            channel=channel,
            flags=self.policy.flags(tags) | self._test(tags),
            applied_at=row["applied_at"] or row["registered_at"],
            # Even without a delay: Talentio is then asked once more before a mail of ours leaves.
            notice_after=changed_at + self.policy.notice_delay if rejected else None,
            ats_url=row["url"] or None,
        )

    def _channel(self, row: Mapping[str, Any]) -> Channel:
        """A part of the source's name is enough; the longest that the company names decides."""
        told = CHANNELS.get(row["channel_type"], Channel.UNKNOWN)
        if told is Channel.AGENT:
            return told
        name = row["channel_name"].casefold()
        parts = sorted(self.policy.channels, key=len, reverse=True)
        return next((self.policy.channels[part] for part in parts if part in name), told)

    def _test(self, tags: Sequence[str]) -> frozenset[kit.Flag]:
        marked = any(tag.casefold() in self._test_tags for tag in tags)
        return frozenset({kit.Flag.TEST}) if marked else frozenset()


def _stamp(at: datetime) -> str:
    """Which zone Talentio reads is not documented; UTC is the earlier of the likely two, so that
    at worst the same is read twice."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _changed_at(row: Mapping[str, Any], state: ApplicationState, at: datetime) -> datetime:
    """An end has a time of its own; being taken back has none."""
    if state is ApplicationState.ACTIVE:
        return at
    ends = [stage["fixed_at"] for stage in row["stages"] if stage["fixed_at"]]
    return row["fixed_at"] or max(ends, default=at)


def _stage(stages: Sequence[Mapping[str, Any]]) -> kit.Stage:
    """Where the case failed; interviews before it tell the first from a later one."""
    failed = [n for n, s in enumerate(stages) if s["status"] == "fail" and s["fixed_at"]]
    if not failed:
        return kit.Stage.UNKNOWN
    kinds = [stage["type"] for stage in stages[: failed[-1] + 1]]
    if kinds[-1] == "interview":
        first = kinds.count("interview") == 1
        return kit.Stage.FIRST_INTERVIEW if first else kit.Stage.LATER_INTERVIEW
    return kit.Stage.DOCUMENTS if kinds[-1] == "resume" else kit.Stage.UNKNOWN
