"""Breezy's web hooks: what may have been signed, and what they say. No I/O.

https://developer.breezy.hr/reference/webhook-security
"""

from __future__ import annotations

import dataclasses
import json

from marshmallow import fields

from careerrelay import connectors as kit

from .spec import SPEC

SIGNED = kit.BodyHmac("X-Hook-Signature")

RecordSchema = kit.PayloadSchema.of(id=kit.ExternalId(required=True, data_key="_id"))
# Of ``candidateStatusUpdated`` only these are certain to be there.
ObjectSchema = kit.PayloadSchema.of(
    candidate=fields.Nested(RecordSchema, required=True),
    position=fields.Nested(RecordSchema, required=True),
)
HookSchema = kit.PayloadSchema.of(
    type=fields.String(required=True),
    creation_date=kit.IsoDateTime(required=True),
    object=fields.Nested(ObjectSchema, required=True),
)


def rewritten(request: kit.WebhookRequest) -> kit.WebhookRequest:
    """The request with its JSON as JavaScript writes it.

    The vendor's own examples hash the parsed body written again, so what was signed may differ
    from what was sent in blanks and in how non-ASCII letters are written. That is why the body is
    only a hint.
    """
    try:
        told = kit.read_json(request.body)
    except kit.PayloadError:
        return request
    compact = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return dataclasses.replace(request, body=compact)


def parse(request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
    """Go and look at the record; a deletion is believed where it is not there any more."""
    hook = HookSchema().read(kit.read_json(request.body))
    name, told = hook["type"], hook["object"]
    SPEC.reads(name)
    gone = name == "candidateDeleted"
    person = told["candidate"]["id"]
    return [
        kit.ApplicationEvent(
            kit.EventKind.ERASED if gone else kit.EventKind.CHANGED,
            hook["creation_date"],
            application_id=case_id(told["position"]["id"], person),
            candidate_id=person,
            ats_event=name,
        )
    ]


def case_id(position: str, person: str) -> str:
    """Every address of a record needs its position too."""
    if ":" in position:
        raise kit.PayloadError("not as the vendor documents it: position._id")
    return f"{position}:{person}"
