"""One company's Personio account: polling API v2, and what a phase means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields

from careerrelay import connectors as kit
from careerrelay.connectors import ApplicationState

from .spec import SPEC

SCOPE = "personio:recruiting:read"
ROOT = ("v2", "recruiting", "applications")
LIST = "list applications"
PAGE = 200
SWEEP = timedelta(days=1)
CREDENTIALS = "client_id and client_secret"
WHERE = "the API credentials in Personio's settings"

Record = Mapping[str, Any]


class Moment(fields.Field[datetime]):
    """A local time and its zone, side by side; or one text with an offset."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        zone, text = None, value
        if isinstance(value, dict):
            text, name = value.get("date-time"), value.get("timezone")
            try:
                zone = ZoneInfo(name) if name else None
            except (LookupError, OSError, TypeError, ValueError):
                raise ValidationError("not a time zone") from None
        told: Any = kit.IsoDateTime(naive_in=zone).deserialize(text, attr, data, **kwargs)
        if told is None:
            raise ValidationError("not a time")
        return told


# A job or a channel; a phase has two words more.
NAMED = kit.PayloadSchema.of(id=kit.OptionalId(), name=kit.OptionalText())
STAGE = kit.PayloadSchema.of(
    id=kit.OptionalId(), name=kit.OptionalText(), type=kit.OptionalText(), kind=kit.OptionalText()
)


class CandidateSchema(kit.PayloadSchema, kit.PersonParts):
    id = kit.OptionalId()


class ApplicationSchema(kit.IdSchema):
    candidate = kit.OptionalPart(CandidateSchema)
    job = kit.OptionalPart(NAMED)
    current_stage = kit.OptionalPart(STAGE)
    channel = kit.OptionalPart(NAMED)
    is_anonymized = kit.OptionalFlag()
    created_at = Moment(load_default=None, allow_none=True)
    updated_at = Moment(required=True)


TRANSITION = kit.PayloadSchema.of(
    entered_at=Moment(required=True), stage=fields.Nested(STAGE, required=True)
)
LINK = kit.PayloadSchema.of(href=kit.OptionalText())
LINKS = kit.PayloadSchema.of(next=kit.OptionalPart(LINK))
META = kit.PayloadSchema.of(links=kit.OptionalPart(LINKS))


