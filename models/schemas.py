"""JSON of the values that cross the connector border: stored polls, golden files, CLI output."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, post_dump, post_load

from .candidates import (
    Application,
    ApplicationState,
    Candidate,
    Channel,
    Flag,
    Job,
    Reason,
    RejectionSide,
    Stage,
)
from .events import ApplicationEvent, EventKind


class _Value(Schema):
    """A frozen value; keys whose value is None, "" or empty are left out of the JSON."""

    value: type

    class Meta:
        unknown = EXCLUDE

    @post_load
    def build(self, data: dict[str, Any], **_: Any) -> Any:
        return self.value(**data)

    @post_dump
    def drop_empty(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {k: v for k, v in data.items() if v not in (None, "", [], ())}


class _Texts(fields.List):
    """A tuple (or sorted frozenset) of strings."""

    def __init__(self, inner: fields.Field, *, into: type = tuple) -> None:
        super().__init__(inner)
        self.into = into

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> list[Any] | None:
        return super()._serialize(
            sorted(value) if self.into is frozenset else value, attr, obj, **kwargs
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return self.into(super()._deserialize(value, attr, data, **kwargs))


class CandidateSchema(_Value):
    value = Candidate
    external_id = fields.String(required=True)
    emails = _Texts(fields.String())
    family_name = fields.String()
    given_name = fields.String()
    full_name = fields.String()
    locale = fields.String(allow_none=True)


class JobSchema(_Value):
    value = Job
    external_id = fields.String(required=True)
    title = fields.String(load_default="")


class ReasonSchema(_Value):
    value = Reason
    external_id = fields.String(required=True)
    text = fields.String(load_default="")
    side = fields.Enum(RejectionSide, by_value=True)


class ApplicationSchema(_Value):
    value = Application
    external_id = fields.String(required=True)
    candidate = fields.Nested(CandidateSchema, required=True)
    state = fields.Enum(ApplicationState, by_value=True, required=True)
    changed_at = fields.AwareDateTime(format="iso", required=True)
    job = fields.Nested(JobSchema, allow_none=True)
    reason = fields.Nested(ReasonSchema, allow_none=True)
    stage = fields.Enum(Stage, by_value=True)
    stage_text = fields.String()
    channel = fields.Enum(Channel, by_value=True)
    flags = _Texts(fields.Enum(Flag, by_value=True), into=frozenset)
    applied_at = fields.AwareDateTime(format="iso", allow_none=True)
    notice_after = fields.AwareDateTime(format="iso", allow_none=True)
    ats_url = fields.String(allow_none=True)
    version = fields.String()


class ApplicationEventSchema(_Value):
    value = ApplicationEvent
    kind = fields.Enum(EventKind, by_value=True, required=True)
    occurred_at = fields.AwareDateTime(format="iso", required=True)
    application_id = fields.String(allow_none=True)
    candidate_id = fields.String(allow_none=True)
    application = fields.Nested(ApplicationSchema, allow_none=True)
    merged_into = fields.String(allow_none=True)
    application_ids = _Texts(fields.String())
    notice_after = fields.AwareDateTime(format="iso", allow_none=True)
    ats_event = fields.String()
    version = fields.String()


_EVENTS = ApplicationEventSchema()
"""Made once: it keeps nothing of what it reads, and to build its fields costs more than to use
them."""


def dump_event(event: ApplicationEvent) -> dict[str, Any]:
    """The event as JSON-ready data; ``load_event`` is its inverse."""
    data = _EVENTS.dump(event)
    if not isinstance(data, dict):
        raise TypeError("one event, not many")
    return data


def load_event(data: Any) -> ApplicationEvent:
    """An event from ``dump_event``'s data. Raises marshmallow.ValidationError."""
    event = _EVENTS.load(data)
    if not isinstance(event, ApplicationEvent):
        raise TypeError("one event, not many")
    return event
