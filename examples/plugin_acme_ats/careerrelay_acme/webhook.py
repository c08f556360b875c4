"""Acme's webhooks: https://acme.example.com/developers/hooks."""

from __future__ import annotations

from marshmallow import fields

from careerrelay import connectors as kit

from .spec import SPEC


class HookSchema(kit.PayloadSchema):
    """Ids only: of a case, or of a person."""

    type = fields.String(required=True)
    at = kit.EpochMilliseconds(required=True)
    case_id = kit.OptionalId()
    person_id = kit.OptionalId()


def parse(request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
    """A hint: which case to look at, or which person is gone."""
    hook = HookSchema().read(kit.read_json(request.body))
    name, at, case, person = hook["type"], hook["at"], hook["case_id"], hook["person_id"]
    if not SPEC.reads(name):
        return []
    if name == "case.changed" and case:
        return [kit.hint_event(case, at=at, ats_event=name)]
    if name == "person.removed" and person:
        gone = kit.EventKind.ERASED
        return [kit.ApplicationEvent(gone, at, candidate_id=person, ats_event=name)]
    raise kit.PayloadError("not as the vendor documents it: case_id or person_id")
