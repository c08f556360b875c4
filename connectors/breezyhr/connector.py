"""One company's Breezy HR account: stages, the candidate's stream, thread and report."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from careerrelay import connectors as kit

from . import webhook
from .records import (
    CandidateSchema,
    EndpointsSchema,
    EntrySchema,
    PipelineSchema,
    PositionSchema,
    application_from,
    is_disqualified,
    last_move,
    version,
)
from .spec import SPEC
from .webhook import RecordSchema, case_id

PAGE = 50
ACCESS = "access to all positions and candidates"


class BreezyhrConnector(kit.Connector):
    """Web hooks say where to look; notices leave in the candidate's own thread."""

    spec = SPEC

    def prepare(self) -> None:
        self._hired = kit.listed(self.settings, name="hired_stages")
        headers = {"Authorization": self.settings["api_token"]}
        url = self.settings["api_url"]
        company = kit.join_url(url, "company", self.settings["company_id"])
        self._api, self._root = (
            kit.VendorApi(self.http, url=at, headers=headers, setting="api_token", reads=ACCESS)
            for at in (company, url)
        )

    def verify_webhook(self, request: kit.WebhookRequest) -> None:
        """The bytes as they came, or the JSON as JavaScript writes it."""
        try:
            webhook.SIGNED.verify(request, settings=self.settings)
        except kit.WebhookVerificationError:
            webhook.SIGNED.verify(webhook.rewritten(request), settings=self.settings)

    def sign_webhook(self, request: kit.WebhookRequest) -> kit.WebhookRequest:
        return webhook.SIGNED.sign(request, settings=self.settings)

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        return webhook.parse(request)

    def fetch_application(self, application_id: str) -> kit.Application:
        return self._look(application_id)

    def fetch_again(self, known: kit.Application) -> kit.Application:
        """An unchanged record came to its stage when it did."""
        return self._look(known.external_id, known=known)

    def _look(self, case: str, *, known: kit.Application | None = None) -> kit.Application:
        person = self._candidate(case)
        ended_at = None
        if is_disqualified(person):
            is_same = known is not None and version(person) == known.version
            stream = () if is_same else self._stream(case).read(_ENTRIES)
            ended_at = known.changed_at if known and is_same else last_move(person, stream)
        return self._snapshot(person, case.partition(":")[0], ended_at=ended_at)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """Position by position, latest change first, back to where the last round began.

        There is no list of the whole company, so the cursor holds what is left to ask for. Of the
        past only ended cases are worth a look.
        """
        window = kit.Window.resume(cursor, now=self.clock(), history=self.policy.history)
        if not window.page:
            left = [[position["id"], 1] for position in self._positions()]
            return window.turned([], page=json.dumps(left) if left else "")
        (position, number), *others = json.loads(window.page)
        params = {"page_size": PAGE, "page": number, "sort": "updated"}
        rows = self._api.get(
            ("position", position, "candidates"),
            schema=CandidateSchema(many=True),
            operation="list candidates",
            params=params,
        )
        fresh = [row for row in rows if row["updated_date"] >= window.since]
        if len(rows) == PAGE == len(fresh):
            others = [[position, number + 1], *others]
        wanted = [row for row in fresh if is_disqualified(row) or not window.whole]
        events = [self._told(row, position) for row in wanted]
        return window.turned(events, page=json.dumps(others) if others else "")

    def send_message(self, application: kit.Application, message: kit.OutgoingMessage) -> None:
        """Into the thread, unless it is there or waits there to be sent.

        The marker goes along as a reference number, for nothing else tells one message from
        another after an answer was lost.
        """
        path = (*_record(application.external_id), "conversation")
        if not any(message.marker in page for page in self._thread(path)):
            with_marker = message.marker in message.text
            text = message.text if with_marker else f"{message.text}\n\nRef. {message.marker}"
            if self.settings["message_format"] == "html":
                text = html.escape(text, quote=False).replace("\n", "<br>")
            self._api.call("POST", path, operation="send a message", json={"body": text}).read(
                RecordSchema()
            )

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        """Attribute and tag first: they may be repeated. The comment last, if not there."""
        record = _record(application.external_id)
        kit.write_report(
            report,
            by=self,
            notes=kit.Notes(
                lambda: [_text(self._stream(application.external_id))],
                lambda text: self._api.call(
                    "POST",
                    (*record, "stream"),
                    operation="add a comment",
                    json={"type": "comment", "body": text},
                ),
            ),
            tags=kit.Tags(
                lambda: self._candidate(application.external_id)["tags"],
                lambda tags: self._api.call(
                    "PUT", record, operation="add a tag", json={"tags": tags}
                ),
            ),
            field=lambda _: self._api.call(
                "PUT",
                (*record, "custom-attribute"),
                operation="set a custom attribute",
                json={
                    "name": self.settings["report_attribute"],
                    "value": report.tag,
                    "secure": False,
                },
            ),
        )

    def reasons(self) -> Sequence[kit.Reason]:
        """The names of all stages that end a case; whose they are the company says."""
        pipelines = dict.fromkeys(p["pipeline_id"] for p in self._positions() if p["pipeline_id"])
        names = [
            stage["name"]
            for pipeline in pipelines
            for stage in self._api.get(
                ("pipeline", pipeline), schema=PipelineSchema(), operation="get a pipeline"
            )["stages"]
            if is_disqualified({"stage": stage}) and stage["name"]
        ]
        return [kit.Reason(name, name) for name in dict.fromkeys(names)]

    def check(self) -> list[kit.Check]:
        """Reading only; what is written is tried by a delivery or a report."""
        probes = [
            kit.Probe("company_id", self._company_check, f"Give the token's user {ACCESS}."),
            kit.Probe(
                "positions",
                lambda: f"{len(self._positions())} published or closed",
                f"Give the token's user {ACCESS}; check company_id.",
            ),
            kit.hooks_probe(
                self,
                self._heard,
                remedy="Register the endpoint for these events, as the guide says; web hooks need "
                "a Pro plan.",
            ),
        ]
        remedy = "Make a new access token in Breezy and type it in api_token."
        return kit.run_probes(probes, credentials="api_token", remedy=remedy)

    def _company_check(self) -> kit.Check | str:
        found = self._root.get(
            ("companies",), schema=RecordSchema(many=True), operation="list companies"
        )
        if self.settings["company_id"] in {company["id"] for company in found}:
            return "found"
        remedy = "Type in company_id as GET /companies tells it (_id)."
        return kit.Check("company_id", False, "the token's user has no such company", remedy)

    def _heard(self) -> list[str]:
        """The events of all enabled endpoints."""
        what = "list web hook endpoints"
        found = self._api.get(("webhook_endpoints",), schema=EndpointsSchema(), operation=what)
        return [event for hook in found["data"] if hook["enabled"] for event in hook["events"]]

    def _told(self, row: dict[str, Any], position: str) -> kit.ApplicationEvent:
        """A row tells all but when a case ended."""
        if not is_disqualified(row):
            return kit.snapshot_event(self._snapshot(row, position), ats_event="candidates")
        case, at = case_id(position, row["id"]), row["updated_date"]
        return kit.hint_event(
            case, at=at, person=row["id"], ats_event="candidates", version=version(row)
        )

    def _snapshot(
        self, person: dict[str, Any], position: str, *, ended_at: datetime | None = None
    ) -> kit.Application:
        return application_from(
            person, self._job(position), policy=self.policy, hired=self._hired, ended_at=ended_at
        )

    def _job(self, position: str) -> kit.Job:
        """A burst ends many cases of one position."""

        def read() -> kit.Job:
            path, what = ("position", position), "get a position"
            found = self._api.get(path, schema=PositionSchema(), operation=what)
            return kit.Job(position, found["name"])

        return self.recalled(f"position {position}", read)

    def _positions(self) -> list[dict[str, Any]]:
        """Closed ones too: closing a position ends what is left on it."""
        return [
            position
            for state in ("published", "closed")
            for position in self._api.get(
                ("positions",),
                schema=PositionSchema(many=True),
                operation="list positions",
                params={"state": state},
            )
        ]

    def _candidate(self, case: str) -> dict[str, Any]:
        try:
            return self._api.get(
                _record(case), schema=CandidateSchema(), operation="get a candidate"
            )
        except kit.ApiRequestError as error:
            # wrongPosition: the record was moved to another position and is another case there.
            if error.status != 412:
                raise
            raise kit.ApiNotFoundError(
                "Breezy HR has the candidate on another position by now",
                connector=SPEC.name,
                operation=error.operation,
                status=412,
            ) from None

    def _stream(self, case: str) -> kit.HttpResponse:
        """A list; its comments are only searched for our own."""
        answer = self._api.call(
            "GET", (*_record(case), "stream"), operation="read a candidate's stream"
        )
        answer.read(_ENTRIES)
        return answer

    def _thread(self, path: tuple[str, ...]) -> Iterator[str]:
        """All pages of the thread as text; how long a page is is not documented."""
        what, seen = "read a candidate's thread", set[str]()

        def turn(page: str) -> tuple[list[str], str]:
            count = int(page or 0)
            params = {"include_delayed": 1, "skip": count}
            answer = self._api.call("GET", path, operation=what, params=params)
            entries = answer.read(_ENTRIES)
            new = {entry["id"] for entry in entries} - seen
            seen.update(new)
            return [_text(answer)], str(count + len(entries)) if new else ""

        return self._api.all_pages(turn, operation=what)


_ENTRIES = EntrySchema(many=True)


def _record(case: str) -> tuple[str, ...]:
    position, _, person = case.partition(":")
    return "position", position, "candidate", person


def _text(answer: kit.HttpResponse) -> str:
    return answer.body.decode("utf-8", "replace")
