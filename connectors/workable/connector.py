"""One company's Workable account: polling, the comment, the tags, and what a record means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit

from .spec import READ, SPEC, TOKENS, WRITE

PAGE = 100
SWEEP = timedelta(days=1)
STAGES = {
    "applied": kit.Stage.DOCUMENTS,
    "shortlisted": kit.Stage.DOCUMENTS,
    "offer": kit.Stage.OFFER,
}


class RowSchema(kit.IdSchema):
    """A row of the list, which knows neither who ended a case nor when."""

    updated_at = kit.IsoDateTime(required=True)
    disqualified = kit.OptionalFlag()


JobSchema = kit.PayloadSchema.of(shortcode=kit.ExternalId(required=True), title=kit.OptionalText())


class CandidateSchema(RowSchema, kit.PersonParts):
    """The single record. Samples: https://workable.readme.io/reference/job-candidates-show"""

    first_name = kit.OptionalText(data_key="firstname")
    last_name = kit.OptionalText(data_key="lastname")
    job = kit.OptionalPart(JobSchema)
    stage = kit.OptionalText()
    stage_kind = kit.OptionalText()
    disqualified_at = kit.OptionalTime()
    disqualification_reason = kit.OptionalText()
    withdrew = kit.OptionalFlag()
    anonymized = kit.OptionalFlag()
    hired_at = kit.OptionalTime()
    sourced = kit.OptionalFlag()
    profile_url = fields.String(load_default=None, allow_none=True)
    outlet = kit.OptionalText()
    common_source = kit.OptionalText()
    created_at = kit.IsoDateTime(required=True)
    tags = kit.OptionalList(fields.String())


PagingSchema = kit.PayloadSchema.of(next=kit.OptionalText())
ListSchema = kit.PayloadSchema.of(paging=kit.OptionalPart(PagingSchema))
TagsSchema = kit.PayloadSchema.of(tags=fields.List(fields.String(), required=True))
ActivitySchema = kit.PayloadSchema.of(body=kit.OptionalText())


class ReasonSchema(kit.PayloadSchema):
    description = fields.String(required=True)
    candidate_withdrew = fields.Boolean(required=True)


class MemberSchema(kit.IdSchema):
    active = fields.Boolean(load_default=True, allow_none=True)


class HookSchema(kit.PayloadSchema):
    """``data`` is documented; the name of the event is not, so it may be missing."""

    event_type = kit.OptionalText()
    data = fields.Nested(kit.IdSchema, required=True)


