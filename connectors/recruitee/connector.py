"""One company's Recruitee account: what a placement means, the search, the report."""

# ruff: noqa: ARG002 - marshmallow calls _deserialize with more than our field needs

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields

from careerrelay.connectors import (
    Application,
    ApplicationEvent,
    ApplicationState,
    Candidate,
    Check,
    Connector,
    EventKind,
    ExternalId,
    IsoDateTime,
    Job,
    OptionalList,
    OptionalPart,
    OptionalText,
    PayloadSchema,
    Policy,
    PollPage,
    Probe,
    Reason,
    RegistrationReport,
    Stage,
    VendorApi,
    WebhookReply,
    WebhookRequest,
    Window,
    join_url,
    run_probes,
)

from . import webhook
from .spec import SPEC
from .webhook import case_id

PAGE = 100
FILTER = json.dumps([{"field": "status", "in": ["disqualified"]}])
ROLE = "a hiring role that covers the job, with notes and tags"
TOKENS = "Settings > Apps and plugins > API tokens"


class Name(fields.Field[str]):
    """A text, or an object with a name: reasons and tags come either way."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = value.get("name") if isinstance(value, dict) else value
        if not isinstance(name, str):
            raise ValidationError("no name")
        return name.replace("\0", "").strip()


class PlacementSchema(PayloadSchema):
    offer_id = ExternalId(required=True)
    stage_id = ExternalId(load_default=None, allow_none=True)
    disqualified_at = IsoDateTime(load_default=None, allow_none=True)
    disqualify_reason = Name(load_default=None, allow_none=True)
    hired_at = IsoDateTime(load_default=None, allow_none=True)
    created_at = IsoDateTime(load_default=None, allow_none=True)


class CandidateSchema(PayloadSchema):
    id = ExternalId(required=True)
    name = OptionalText()
    emails = OptionalList(fields.String())
    source = OptionalText()
    tags = OptionalList(Name())
    adminapp_url = fields.String(load_default=None, allow_none=True)
    updated_at = IsoDateTime(load_default=None, allow_none=True)
    placements = OptionalList(fields.Nested(PlacementSchema))


class ReferenceSchema(PayloadSchema):
    id = ExternalId(required=True)
    type = fields.String(required=True)
    title = OptionalText()
    name = OptionalText()


class OneSchema(PayloadSchema):
    candidate = fields.Nested(CandidateSchema, required=True)
    references = OptionalList(fields.Nested(ReferenceSchema))


class OfferSchema(PayloadSchema):
    id = ExternalId(required=True)
    kind = OptionalText()


class HitPlacementSchema(PayloadSchema):
    offer = OptionalPart(OfferSchema)
    disqualified = fields.Boolean(load_default=False, allow_none=True)


class HitSchema(PayloadSchema):
    id = ExternalId(required=True)
    last_activity_at = IsoDateTime(required=True)
    placements = OptionalList(fields.Nested(HitPlacementSchema))


class SearchSchema(PayloadSchema):
    hits = fields.List(fields.Nested(HitSchema), required=True)


class NoteSchema(PayloadSchema):
    body = OptionalText()


class NotesSchema(PayloadSchema):
    notes = fields.List(fields.Nested(NoteSchema), required=True)


class CreatedSchema(PayloadSchema):
    note = fields.Nested(NoteSchema, required=True)


class ReasonSchema(PayloadSchema):
    name = fields.String(required=True)


class ReasonsSchema(PayloadSchema):
    disqualify_reasons = fields.List(fields.Nested(ReasonSchema), required=True)


class RecruiteeConnector(Connector):
    """Signed web hooks say where to look; the search finds what they did not bring."""

    spec = SPEC

    def prepare(self) -> None:
        self._policy = Policy.read(self.settings)
        self._api = VendorApi(
            self.http,
            url=join_url(self.settings["api_url"], "c", self.settings["company_id"]),
            headers={"Authorization": f"Bearer {self.settings['api_token']}"},
            setting="api_token and company_id",
        )

    def answer_handshake(self, request: WebhookRequest) -> WebhookReply | None:
        return webhook.answer_test(request)

    def verify_webhook(self, request: WebhookRequest) -> None:
        webhook.verify(request, secrets=self.settings["webhook_secret"])

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        return webhook.parse(request)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        return webhook.sign(request, secrets=self.settings["webhook_secret"])

    def fetch_application(
        self,
        application_id: str,
        *,
        candidate_id: str | None = None,
    ) -> Application:
        person, _, offer = application_id.partition(":")
        found = self._candidate(person)
        names = {(r["type"], r["id"]): r["title"] or r["name"] for r in found["references"]}
        places = found["candidate"]["placements"]
        place = next((place for place in places if place["offer_id"] == offer), {})
        return self._application(found["candidate"], place, names, offer)

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        """The disqualified, latest activity first, back to where the last round began."""
        window = Window.resume(cursor, now=self.clock(), history=self._policy.history)
        number = int(window.page or 1)
        params = {
            "page": str(number),
            "limit": str(PAGE),
            "hits": "true",
            "sort_by": "last_activity_at_desc",
            # Anything else here is ignored without a word, and everybody is returned.
            "filters_json": FILTER,
        }
        path = ("search", "new", "candidates")
        hits = self._get(path, SearchSchema(), "search candidates", params)["hits"]
        fresh = [hit for hit in hits if hit["last_activity_at"] >= window.since]
        more = len(hits) == PAGE == len(fresh)
        events = [event for hit in fresh for event in _hints(hit)]
        return window.turned(events, page=str(number + 1) if more else "")

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        """Tag first: it may be repeated. The note last, and only if not there."""
        person = application.candidate.external_id
        self._tag(person, report.tag)
        path = ("candidates", person, "notes")
        notes = self._get(path, NotesSchema(), "list notes", {"limit": "1000"})["notes"]
        if not any(report.marker in note["body"] for note in notes):
            visibility = {"level": self.settings["note_visibility"]}
            # Recruitee shows notes as HTML.
            note = {"body": html.escape(report.text, quote=False), "visibility": visibility}
            self._send("POST", path, "add a note", {"note": note}).read(CreatedSchema())

    def _tag(self, person: str, tag: str) -> None:
        """The call is known to add; should it replace, all tags are written again."""
        before = self._candidate(person)["candidate"]["tags"]
        if tag in before:
            return
        for tags in ([tag], [*before, tag]):
            number = int(person) if person.isascii() and person.isdigit() else person
            body = {"candidates": [number], "tags": tags}
            self._send("PATCH", ("bulk", "candidates", "tags"), "add a tag", body)
            if not {*before, tag} - set(self._candidate(person)["candidate"]["tags"]):
                return
        self.fail_response("add a tag", "the tags it was sent")

    def reasons(self) -> Sequence[Reason]:
        """By name, which is all that a placement says; whose they are the company says."""
        path = ("disqualify_reasons",)
        found = self._get(path, ReasonsSchema(), "list disqualify reasons")
        return [Reason(r["name"], r["name"]) for r in found["disqualify_reasons"]]

    def check(self) -> list[Check]:
        params = {"page": "1", "limit": "1", "hits": "true", "filters_json": FILTER}
        path = ("search", "new", "candidates")
        probes = [
            Probe("reasons", lambda: f"{len(self.reasons())} reasons", f"Give the user {ROLE}."),
            Probe(
                "candidates",
                lambda: self._get(path, SearchSchema(), "search candidates", params) and "found",
                f"Give the user {ROLE}.",
            ),
            Probe("web hook", self._webhook, ""),
        ]
        remedy = f"Make a token under {TOKENS}; company_id stands there too."
        return run_probes(probes, credentials="api_token", remedy=remedy)

    def _webhook(self) -> str:
        if self.settings["webhook_secret"]:
            return "webhook_secret is set; the list of web hooks cannot be read by API"
        return "webhook_secret is empty: who is taken back is not noticed"

    def _application(
        self,
        person: Mapping[str, Any],
        place: Mapping[str, Any],
        names: Mapping[tuple[str, str], str],
        offer: str,
    ) -> Application:
        """Without a placement the person is not on that job (any more): nothing is rejected."""
        ended = place.get("disqualified_at")
        state = ApplicationState.HIRED if place.get("hired_at") else ApplicationState.ACTIVE
        state = ApplicationState.REJECTED if ended else state
        changed_at: datetime = (
            ended or place.get("hired_at") or person["updated_at"] or self.clock()
        )
        reason = place.get("disqualify_reason") or "no reason chosen"
        return Application(
            external_id=case_id(person["id"], offer),
            candidate=Candidate(
                person["id"],
                emails=tuple(dict.fromkeys(e.strip() for e in person["emails"] if e.strip())),
                full_name=person["name"],
            ),
            state=state,
            changed_at=changed_at,
            job=Job(offer, names.get(("Offer", offer), "")),
            reason=Reason(reason, reason) if ended else None,
            stage=Stage.UNKNOWN,
            stage_text=names.get(("Stage", place.get("stage_id") or ""), ""),
            channel=self._policy.channel(person["source"]),
            flags=self._policy.flags(person["tags"]),
            applied_at=place.get("created_at"),
            notice_after=self._policy.notice_after(changed_at) if ended else None,
            ats_url=person["adminapp_url"],
        )

    def _candidate(self, person: str) -> dict[str, Any]:
        return self._get(("candidates", person), OneSchema(), "get a candidate")

    def _get(
        self,
        path: tuple[str, ...],
        schema: PayloadSchema,
        operation: str,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        return self._api.get(
            path, schema=schema, operation=operation, permission=ROLE, params=params
        )

    def _send(self, method: str, path: tuple[str, ...], operation: str, body: Any) -> Any:
        return self._api.call(method, path, operation=operation, permission=ROLE, json=body)


def _hints(hit: Mapping[str, Any]) -> Iterator[ApplicationEvent]:
    """The search does not say when; the candidate's record does."""
    for place in hit["placements"]:
        offer = place["offer"]
        if place["disqualified"] and offer and offer["kind"] != "talent_pool":
            yield ApplicationEvent(
                EventKind.CHANGED,
                hit["last_activity_at"],
                application_id=case_id(hit["id"], offer["id"]),
                candidate_id=hit["id"],
                ats_event="disqualified",
            )
