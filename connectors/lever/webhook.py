"""Lever's web hooks: signed inside the body, and only in part. No I/O.

The signature covers ``token`` and ``triggeredAt`` and nothing else, so everything else in the
body, the event's name included, may have been changed by anybody who saw one delivery. We read
ids only and say CHANGED; what happened is what the API says when the engine looks. A deletion
leaves nothing to look at: it is believed only where the API no longer knows the opportunity.
https://help.lever.co/hc/en-us/articles/20087284427677
"""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from datetime import timedelta
from typing import Any

from marshmallow import fields

from careerrelay.connectors.payload import (
    EpochMilliseconds,
    ExternalId,
    PayloadSchema,
    read_json,
)
from careerrelay.connectors.signatures import current_secret, hmac_sha256_hex, verify_hmac
from careerrelay.models.errors import PayloadError, UnknownEventError, WebhookVerificationError
from careerrelay.models.events import ApplicationEvent, EventKind, WebhookRequest

from .spec import SPEC

LONGEST_ID = 120
# The id is not signed and becomes part of an address we call; words of the API are no ids.
RECORD_ID = re.compile(r"[0-9A-Za-z-]{16,64}")


MOST_SECONDS = 10**10
"""Beyond any age there can be, and within what a timedelta holds."""


class HookSchema(PayloadSchema):
    """The root of every web hook; ``data`` differs by event."""

    event = fields.String(required=True)
    triggered_at = EpochMilliseconds(required=True, data_key="triggeredAt")
    data = fields.Dict(required=True)


class IdsSchema(PayloadSchema):
    """What we read of ``data``. ``candidateId``, an older name of the same id, may be missing."""

    opportunity_id = ExternalId(load_default=None, allow_none=True, data_key="opportunityId")
    candidate_id = ExternalId(load_default=None, allow_none=True, data_key="candidateId")
    contact_id = ExternalId(load_default=None, allow_none=True, data_key="contactId")


def verify(request: WebhookRequest, *, signature_tokens: str, max_age: timedelta) -> None:
    """Return if one of the tokens signed this, recently; else WebhookVerificationError."""
    body = _object(request.body)
    message, signature = _signed_text(body), body.get("signature")
    if not message or not isinstance(signature, str):
        raise WebhookVerificationError(
            "Lever: the body has no usable token, triggeredAt and signature"
        )
    verify_hmac(
        message.encode(),
        signature=signature,
        secrets=signature_tokens,
        where="the signature in the body",
        setting="signature_tokens",
    )
    _refuse_old(body["triggeredAt"], request=request, max_age=max_age)


def parse(request: WebhookRequest) -> list[ApplicationEvent]:
    """At most one event: go and look at this opportunity."""
    hook = HookSchema().read(read_json(request.body))
    name = hook["event"]
    if name in SPEC.ignored_events:
        return []
    if name not in SPEC.events:
        raise UnknownEventError("Lever sent an event that its documents did not name")
    ids = IdsSchema().read(hook["data"])
    opportunity = ids["opportunity_id"] or ids["candidate_id"]
    if not opportunity or not RECORD_ID.fullmatch(opportunity):
        raise PayloadError("Lever: data.opportunityId is missing or no id")
    erased = name == "candidateDeleted"
    return [
        ApplicationEvent(
            EventKind.ERASED if erased else EventKind.CHANGED,
            hook["triggered_at"],
            application_id=opportunity,
            # One case was deleted, not the person, who may have others.
            candidate_id=None if erased else ids["contact_id"],
            ats_event=name,
        )
    ]


def sign(request: WebhookRequest, *, signature_tokens: str, max_age: timedelta) -> WebhookRequest:
    """The request with Lever's three fields in its body, signed by the first token.

    A ``token`` and ``triggeredAt`` that are there stay, unless they are too old to be taken: a
    hook captured long ago is signed as one of now. A body that is no JSON object has no place
    for a signature and stays as it is.
    """
    try:
        body = _object(request.body)
    except WebhookVerificationError:
        return request
    if not _signed_text(body) or _age(body["triggeredAt"], request=request) > max_age:
        body["token"] = uuid.uuid4().hex
        body["triggeredAt"] = int(request.received_at.timestamp() * 1000)
    message = _signed_text(body).encode()
    body["signature"] = hmac_sha256_hex(current_secret(signature_tokens), message)
    return dataclasses.replace(request, body=json.dumps(body).encode())


def delivery_token(request: WebhookRequest) -> str | None:
    """What Lever signed: ``token`` and ``triggeredAt``, kept by retries; None: not there.

    One public note calls the token the web hook's own, others the delivery's. With the time
    beside it two deliveries never share an id, and a forged ``data`` still makes no new one.
    """
    try:
        body = _object(request.body)
    except WebhookVerificationError:
        return None
    signed = f"{body['triggeredAt']}-{body['token']}" if _signed_text(body) else None
    return signed if signed and len(signed) <= LONGEST_ID else None


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = read_json(raw)
    except PayloadError as error:
        raise WebhookVerificationError(f"Lever signs inside a JSON body: {error.message}") from None
    if not isinstance(body, dict):
        raise WebhookVerificationError("Lever signs inside a JSON body, and this is no object")
    return body


def _signed_text(body: dict[str, Any]) -> str:
    """``token`` directly followed by ``triggeredAt`` in digits; "" where one is unusable."""
    token, triggered_at = body.get("token"), body.get("triggeredAt")
    usable = isinstance(token, str) and token and type(triggered_at) is int and triggered_at > 0
    return f"{token}{triggered_at}" if usable else ""


def _refuse_old(triggered_at: int, *, request: WebhookRequest, max_age: timedelta) -> None:
    age = _age(triggered_at, request=request)
    if age > max_age:
        raise WebhookVerificationError(
            f"Lever triggered this {age.total_seconds() / 3600:.0f} hours ago, more than "
            f"webhook_max_age_hours ({max_age.total_seconds() / 3600:.0f}) allows"
        )


def _age(triggered_at: int, *, request: WebhookRequest) -> timedelta:
    """A moment no date can hold is as old as can be said; one in the future has no age."""
    seconds = request.received_at.timestamp() - triggered_at / 1000
    return timedelta(seconds=min(seconds, MOST_SECONDS)) if seconds > 0 else timedelta()
