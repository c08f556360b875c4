"""Ashby's web hooks: https://developers.ashbyhq.com/docs/authenticating-webhooks. No I/O."""

from __future__ import annotations

import dataclasses

from marshmallow import fields

from careerrelay import connectors as kit

from .records import ApplicationSchema, event_from
from .spec import SPEC

# What every web hook has: no time, no id.
HookSchema = kit.PayloadSchema.of(
    action=fields.String(required=True), data=fields.Dict(required=True)
)
IdSchema = kit.PayloadSchema.of(id=kit.ExternalId(required=True))


class MergedSchema(kit.CamelCaseSchema):
    """Two persons are one."""

    deleted_candidate = fields.Nested(IdSchema, required=True)
    merged_candidate = fields.Nested(IdSchema, required=True)


def parse(request: kit.WebhookRequest, *, policy: kit.Policy) -> list[kit.ApplicationEvent]:
    """The case as the web hook shows it, or who is gone."""
    hook = HookSchema().read(kit.read_json(request.body))
    action, data = hook["action"], hook["data"]
    if not SPEC.reads(action):
        return []
    if action == "candidateDelete":
        gone = IdSchema().read(data, under="candidate")["id"]
        return [_about(gone, kit.EventKind.ERASED, request, action)]
    if action == "candidateMerge":
        both = MergedSchema().read(data)
        merged = _about(both["deleted_candidate"]["id"], kit.EventKind.MERGED, request, action)
        return [dataclasses.replace(merged, merged_into=both["merged_candidate"]["id"])]
    case = ApplicationSchema().read(data, under="application")
    return event_from(case, policy=policy, ats_event=action)


def _about(
    person: str, kind: kit.EventKind, request: kit.WebhookRequest, action: str
) -> kit.ApplicationEvent:
    """Ashby tells no time of these, so they happened when they came."""
    return kit.ApplicationEvent(
        kind=kind, occurred_at=request.received_at, candidate_id=person, ats_event=action
    )
