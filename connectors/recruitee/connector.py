"""One company's Recruitee account: what web hooks and placements mean, the search, the report.

https://docs.recruitee.com/docs/webhooks
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, fields

from careerrelay import connectors as kit

from .spec import MAILBOX_SEND, SPEC

PAGE = 100
FILTER = json.dumps([{"field": "status", "in": ["disqualified"]}])
ROLE = "a hiring role that covers the job, with notes and tags"
SENDER = "to send e-mail to the candidates of the job"
ACCENT = {"x-json-accent": "pascal"}
NO_MORE: Mapping[str, Any] = {
    **{key: [] for key in ("cc", "bcc", "attachments", "admins", "adminIds")},
    **dict.fromkeys(("replyToMessageId", "sendAt", "sendAtTimezone")),
    "visibility": {"level": "public", "roleIds": [], "adminIds": []},
}
LINK = re.compile(r"^(https?://[!-~]+)$", re.MULTILINE)
TOKENS = "Settings > Apps and plugins > API tokens"


class Name(fields.Field[str]):
    """A text, or an object with a name: reasons and tags come either way."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        name = value.get("name") if isinstance(value, dict) else value
        if not isinstance(name, str):
            raise ValidationError("no name")
        return name.replace("\0", "").strip()


class PlacementSchema(kit.PayloadSchema):
    offer_id = kit.ExternalId(required=True)
    stage_id = kit.OptionalId()
    disqualified_at = kit.OptionalTime()
    disqualify_reason = Name(load_default=None, allow_none=True)
    hired_at = kit.OptionalTime()
    created_at = kit.OptionalTime()


class CandidateSchema(kit.NamedSchema):
    emails = kit.Addresses()
    source = kit.OptionalText()
    tags = kit.OptionalList(Name())
    adminapp_url = fields.String(load_default=None, allow_none=True)
    updated_at = kit.OptionalTime()
    placements = kit.OptionalList(fields.Nested(PlacementSchema))


ReferenceSchema = kit.NamedSchema.of(type=fields.String(required=True), title=kit.OptionalText())


class OneSchema(kit.PayloadSchema):
    candidate = fields.Nested(CandidateSchema, required=True)
    references = kit.OptionalList(fields.Nested(ReferenceSchema))


OfferSchema = kit.IdSchema.of(kind=kit.OptionalText())


class PartSchema(kit.PayloadSchema):
    candidate = fields.Nested(kit.IdSchema, required=True)
    offer = kit.OptionalPart(OfferSchema)
    offers = kit.OptionalList(fields.Nested(OfferSchema))


class HookSchema(kit.PayloadSchema):
    event_type = fields.String(required=True)
    created_at = kit.IsoDateTime(required=True)
    payload = fields.Nested(PartSchema, required=True)


HitPlacementSchema = kit.PayloadSchema.of(
    offer=kit.OptionalPart(OfferSchema), disqualified=kit.OptionalFlag()
)


class HitSchema(kit.IdSchema):
    last_activity_at = kit.IsoDateTime(required=True)
    placements = kit.OptionalList(fields.Nested(HitPlacementSchema))


NoteSchema = kit.PayloadSchema.of(body=kit.OptionalText())
ReasonSchema = kit.PayloadSchema.of(name=fields.String(required=True))


