"""One company's report: pushed to us, or fetched by us."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from careerrelay.connectors import (
    AccessToken,
    ApiNotFoundError,
    ApiResponseError,
    Application,
    ApplicationEvent,
    BearerSession,
    Check,
    ConfigurationError,
    Connector,
    EventKind,
    HttpResponse,
    PayloadError,
    PollPage,
    Probe,
    WebhookRequest,
    Window,
    client_credentials_token,
    current_secret,
    hmac_sha256_hex,
    refreshed_token,
    run_probes,
    snapshot_event,
    verify_basic,
    verify_hmac,
)

from .rows import Layout
from .spec import NOWHERE, SPEC

HEADER = "x-careerrelay-signature"
PREFIX = "sha256="
CREDENTIALS = "client_id, client_secret and refresh_token"
PERMISSION = "to run the report (in Workday: share it with the user, as a web service)"


class ReportFeedConnector(Connector):
    """Signed rows are believed; unsigned ones are looked up in the exposed report."""

    spec = SPEC

    def prepare(self) -> None:
        given = self.settings
        self._layout = Layout.read(given)
        self._query = dict(parse_qsl(given["report_query"], keep_blank_values=True))
        wanted = {"none": (), "basic": ("report_url",), "oauth": ("report_url", "token_url")}
        for name in wanted[given["report_auth"]]:
            if given[name] == NOWHERE:
                raise ConfigurationError(
                    f"{name} is missing for report_auth {given['report_auth']}"
                )
        if given["webhook_user"] and given["report_auth"] == "none":
            raise ConfigurationError(
                "webhook_user needs report_auth: unsigned rows are looked up in the report"
            )

    def verify_webhook(self, request: WebhookRequest) -> None:
        secrets, user = self.settings["webhook_secret"], self.settings["webhook_user"]
        if user:
            verify_basic(
                request.headers.get("authorization"),
                user=user,
                passwords=secrets,
                setting="webhook_secret",
            )
            return
        verify_hmac(
            request.body,
            signature=request.headers.get(HEADER),
            secrets=secrets,
            prefix=PREFIX,
            where="the header X-CareerRelay-Signature",
        )

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        secret, user = (
            current_secret(self.settings["webhook_secret"]),
            self.settings["webhook_user"],
        )
        added = {HEADER: PREFIX + hmac_sha256_hex(secret, request.body)}
        if user:
            added = {
                "authorization": f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"
            }
        return dataclasses.replace(request, headers={**request.headers, **added})

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        """Every row; one that nobody signed only says where to look."""
        kind = request.headers.get("content-type", "")
        events = [_event(case) for case in self._layout.cases(request.body, content_type=kind)]
        if not self.settings["webhook_user"]:
            return events
        return [dataclasses.replace(e, kind=EventKind.CHANGED, application=None) for e in events]

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        """The whole report; nothing where it is the one of the last time."""
        if self.settings["report_auth"] == "none":
            return PollPage((), {})
        window = Window.resume(cursor, now=self.clock(), history=self._layout.policy.history)
        oldest = self.clock() - self._layout.policy.history
        cases = [c for c in self._cases(self._since(window.since)) if c.changed_at >= oldest]
        seen = hashlib.sha256(repr(cases).encode()).hexdigest()
        fresh = [] if cursor.get("seen") == seen else [_event(case) for case in cases]
        turned = window.turned(fresh, page="")
        return PollPage(turned.events, {**turned.cursor, "seen": seen})

    def fetch_application(
        self,
        application_id: str,
        *,
        candidate_id: str | None = None,  # noqa: ARG002 - the contract's
    ) -> Application:
        """The case's latest row."""
        if self.settings["report_auth"] == "none":
            raise ConfigurationError(
                "report_auth is none, so nobody can be asked whether a rejection still stands; "
                "expose the report, or set notice_delay_days to 0"
            )
        name = self.settings["case_parameter"]
        begin = self._since(self.clock() - self._layout.policy.history)
        found = self._cases(begin | ({name: application_id} if name else {}))
        rows = [case for case in found if case.external_id == application_id]
        if not rows:
            raise ApiNotFoundError(
                f"{SPEC.title}: the report has no such row",
                connector=SPEC.name,
                operation="fetch the report",
            )
        return max(rows, key=lambda case: case.changed_at)

    def check(self) -> list[Check]:
        if self.settings["report_auth"] == "none":
            secret = bool(self.settings["webhook_secret"])
            what = "reports are only pushed" if secret else "nothing is pushed and nothing fetched"
            return [Check("report", secret, what, "" if secret else "Set webhook_secret.")]
        begin = self._since(self.clock())
        probe = Probe("report", lambda: f"{len(self._cases(begin))} rows", f"Allow {PERMISSION}.")
        remedy = "Check client_id and client_secret, with oauth also refresh_token and token_url."
        return run_probes([probe], credentials="credentials", remedy=remedy)

    def _cases(self, params: Mapping[str, str]) -> list[Application]:
        answer = self._get({**self._query, **params})
        try:
            kind = answer.headers.get("content-type", "")
            return self._layout.cases(answer.body, content_type=kind)
        except PayloadError as error:
            raise ApiResponseError(
                f"{SPEC.title}: {error.message}",
                connector=SPEC.name,
                operation=answer.operation,
                status=answer.status,
            ) from None

    def _get(self, params: Mapping[str, str]) -> HttpResponse:
        call: dict[str, Any] = {
            "operation": "fetch the report",
            "params": params,
            "setting": CREDENTIALS,
            "permission": PERMISSION,
            "headers": {"Accept": "application/json, text/csv"},
        }
        given = self.settings
        if given["report_auth"] == "basic":
            user = (given["client_id"], current_secret(given["client_secret"]))
            return self.http.request("GET", given["report_url"], auth=user, **call)
        key = f"{SPEC.name}:{given['token_url']}:{given['client_id']}"
        session = BearerSession(
            self.http, self.tokens, key=key, fetch=self._token, clock=self.clock
        )
        return session.request("GET", given["report_url"], **call)

    def _token(self) -> AccessToken:
        given = self.settings
        client: dict[str, Any] = {
            "token_url": given["token_url"],
            "client_id": given["client_id"],
            "client_secret": given["client_secret"],
            "setting": CREDENTIALS,
            "permission": PERMISSION,
            "clock": self.clock,
        }
        if given["refresh_token"]:
            return refreshed_token(self.http, refresh_token=given["refresh_token"], **client)
        return client_credentials_token(self.http, **client)

    def _since(self, moment: datetime) -> dict[str, str]:
        name = self.settings["since_parameter"]
        return {name: moment.isoformat(timespec="seconds")} if name else {}


def _event(case: Application) -> ApplicationEvent:
    return snapshot_event(case, ats_event="report")
