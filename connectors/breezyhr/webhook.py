"""Breezy's web hooks: sign, verify, parse. No I/O.

https://developer.breezy.hr/reference/webhook-security
"""

from __future__ import annotations

import dataclasses
import json

from marshmallow import fields

from careerrelay import connectors as kit

from .spec import SPEC

HEADER = "x-hook-signature"


class RecordSchema(kit.PayloadSchema):
    id = kit.ExternalId(required=True, data_key="_id")


class ObjectSchema(kit.PayloadSchema):
    """Of ``candidateStatusUpdated`` only these are certain to be there."""

    candidate = fields.Nested(RecordSchema, required=True)
    position = fields.Nested(RecordSchema, required=True)


class HookSchema(kit.PayloadSchema):
    type = fields.String(required=True)
    creation_date = kit.IsoDateTime(required=True)
    object = fields.Nested(ObjectSchema, required=True)


def verify(request: kit.WebhookRequest, *, secrets: str) -> None:
    """The bytes as they came; if they do not match, the JSON as JavaScript writes it.

    The vendor's own examples hash the parsed body written again, so what was signed may differ
    from what was sent in blanks and in how non-ASCII letters are written. That is why the body is
    only a hint.
    """
    try:
        _verify(request, request.body, secrets)
    except kit.WebhookVerificationError:
        _verify(request, _compact(request.body), secrets)


def sign(request: kit.WebhookRequest, *, secrets: str) -> kit.WebhookRequest:
    signature = kit.hmac_sha256_hex(kit.current_secret(secrets), request.body)
    return dataclasses.replace(request, headers={**request.headers, HEADER: signature})


def parse(request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
    """Go and look at the record; a deletion is believed where it is not there any more."""
    hook = HookSchema().read(kit.read_json(request.body))
    name, told = hook["type"], hook["object"]
    if name not in SPEC.events:
        raise kit.UnknownEventError("Breezy HR sent an event that its documents did not name")
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


def _verify(request: kit.WebhookRequest, body: bytes, secrets: str) -> None:
    kit.verify_hmac(
        body,
        signature=request.headers.get(HEADER),
        secrets=secrets,
        where="the header X-Hook-Signature",
    )


def _compact(body: bytes) -> bytes:
    try:
        told = kit.read_json(body)
    except kit.PayloadError:
        return body
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