class RecruiteeConnector(kit.Connector):
    """Signed web hooks say where to look; the search finds what they did not bring."""

    spec = SPEC

    def prepare(self) -> None:
        url = kit.join_url(self.settings["api_url"], "c", self.settings["company_id"])
        self._api = kit.VendorApi.bearer(self, "api_token", url=url, reads=ROLE)

    def answer_handshake(self, request: kit.WebhookRequest) -> kit.WebhookReply | None:
        """Whatever holds ``test`` gets 200 and has no effect, signed or not.

        "Verify and create" sends it before there is a secret, and the test buttons send made-up
        events with it.
        """
        if b'"test"' not in request.body:
            return None
        try:
            body = kit.read_json(request.body)
        except kit.PayloadError:
            return None
        return kit.WebhookReply(200) if isinstance(body, dict) and "test" in body else None

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        """Go and look at each job the event is about; talent pools are no jobs."""
        hook = HookSchema().read(kit.read_json(request.body))
        name, part, at = hook["event_type"], hook["payload"], hook["created_at"]
        if not SPEC.reads(name):
            return []
        person, gone = part["candidate"]["id"], kit.EventKind.ERASED
        if name == "candidate_deleted":
            return [kit.ApplicationEvent(gone, at, candidate_id=person, ats_event=name)]
        offers = [offer for offer in (part["offer"], *part["offers"]) if offer]
        return [
            kit.hint_event(kit.pair_id(person, offer["id"]), at=at, person=person, ats_event=name)
            for offer in offers
            if offer["kind"] != "talent_pool"
        ]

    def fetch_application(self, application_id: str) -> kit.Application:
        person, offer = kit.split_pair(application_id)
        found = self._candidate(person)
        with self.reading("get a candidate"):
            return self._application(found, offer)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """The disqualified, latest activity first, back to where the last round began."""
        window = kit.Window.resume(cursor, now=self.clock(), history=self.policy.history)
        hits = self._search(window.number, PAGE, sort_by="last_activity_at_desc")
        full = len(hits) == PAGE
        fresh, page = window.down_to(hits, lambda hit: hit["last_activity_at"], full=full)
        with self.reading("search candidates"):
            events = [event for hit in fresh for event in _hints(hit)]
            return window.turned(events, page=page)

    def _search(self, number: int, limit: int, **params: str) -> list[dict[str, Any]]:
        """``filters_json``: any other is ignored without a word, and everybody is returned."""
        params |= {"page": str(number), "limit": str(limit), "hits": "true", "filters_json": FILTER}
        path, what = ("search", "new", "candidates"), "search candidates"
        return self._api.rows(path, HitSchema, under="hits", operation=what, **params)

    def send_message(self, application: kit.Application, message: kit.OutgoingMessage) -> None:
        """From the mailbox of the token's user, with every key that the app itself sends.

        https://github.com/wingbackapp/recruitee-round-robin-interview-service
        """
        person = application.candidate
        to = {"candidateId": _number(person.external_id), "candidateEmail": person.emails[0]}
        mail = {"to": [to], "subject": message.subject, "bodyHtml": _as_html(message.text)}
        path, what = ("mailbox", "send"), "send a message"
        told = {"operation": what, "permission": SENDER, "headers": ACCENT}
        self._api.call("POST", path, **told, json={**NO_MORE, **mail})

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        person = application.candidate.external_id
        path = ("candidates", person, "notes")
        kit.write_report(
            report,
            by=self,
            notes=kit.Notes(lambda: self._notes(path), lambda text: self._add_note(path, text)),
            tags=kit.Tags(
                lambda: self._candidate(person)["candidate"]["tags"],
                lambda tags: self._add_tags(person, tags),
                adds=True,
            ),
        )

    def _notes(self, path: Sequence[str]) -> list[str]:
        told = {"under": "notes", "operation": "list notes", "limit": "1000"}
        return [note["body"] for note in self._api.rows(path, NoteSchema, **told)]

    def _add_note(self, path: Sequence[str], text: str) -> None:
        """Recruitee shows notes as HTML."""
        visibility = {"level": self.settings["note_visibility"]}
        note = {"body": html.escape(text, quote=False), "visibility": visibility}
        answer = self._api.call("POST", path, operation="add a note", json={"note": note})
        answer.read(NoteSchema(), under="note")

    def _add_tags(self, person: str, tags: Sequence[str]) -> None:
        body = {"candidates": [_number(person)], "tags": tags}
        self._api.call("PATCH", ("bulk", "candidates", "tags"), operation="add a tag", json=body)

    def reasons(self) -> Sequence[kit.Reason]:
        """By name, which is all that a placement says; whose they are the company says."""
        kind, what = "disqualify_reasons", "list disqualify reasons"
        found = self._api.rows((kind,), ReasonSchema, under=kind, operation=what)
        return [kit.Reason(r["name"], r["name"]) for r in found]

    def check(self) -> list[kit.Check]:
        give = f"Give the user {ROLE}."
        probes = [
            kit.Probe("reasons", lambda: f"{len(self.reasons())} reasons", give),
            kit.Probe("candidates", lambda: self._search(1, 1) and "found", give),
            kit.webhook_probe(self, without="who is taken back is not noticed"),
        ]
        if self.settings[MAILBOX_SEND] == "on":
            allow = f"Allow the token's user {SENDER}."
            probes.append(kit.Probe("email templates", self._templates, allow))
        remedy = f"Make a token under {TOKENS}; company_id stands there too."
        return kit.run_probes(probes, credentials="api_token", remedy=remedy)

    def _templates(self) -> str:
        """All that can be tried without a mail to somebody."""
        kind, what = "email_templates", "list email templates"
        found = self._api.rows((kind,), kit.IdSchema, under=kind, operation=what, permission=SENDER)
        return f"{len(found)} templates; the sending itself shows with the first notice"

    def _application(self, found: Mapping[str, Any], offer: str) -> kit.Application:
        """Without a placement the person is not on that job (any more): nothing is rejected."""
        person = found["candidate"]
        names = {(r["type"], r["id"]): r["title"] or r["name"] for r in found["references"]}
        places = (place for place in person["placements"] if place["offer_id"] == offer)
        place: Mapping[str, Any] = next(places, {})
        ended, hired = place.get("disqualified_at"), place.get("hired_at")
        open_ = kit.ApplicationState.HIRED if hired else kit.ApplicationState.ACTIVE
        state = kit.ApplicationState.REJECTED if ended else open_
        changed_at = ended or hired or person["updated_at"] or self.clock()
        reason = place.get("disqualify_reason") or "no reason chosen"
        return kit.Application(
            external_id=kit.pair_id(person["id"], offer),
            candidate=kit.Candidate(
                person["id"], emails=person["emails"], full_name=person["name"]
            ),
            state=state,
            changed_at=changed_at,
            job=kit.Job(offer, names.get(("Offer", offer), "")),
            reason=kit.Reason(reason, reason) if ended else None,
            stage_text=names.get(("Stage", place.get("stage_id") or ""), ""),
            channel=self.policy.channel(person["source"]),
            flags=self.policy.flags(person["tags"], rescinded=bool(ended and hired)),
            applied_at=place.get("created_at"),
            notice_after=self.policy.notice_after(changed_at, state),
            ats_url=person["adminapp_url"],
        )

    def _candidate(self, person: str) -> dict[str, Any]:
        what = "get a candidate"
        return self._api.get(("candidates", person), schema=OneSchema(), operation=what)


def _number(person: str) -> int | str:
    return int(person) if person.isascii() and person.isdigit() else person


def _as_html(text: str) -> str:
    """Nothing in it is markup but line breaks, and a link where an address has a line alone."""
    linked = LINK.sub(r'<a href="\1">\1</a>', html.escape(text))
    return f"<p>{linked}</p>".replace("\n", "<br>")


def _hints(hit: Mapping[str, Any]) -> Iterator[kit.ApplicationEvent]:
    """The search does not say when; the candidate's record does."""
    for place in hit["placements"]:
        offer, at, person = place["offer"], hit["last_activity_at"], hit["id"]
        if place["disqualified"] and offer and offer["kind"] != "talent_pool":
            case = kit.pair_id(person, offer["id"])
            yield kit.hint_event(case, at=at, person=person, ats_event="disqualified")