class PersonioConnector(kit.Connector):
    """What changed, and once a day everything; since when a case has ended, its history says."""

    spec = SPEC

    def prepare(self) -> None:
        self._ends = kit.Statuses.ends(
            self.settings,
            rejected="rejected_stages",
            withdrawn="withdrawn_stages",
            hired="accepted",
        )
        url = self.settings["api_url"]
        token_url = kit.join_url(url, "v2", "auth", "token")
        session = kit.client_session(
            self, token_url=token_url, permission=SCOPE, secret_in_body=True
        )
        self._api = kit.VendorApi(session, url=url, setting=CREDENTIALS, reads=SCOPE)

    def fetch_application(self, application_id: str) -> kit.Application:
        """The record, and for a case that has ended since when."""
        what = "get an application"
        answer = self._api.call("GET", (*ROOT, application_id), operation=what).json()
        with self.reading(what):
            found = ApplicationSchema().read(_unwrapped(answer))
        state = self._state(found["current_stage"])
        if found["is_anonymized"] or state is ApplicationState.ACTIVE:
            return self._application(found, found["updated_at"])
        return self._application(found, self._since(application_id, state) or found["updated_at"])

    def _since(self, case: str, state: ApplicationState) -> datetime | None:
        """When the phase began that the case is in: the latest change, if it is the one to it."""
        what = "list stage transitions"
        answer = self._api.call("GET", (*ROOT, case, "stage-transitions"), operation=what).json()
        with self.reading(what):
            rows = TRANSITION(many=True).read(_part(answer, "data"))
        latest = max(rows, key=lambda row: row["entered_at"], default=None)
        if latest is None or self._state(latest["stage"]) is not state:
            return None
        return latest["entered_at"]

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """What changed; once a day, and the first time, whatever has ended at all."""
        now, history = self.clock(), self.policy.history
        window = kit.Window.resume(cursor, now=now, history=history, sweep=SWEEP)
        (found, page), read = self._page(window), partial(self._event, whole=window.whole)
        told = kit.row_by_row(found, read, by=self, operation=LIST)
        with self.reading(LIST):
            return window.turned(told, page=page)

    def _event(self, found: Record, *, whole: bool) -> kit.ApplicationEvent | None:
        """The row is the whole truth, except since when a case has ended.

        The name tells two looks at one moment apart, should a change not move ``updated_at``.
        """
        row = ApplicationSchema().read(found)
        case = self._application(row, row["updated_at"])
        if case.state is ApplicationState.ERASED:
            return kit.snapshot_event(case, ats_event="anonymised")
        if case.state is ApplicationState.ACTIVE:
            return None if whole else kit.snapshot_event(case, ats_event="open")
        at, person = row["updated_at"], case.candidate.external_id
        return kit.hint_event(case.external_id, at=at, person=person, ats_event=case.state.value)

    def _page(self, window: kit.Window) -> tuple[list[dict[str, Any]], str]:
        first = {"updated_at.gt": window.since.isoformat(), "limit": str(PAGE)}
        params = kit.asked_of(window.page, first=first)
        answer = self._api.call("GET", ROOT, operation=LIST, params=params).json()
        with self.reading(LIST):
            rows = kit.RowSchema(many=True).read(_part(answer, "data"))
            links = META().read(_part(answer, "meta") or {})["links"]
            following = links["next"] if links else None
            return rows, kit.query_of(following["href"]) if following else ""

    def check(self) -> list[kit.Check]:
        probes = [kit.Probe("applications", self._phases, f"Give the scope {SCOPE} to {WHERE}.")]
        remedy = f"Make new {WHERE}, type them in client_id and client_secret, and check api_url."
        return kit.run_probes(probes, credentials=CREDENTIALS, remedy=remedy)

    def _phases(self) -> str:
        """How API v2 spells the phases is not documented, so those lately seen are told."""
        found, _ = self._page(kit.Window(self.clock() - self.policy.history, self.clock()))
        with self.reading(LIST):
            rows = ApplicationSchema(many=True).read(found)
        stages = [row["current_stage"] for row in rows if row["current_stage"]]
        open_ = [s for s in stages if self._state(s) is ApplicationState.ACTIVE]
        names = sorted({" / ".join(filter(None, (s["type"], s["name"]))) for s in open_})
        return f"phases lately in use that are no end of a case: {', '.join(names) or 'none'}"

    def _state(self, stage: Record | None) -> ApplicationState:
        return self._ends.of(*(stage or {}).values())

    def _application(self, record: Record, changed_at: datetime) -> kit.Application:
        stage, job, erased = record["current_stage"], record["job"], record["is_anonymized"]
        state = ApplicationState.ERASED if erased else self._state(stage)
        person = record["candidate"] or CandidateSchema().read({})
        name, closed = _stage_name(stage), state.side is not kit.RejectionSide.UNKNOWN
        return kit.Application(
            external_id=record["id"],
            candidate=kit.person_of(person["id"] or record["id"], person, erased=erased),
            state=state,
            changed_at=changed_at,
            job=kit.Job(job["id"], job["name"]) if job and job["id"] else None,
            reason=kit.Reason(state.value, name, state.side) if closed else None,
            stage_text=name,
            channel=self.policy.channel((record["channel"] or {}).get("name")),
            applied_at=record["created_at"],
            notice_after=self.policy.notice_after(changed_at, state),
        )


def _stage_name(stage: Record | None) -> str:
    return (stage["name"] or stage["type"]) if stage else ""


def _part(answer: Any, name: str) -> Any:
    """A part of an answer: public clients met it with an underscore and without."""
    parts: dict[str, Any] = answer if isinstance(answer, dict) else {}
    return parts.get(f"_{name}", parts.get(name))


def _unwrapped(answer: Any) -> Any:
    """A single record stands alone, or in an envelope: which one is not documented."""
    inner = _part(answer, "data")
    return answer if inner is None else inner