class WorkableConnector(kit.Connector):
    """Polling first; web hooks only say that it is time to look."""

    spec = SPEC

    def prepare(self) -> None:
        self._api = kit.VendorApi.bearer(self, "api_token", reads=READ, writes=WRITE)

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        """Go and look. A deletion is believed where the record is gone."""
        hook = HookSchema().read(kit.read_json(request.body))
        name, case = hook["event_type"], hook["data"]["id"]
        if name and not SPEC.reads(name):
            return []
        gone = name == "candidate_deleted"
        kind = kit.EventKind.ERASED if gone else kit.EventKind.CHANGED
        return [kit.ApplicationEvent(kind, request.received_at, case, ats_event=name)]

    def fetch_application(self, application_id: str) -> kit.Application:
        return _application(self._candidate(application_id), self.policy)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """What changed; once a day, and the first time, whoever is disqualified at all."""
        now, history = self.clock(), self.policy.history
        window = kit.Window.resume(cursor, now=now, history=history, sweep=SWEEP)
        found, page = self._page(window)
        rows = [row for row in found if row["disqualified"] or not window.whole]
        with self.reading("list candidates"):
            return window.turned(map(_hint, rows), page=page)

    def _page(self, window: kit.Window) -> tuple[list[dict[str, Any]], str]:
        first = {"updated_after": window.since.isoformat(), "limit": str(PAGE)}
        params = kit.asked_of(window.page, first=first)
        return self._rows(("candidates",), RowSchema(many=True), params)

    def _rows(
        self, path: tuple[str, ...], schema: kit.PayloadSchema, params: Mapping[str, str]
    ) -> tuple[list[dict[str, Any]], str]:
        """A page of a list, and the query of ``paging.next``, which is a URL."""
        what = f"list {path[-1]}"
        answer = self._api.call("GET", path, operation=what, params=params)
        following = (answer.read(ListSchema())["paging"] or {"next": ""})["next"]
        with self.reading(what):
            return answer.read(schema, under=path[-1]), kit.query_of(following)

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        """Attribute, tag, comment; each only where it is not there yet."""
        case = application.external_id
        kit.write_report(
            report,
            by=self,
            notes=kit.Notes(lambda: self._comments(case), lambda text: self._comment(case, text)),
            tags=kit.Tags(
                lambda: self._candidate(case)["tags"],
                lambda tags: self._write("PUT", case, "tags", {"tags": tags}).read(TagsSchema()),
            ),
            field=lambda text: self._set_attribute(case, text),
        )

    def _comments(self, case: str) -> list[str]:
        def turn(page: str) -> tuple[list[dict[str, Any]], str]:
            params = kit.asked_of(page, first={"actions": "comment"})
            found, following = self._rows(path, ActivitySchema(many=True), params)
            return found, following if found else ""

        path = ("candidates", case, "activities")
        return [a["body"] for a in self._api.all_pages(turn, operation="list activities")]

    def _comment(self, case: str, text: str) -> None:
        body = {"member_id": self.settings["member_id"], "comment": {"body": text}}
        self._write("POST", case, "comments", body).read(kit.IdSchema())

    def _set_attribute(self, case: str, text: str) -> None:
        """Where it is not on this job, comment and tag say it all the same."""
        if key := self.settings["report_attribute"]:
            body = {"custom_attribute_key": key, "value": text}
            with suppress(kit.ApiNotFoundError):
                self._write("PATCH", case, "update_custom_attribute_value", body)

    def _write(self, method: str, case: str, what: str, body: Mapping[str, Any]) -> Any:
        path = ("candidates", case, what)
        return self._api.call(method, path, operation=f"write {what}", json=body)

    def reasons(self) -> Sequence[kit.Reason]:
        """By their text, which is all that a candidate's record says."""
        path, schema = ("disqualification_reasons",), ReasonSchema(many=True)
        sides = {False: kit.RejectionSide.COMPANY, True: kit.RejectionSide.CANDIDATE}
        return [
            kit.Reason(r["description"], r["description"], sides[r["candidate_withdrew"]])
            for r in self._api.get(path, schema=schema, operation="list disqualification reasons")
        ]

    def check(self) -> list[kit.Check]:
        one, jobs = kit.Window(self.clock(), self.clock()), f"Add r_jobs under {TOKENS}."
        probes = [
            kit.Probe(
                "candidates", lambda: self._page(one) and READ, f"Add {READ} under {TOKENS}."
            ),
            kit.Probe("reasons", lambda: f"{len(self.reasons())} reasons", jobs),
            kit.id_probe(self, "member_id", self._member, what="an active member"),
        ]
        remedy = f"Make a token under {TOKENS}, type it in api_token, and check api_url."
        return kit.run_probes(probes, credentials="api_token", remedy=remedy)

    def _member(self, id_: str) -> None:
        params = {"limit": "100", "status": "active"}
        found, _ = self._rows(("members",), MemberSchema(many=True), params)
        if not any(member["id"] == id_ and member["active"] for member in found):
            self.fail_missing("list members", "active member")

    def _candidate(self, case: str) -> dict[str, Any]:
        return self._api.get(
            ("candidates", case),
            schema=CandidateSchema(),
            under="candidate",
            operation="get a candidate",
        )


def _hint(row: Mapping[str, Any]) -> kit.ApplicationEvent:
    """The name tells two looks at one moment apart, should a change not move updated_at."""
    name = "disqualified" if row["disqualified"] else "open"
    return kit.hint_event(row["id"], at=row["updated_at"], person=row["id"], ats_event=name)


def _application(record: Mapping[str, Any], policy: kit.Policy) -> kit.Application:
    state, job = _state(record), record["job"]
    erased = state is kit.ApplicationState.ERASED
    ended = record["disqualified"] and not erased
    # Our own tags move ``updated_at``, never these.
    hired_at = record["hired_at"] if state is kit.ApplicationState.HIRED else None
    changed_at = (record["disqualified_at"] if ended else hired_at) or record["updated_at"]
    told = record["disqualification_reason"]
    scouted = kit.Channel.SCOUT if record["sourced"] else kit.Channel.UNKNOWN
    return kit.Application(
        external_id=record["id"],
        candidate=kit.person_of(record["id"], record, erased=erased),
        state=state,
        changed_at=changed_at,
        job=kit.Job(job["shortcode"], job["title"]) if job else None,
        reason=kit.Reason(told or "disqualified", told, state.side) if ended else None,
        stage=STAGES.get(record["stage_kind"], kit.Stage.UNKNOWN),
        stage_text=record["stage"],
        channel=policy.channel(record["common_source"], record["outlet"], otherwise=scouted),
        flags=policy.flags(record["tags"], rescinded=ended and _is_hired(record)),
        applied_at=record["created_at"],
        notice_after=policy.notice_after(changed_at, state),
        ats_url=record["profile_url"],
    )


def _state(record: Mapping[str, Any]) -> kit.ApplicationState:
    if record["anonymized"]:
        return kit.ApplicationState.ERASED
    if record["disqualified"]:
        withdrew = record["withdrew"]
        return kit.ApplicationState.WITHDRAWN if withdrew else kit.ApplicationState.REJECTED
    return kit.ApplicationState.HIRED if _is_hired(record) else kit.ApplicationState.ACTIVE


def _is_hired(record: Mapping[str, Any]) -> bool:
    return bool(record["hired_at"]) or record["stage_kind"] == "hired"
