"""One company's iCIMS account: a workflow and its person, the search, two fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit

from . import webhook
from .spec import NOWHERE, OFF, SPEC

MOST = 1000
"""Results of one search."""
CREDENTIALS = "client_id and client_secret"
RIGHTS = "in iCIMS: group 'Integration User', and sight of workflows, people and these fields"


StatusSchema = kit.IdSchema.of(value=kit.OptionalText())


class WorkflowSchema(kit.PayloadSchema):
    """Fields without a value, or hidden from the user, are simply not there."""

    class Meta:
        unknown = "include"

    status = fields.Nested(StatusSchema, required=True)
    associatedprofile = fields.Nested(StatusSchema, required=True)
    baseprofile = kit.OptionalPart(StatusSchema)


class PersonSchema(kit.PayloadSchema, kit.PersonParts):
    first_name = kit.OptionalText(data_key="firstname")
    last_name = kit.OptionalText(data_key="lastname")


class IcimsConnector(kit.Connector):
    """Events and the search hold ids; what they mean is read from the workflow."""

    spec = SPEC

    def prepare(self) -> None:
        given = self.settings
        self._statuses = kit.Statuses.read(given)
        basic = kit.BasicLogin(given["webhook_user"], setting="webhook_secret")
        self._proof = basic if given["webhook_auth"] == "basic" else webhook.EventSignature()
        self._days = kit.whole_number(given, name="search_days", low=1, high=30)
        if given["api_auth"] == "oauth" and given["token_url"] == NOWHERE:
            raise kit.ConfigurationError("token_url is missing for api_auth oauth")
        url = kit.join_url(given["api_url"], "customers", given["customer_id"])
        told: dict[str, Any] = {"url": url, "setting": CREDENTIALS, "reads": RIGHTS}
        secret = kit.current_secret(given["client_secret"])
        if given["api_auth"] == "oauth":
            session = kit.client_session(
                self, token_url=given["token_url"], permission=RIGHTS, client_secret=secret
            )
            self._api = kit.VendorApi(session, **told)
        else:
            self._api = kit.VendorApi(self.http, auth=(given["client_id"], secret), **told)

    def verify_webhook(self, request: kit.WebhookRequest) -> None:
        self._proof.verify(request, settings=self.settings)

    def sign_webhook(self, request: kit.WebhookRequest) -> kit.WebhookRequest:
        return self._proof.sign(request, settings=self.settings)

    def delivery_id(self, request: kit.WebhookRequest) -> str:
        return webhook.delivery_id(request)

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        event = webhook.read(request.body)
        if not SPEC.reads(event["event_type"]):
            return []
        if event["customer_id"] != self.settings["customer_id"]:
            raise kit.PayloadError("the event is of another customer than customer_id")
        at, state = request.received_at, self._statuses.state(event["new_status"])
        return [
            kit.hint_event(
                event["system_id"],
                at=at,
                person=event["person_id"],
                # A later look must not move it, so it is told here and not by the case.
                notice_after=self.policy.notice_after(at, state),
                ats_event=event["event_type"],
            )
        ]

    def fetch_application(self, application_id: str) -> kit.Application:
        """As it is now; the time is ours, for the workflow has none that is documented."""
        source = self.settings["source_field"]
        names = ["status", "associatedprofile", "baseprofile", *([source] if source else [])]
        found = self._workflow(application_id, *names)
        person = found["associatedprofile"]["id"]
        params = {"fields": "firstname,lastname,email"}
        who = self._api.get(
            ("people", person), schema=PersonSchema(), operation="get a person", params=params
        )
        status, job = found["status"], found["baseprofile"]
        state = self._statuses.state(status["id"])
        reason = self._statuses.reason(state, status["value"] or status["id"])
        return kit.Application(
            external_id=application_id,
            candidate=kit.person_of(person, who),
            state=state,
            changed_at=self.clock(),
            job=kit.Job(job["id"], job["value"]) if job else None,
            reason=reason and dataclasses.replace(reason, external_id=status["id"]),
            stage_text=status["value"],
            channel=self.policy.channel(_text(found.get(source))),
        )

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """Who is in a status that ends a case, compared with who was: the search has ids only.

        The first one decides nobody: nothing tells when, and whoever was rejected before the
        connection began must not be written to. Nor does one with other statuses. Nor does it tell
        anything that these people leave the search; "" stands for their time.
        """
        if self.settings["status_filter"] == OFF:
            return kit.PollPage((), {})
        now, ends = self.clock(), self._ends()
        fresh = cursor.get("ends") == ends
        found = dict.fromkeys(self._search(), now.isoformat() if fresh else "")
        known: Mapping[str, str] = cursor.get("known", {})
        changed = {case: known.get(case, now.isoformat()) for case in sorted({*found} ^ {*known})}
        events = [self._hint(case, since=at) for case, at in changed.items() if fresh and at]
        kept = {case: known.get(case, since) for case, since in found.items()}
        return kit.PollPage(tuple(events), {"ends": ends, "known": kept})

    def _hint(self, case: str, *, since: str) -> kit.ApplicationEvent:
        """Came into such a status, or left it, or was long ago enough to leave the search."""
        notice_after = self.policy.notice_after(datetime.fromisoformat(since))
        return kit.hint_event(case, at=self.clock(), notice_after=notice_after, ats_event="search")

    def _ends(self) -> list[str]:
        """Ids of statuses that end a case, as they were typed."""
        names = ("rejected_statuses", "withdrawn_statuses", "hired_statuses")
        typed = ",".join(self.settings[name].replace("\n", ",") for name in names)
        return sorted({word.strip() for word in typed.split(",")} - {""})

    def _search(self) -> list[str]:
        """Dates by the macros of the developers' forum, for no other form is confirmed."""
        window = {
            "name": "applicantworkflow.updateddate",
            "value": [f"{{DATE:START}}{{DATE:-{self._days}}}"],
            "secondaryValue": ["{DATE:END}"],
            "operator": "=",
        }
        status = {"name": self.settings["status_filter"], "value": self._ends(), "operator": "="}
        what = "search workflows"
        answer = self._api.call(
            "POST",
            ("search", "applicantworkflows"),
            operation=what,
            json={"filters": [window, status], "operator": "&"},
        )
        hits = answer.read(kit.IdSchema(many=True), under="searchResults")
        if len(hits) >= MOST:
            self.fail_response(what, "an end within 1,000 results; make search_days smaller")
        return [hit["id"] for hit in hits]

    def write_link(self, application: kit.Application, url: str, *, ours: str) -> None:
        case, name = application.external_id, self.settings["link_field"]
        if not name:
            raise kit.ConfigurationError("link_field is missing: field_token writes into it")
        held = _text(self._workflow(case, "status", "associatedprofile", name).get(name))
        write = partial(self._set, case, name)
        kit.put_link(url, by=self, ours=ours, field=name, held=held, write=write)

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        """The same text again as often as it is tried."""
        self._set(application.external_id, self.settings["report_field"], report.text)

    def check(self) -> list[kit.Check]:
        told = f"Give the user what it needs {RIGHTS}; look at status_filter."
        off = self.settings["status_filter"] == OFF
        probe = kit.Probe("search", lambda: "off" if off else self._search() and "ok", told)
        remedy = "Check customer_id, client_id and client_secret, with oauth also token_url."
        return kit.run_probes([probe], credentials="credentials", remedy=remedy)

    def _workflow(self, case: str, *names: str) -> dict[str, Any]:
        return self._api.get(
            ("applicantworkflows", case),
            schema=WorkflowSchema(),
            operation="get a workflow",
            params={"fields": ",".join(names)},
        )

    def _set(self, case: str, name: str, value: str) -> None:
        path = ("applicantworkflows", case)
        self._api.call("PATCH", path, operation="write a field", json={name: value})


def _text(value: Any) -> str:
    """A field's text; a list item's is its value."""
    shown = value.get("value") if isinstance(value, dict) else value
    return shown if isinstance(shown, str) else ""
