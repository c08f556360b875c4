"""Teamtailor's company web hooks: sign, verify, parse. No I/O.

https://partner.teamtailor.com/company_webhooks
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit

from .spec import SPEC

HEADER = "tt-signature"
RECENT = timedelta(minutes=5)
"""Nothing is ever sent again, so nothing old is genuine."""


class AttributesSchema(kit.KebabCaseSchema):
    """What we read of an application."""

    updated_at = kit.OptionalTime()
    rejected_at = kit.OptionalTime()
    transparent_recruiting_visible_at = kit.OptionalTime()


class DataSchema(kit.PayloadSchema):
    """A record; a deleted one has no attributes."""

    id = kit.ExternalId(required=True)
    attributes = fields.Dict(load_default=dict, allow_none=True)


class PayloadPartSchema(kit.PayloadSchema):
    event_name = fields.String(required=True)
    data = fields.Nested(DataSchema, required=True)


class HookSchema(kit.PayloadSchema):
    payload = fields.Nested(PayloadPartSchema, required=True)


def verify(request: kit.WebhookRequest, *, secrets: str) -> None:
    """Version 2 only: version 1 signs no more than an id and can be replayed for ever.

    Whether "the payload" is the body, which holds the signature itself, or its part of that
    name, the page leaves open; either is covered in whole, so either will do.
    """
    sent_at, signature = _read(request)
    inner = _inner(request.body)
    for payload in (request.body, inner):
        try:
            kit.verify_hmac(
                f"{sent_at}.".encode() + payload,
                signature=signature,
                secrets=secrets,
                where="the header TT-Signature",
            )
            break
        except kit.WebhookVerificationError:
            if payload is inner:
                raise
    moment = datetime.fromtimestamp(sent_at, UTC)
    kit.verify_recent(moment, received_at=request.received_at, within=RECENT)


def sign(request: kit.WebhookRequest, *, secrets: str) -> kit.WebhookRequest:
    """The request as Teamtailor sends it now, signed over the whole body."""
    sent_at = int(request.received_at.timestamp())
    message = f"{sent_at}.".encode() + request.body
    text = f"t={sent_at},v2={kit.hmac_sha256_hex(kit.current_secret(secrets), message)}"
    header = base64.b64encode(text.encode()).decode()
    return dataclasses.replace(request, headers={**request.headers, HEADER: header})


def parse(request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
    """At most one event: go and look, with the moment from which the candidate may know."""
    hook = HookSchema().read(kit.read_json(request.body))["payload"]
    name, id_ = hook["event_name"], hook["data"]["id"]
    if not SPEC.reads(name):
        return []
    dashed = {key.replace("_", "-"): v for key, v in (hook["data"]["attributes"] or {}).items()}
    told = AttributesSchema().read(dashed)
    erased = name.endswith(".destroy")
    of_person = name == "candidate.destroy"
    return [
        kit.ApplicationEvent(
            kit.EventKind.ERASED if erased else kit.EventKind.CHANGED,
            told["updated_at"] or request.received_at,
            application_id=None if of_person else id_,
            candidate_id=id_ if of_person else None,
            notice_after=told["transparent_recruiting_visible_at"] if told["rejected_at"] else None,
            ats_event=name,
        )
    ]


def _read(request: kit.WebhookRequest) -> tuple[int, str]:
    """Time and signature. Raises WebhookVerificationError for any other version."""
    try:
        text = base64.b64decode(request.headers.get(HEADER, ""), validate=True).decode("ascii")
    except ValueError:
        text = ""
    found = re.fullmatch(r"t=([0-9]{1,11}),v2=([0-9A-Fa-f]{64})", text)
    if found is None:
        raise kit.WebhookVerificationError(
            "the header TT-Signature is missing or not of version 2; choose version 2 in the "
            "web hook's settings"
        )
    return int(found[1]), found[2]


def _inner(body: bytes) -> bytes:
    try:
        hook: Any = kit.read_json(body)
    except kit.PayloadError:
        return b""
    part = hook.get("payload") if isinstance(hook, dict) else None
    return json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode()
