"""One company's report: pushed to us, or fetched by us."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from careerrelay import connectors as kit

from .rows import Layout
from .spec import NOWHERE, SPEC

SIGNATURE = kit.BodyHmac("X-CareerRelay-Signature", prefix="sha256=")
CREDENTIALS = "client_id, client_secret and refresh_token"
PERMISSION = "to run the report (in Workday: share it with the user, as a web service)"


class ReportFeedConnector(kit.Connector):
    """Signed rows are believed; unsigned ones are looked up in the exposed report."""

    spec = SPEC

    def prepare(self) -> None:
        given = self.settings
        self._layout = Layout.read(given)
        told = [given[s.name] for s in SPEC.settings if not s.secret and s.name[-4:] != "_url"]
        self._reading = "\n".join(told).encode()
        login = kit.BasicLogin(given["webhook_user"], setting="webhook_secret")
        self._proof = login if given["webhook_user"] else SIGNATURE
        self._query = dict(parse_qsl(given["report_query"], keep_blank_values=True))
        wanted = {"none": (), "basic": ("report_url",), "oauth": ("report_url", "token_url")}
        for name in wanted[given["report_auth"]]:
            if given[name] == NOWHERE:
                raise kit.ConfigurationError(
                    f"{name} is missing for report_auth {given['report_auth']}"
                )
        if given["webhook_user"] and given["report_auth"] == "none":
            raise kit.ConfigurationError(
                "webhook_user needs report_auth: unsigned rows are looked up in the report"
            )

    def verify_webhook(self, request: kit.WebhookRequest) -> None:
        self._proof.verify(request, settings=self.settings)

    def sign_webhook(self, request: kit.WebhookRequest) -> kit.WebhookRequest:
        return self._proof.sign(request, settings=self.settings)

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        """Every row; one that nobody signed only says where to look."""
        kind = request.headers.get("content-type", "")
        events = [_event(case) for case in self._layout.cases(request.body, content_type=kind)]
        if not self.settings["webhook_user"]:
            return events
        return [
            dataclasses.replace(e, kind=kit.EventKind.CHANGED, application=None) for e in events
        ]

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """The whole report; nothing where it is the one of the last time."""
        if self.settings["report_auth"] == "none":
            return kit.PollPage((), {})
        window = kit.Window.resume(cursor, now=self.clock(), history=self.policy.history)
        oldest = self.clock() - self.policy.history
        answer = self._get({**self._query, **self._since(window.since)})
        cases = [case for case in self._read(answer) if case.changed_at >= oldest]
        seen = hashlib.sha256(self._reading + answer.body).hexdigest()
        fresh = [] if cursor.get("seen") == seen else [_event(case) for case in cases]
        turned = window.turned(fresh, page="")
        return kit.PollPage(turned.events, {**turned.cursor, "seen": seen})

    def fetch_application(self, application_id: str) -> kit.Application:
        """The case's latest row."""
        if self.settings["report_auth"] == "none":
            raise kit.ConfigurationError(
                "report_auth is none, so nobody can be asked whether a rejection still stands; "
                "expose the report, or set notice_delay_days to 0"
            )
        name = self.settings["case_parameter"]
        begin = self._since(self.clock() - self.policy.history)
        found = self._cases(begin | ({name: application_id} if name else {}))
        rows = [case for case in found if case.external_id == application_id]
        if not rows:
            self.fail_missing("fetch the report", "row in its report")
        return max(rows, key=lambda case: case.changed_at)

    def check(self) -> list[kit.Check]:
        if self.settings["report_auth"] == "none":
            secret = bool(self.settings["webhook_secret"])
            what = "reports are only pushed" if secret else "nothing is pushed and nothing fetched"
            return [kit.Check("report", secret, what, "" if secret else "Set webhook_secret.")]
        begin = self._since(self.clock())
        probe = kit.Probe(
            "report", lambda: f"{len(self._cases(begin))} rows", f"Allow {PERMISSION}."
        )
        remedy = "Check client_id and client_secret, with oauth also refresh_token and token_url."
        return kit.run_probes([probe], credentials="credentials", remedy=remedy)

    def _cases(self, params: Mapping[str, str]) -> list[kit.Application]:
        return self._read(self._get({**self._query, **params}))

    def _read(self, answer: kit.HttpResponse) -> list[kit.Application]:
        try:
            kind = answer.headers.get("content-type", "")
            return self._layout.cases(answer.body, content_type=kind)
        except kit.PayloadError as error:
            raise kit.ApiResponseError(
                f"{SPEC.title}: {error.message}",
                connector=SPEC.name,
                operation=answer.operation,
                status=answer.status,
            ) from None

    def _get(self, params: Mapping[str, str]) -> kit.HttpResponse:
        call: dict[str, Any] = {
            "operation": "fetch the report",
            "params": params,
            "setting": CREDENTIALS,
            "permission": PERMISSION,
            "headers": {"Accept": "application/json, text/csv"},
        }
        given = self.settings
        if given["report_auth"] == "basic":
            user = (given["client_id"], kit.current_secret(given["client_secret"]))
            return self.http.request("GET", given["report_url"], auth=user, **call)
        session = kit.client_session(
            self, token_url=given["token_url"], permission=PERMISSION, setting=CREDENTIALS
        )
        return session.request("GET", given["report_url"], **call)

    def _since(self, moment: datetime) -> dict[str, str]:
        name = self.settings["since_parameter"]
        return {name: moment.isoformat(timespec="seconds")} if name else {}


def _event(case: kit.Application) -> kit.ApplicationEvent:
    return kit.snapshot_event(case, ats_event="report")
