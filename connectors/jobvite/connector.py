"""One company's Jobvite account: the list of candidates, and what an item means."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit

from .spec import SPEC

PAGE = 500
DAY = timedelta(days=1)
CREDENTIALS = "api_key and api_secret"
ACCESS = "to candidates, which Jobvite's support grants apart from the key"
NOT_SET = ("", "no", "false", "0")


class StatusSchema(kit.PayloadSchema):
    code = fields.Integer(required=True, strict=True)


class CustomFieldSchema(kit.CamelCaseSchema):
    field_code = kit.OptionalText()
    value = fields.Raw(load_default=None, allow_none=True)


class JobSchema(kit.CamelCaseSchema):
    e_id = kit.ExternalId(required=True)
    title = kit.OptionalText()


class ApplicationSchema(kit.CamelCaseSchema):
    e_id = kit.ExternalId(required=True)
    workflow_state = kit.OptionalText()
    disposition = kit.OptionalText()
    last_updated_date = kit.EpochMilliseconds(required=True)
    source = kit.OptionalText()
    source_type = kit.OptionalText()
    custom_field = kit.OptionalList(fields.Nested(CustomFieldSchema))
    job = kit.OptionalPart(JobSchema)


class CandidateSchema(kit.CamelCaseSchema, kit.PersonParts):
    """One case. Gender, race and veteran status come along, and are dropped here."""

    e_id = kit.ExternalId(required=True)
    application = fields.Nested(ApplicationSchema, required=True)


class HookSchema(kit.CamelCaseSchema):
    id = kit.ExternalId(required=True)
    application_id = kit.ExternalId(required=True)


class JobviteConnector(kit.Connector):
    """A case is a candidate and an application, because the call that reads it wants both."""

    spec = SPEC

    def prepare(self) -> None:
        given = self.settings
        self._statuses = kit.Statuses.read(given)
        company = {"X-Company-Id": given["company_id"]} if given["company_id"] else {}
        keys = {
            "x-jvi-api": kit.current_secret(given["api_key"]),
            "x-jvi-sc": kit.current_secret(given["api_secret"]),
        }
        self._api = kit.VendorApi(
            self.http,
            url=given["api_url"],
            headers=keys | company,
            setting=CREDENTIALS,
            reads=ACCESS,
        )

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        """Go and look. What Jobvite calls the event is not known, so it is not looked at."""
        hook = HookSchema().read(kit.read_json(request.body))
        case, at, name = hook["application_id"], request.received_at, "application stage"
        pair = kit.pair_id(hook["id"], case)
        return [kit.hint_event(pair, at=at, person=hook["id"], ats_event=name)]

    def fetch_application(self, application_id: str) -> kit.Application:
        person, case = kit.split_pair(application_id)
        params = {"candidateId": person, "applicationId": case}
        found = self._candidates(params, operation="get a candidate")
        rows = [row for row in found if row["application"]["e_id"] == case]
        if not rows:
            self.fail_missing("get a candidate", "application")
        with self.reading("get a candidate"):
            return self._application(rows[0])

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """Whoever was updated on these days; in which zone a day begins is not known."""
        window = kit.Window.resume(cursor, now=self.clock(), history=self.policy.history)
        start = int(window.page or 0)
        params = {
            "datestart": (window.since - DAY).date().isoformat(),
            "dateend": (window.until + DAY).date().isoformat(),
            "dateFormat": "yyyy-MM-dd",
            "start": str(start),
            "count": str(PAGE),
        }
        what = "list candidates"
        rows = self._candidates(params, operation=what)
        with self.reading(what):
            cases = [self._application(row) for row in rows]
            fresh = [case for case in cases if case.changed_at >= window.since]
            return window.cases(fresh, page="" if len(rows) < PAGE else str(start + PAGE))

    def check(self) -> list[kit.Check]:
        today = self.clock().date().isoformat()
        params = {"datestart": today, "dateend": today, "dateFormat": "yyyy-MM-dd"}
        params |= {"start": "0", "count": "1"}
        probe = kit.Probe(
            "candidates",
            lambda: self._candidates(params, operation="list candidates") and "found",
            "Ask Jobvite's support for access to candidates, and whether company_id is needed.",
        )
        remedy = (
            "Ask Jobvite's support for the pair, for access to candidates, and whether your "
            "address must be allowed; look at company_id and api_url."
        )
        return kit.run_probes([probe], credentials="api_key", remedy=remedy)

    def _candidates(self, params: Mapping[str, str], *, operation: str) -> list[dict[str, Any]]:
        """An error may be a 200 whose body says otherwise."""
        answer = self._api.call("GET", ("candidate",), operation=operation, params=params)
        code = answer.read(StatusSchema(), under="status")["code"]
        if code != 200:
            told = dataclasses.replace(answer, status=code)
            raise self.http.error_for(told, setting=CREDENTIALS, permission=ACCESS)
        return answer.read(CandidateSchema(many=True), under="candidates")

    def _application(self, person: Mapping[str, Any]) -> kit.Application:
        case = person["application"]
        state = self._statuses.state(case["workflow_state"], case["disposition"])
        changed_at, job = case["last_updated_date"], case["job"]
        return kit.Application(
            external_id=kit.pair_id(person["e_id"], case["e_id"]),
            candidate=kit.person_of(person["e_id"], person),
            state=state,
            changed_at=changed_at,
            job=kit.Job(job["e_id"], job["title"]) if job else None,
            reason=self._statuses.reason(state, case["disposition"] or case["workflow_state"]),
            stage_text=case["workflow_state"],
            channel=self.policy.channel(case["source"], case["source_type"]),
            flags=self.policy.flags((), do_not_contact=self._stopped(case["custom_field"])),
            notice_after=self.policy.notice_after(changed_at, state),
        )

    def _stopped(self, custom: list[dict[str, Any]]) -> bool:
        """In doubt, yes: what values such a field takes is not known."""
        code = self.settings["stop_field"]
        held = [f["value"] for f in custom if code and f["field_code"] == code]
        return any(v is not None and str(v).strip().lower() not in NOT_SET for v in held)
