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
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit
from careerrelay.connectors import WebhookRequest, WebhookVerificationError

from .spec import SPEC

TOKENS = "signature_tokens"
LONGEST_ID = 120
# The id is not signed and becomes part of an address we call; words of the API are no ids.
RECORD_ID = re.compile(r"[0-9A-Za-z-]{16,64}")


MOST_SECONDS = 10**10
"""Beyond any age there can be, and within what a timedelta holds."""


# The root of every web hook; ``data`` differs by event.
HookSchema = kit.CamelCaseSchema.of(
    event=fields.String(required=True),
    triggered_at=kit.EpochMilliseconds(required=True),
    data=fields.Dict(required=True),
)
# What we read of ``data``. ``candidateId``, an older name of the same id, may be missing.
IdsSchema = kit.CamelCaseSchema.of(
    opportunity_id=kit.OptionalId(), candidate_id=kit.OptionalId(), contact_id=kit.OptionalId()
)


@dataclass(frozen=True, slots=True)
class SignedInside:
    """The signature stands in the body; one of the account's signature tokens made it, recently."""

    max_age: timedelta

    def verify(self, request: WebhookRequest, *, settings: Mapping[str, str]) -> None:
        """Return if one of the tokens signed this; else WebhookVerificationError."""
        body = _object(request.body)
        message, signature = _signed_text(body), body.get("signature")
        if not message or not isinstance(signature, str):
            raise WebhookVerificationError(
                "Lever: the body has no usable token, triggeredAt and signature"
            )
        kit.verify_hmac(
            message.encode(),
            signature=signature,
            secrets=settings[TOKENS],
            where="the signature in the body",
            setting=TOKENS,
        )
        age = _age(body["triggeredAt"], request=request)
        if age > self.max_age:
            hours, allowed = (span / timedelta(hours=1) for span in (age, self.max_age))
            raise WebhookVerificationError(
                f"Lever triggered this {hours:.0f} hours ago, more than webhook_max_age_hours "
                f"({allowed:.0f}) allows"
            )

    def sign(self, request: WebhookRequest, *, settings: Mapping[str, str]) -> WebhookRequest:
        """The request with Lever's three fields in its body, signed by the first token.

        A ``token`` and ``triggeredAt`` that are there stay, unless they are too old to be taken: a
        hook captured long ago is signed as one of now. A body that is no JSON object has no place
        for a signature and stays as it is.
        """
        try:
            body = _object(request.body)
        except WebhookVerificationError:
            return request
        if not _signed_text(body) or _age(body["triggeredAt"], request=request) > self.max_age:
            body["token"] = uuid.uuid4().hex
            body["triggeredAt"] = int(request.received_at.timestamp() * 1000)
        secret = kit.current_secret(settings[TOKENS])
        body["signature"] = kit.hmac_sha256_hex(secret, _signed_text(body).encode())
        return dataclasses.replace(request, body=json.dumps(body).encode())


def parse(request: WebhookRequest) -> list[kit.ApplicationEvent]:
    """At most one event: go and look at this opportunity."""
    hook = HookSchema().read(kit.read_json(request.body))
    name, at = hook["event"], hook["triggered_at"]
    if not SPEC.reads(name):
        return []
    ids = IdsSchema().read(hook["data"])
    opportunity = ids["opportunity_id"] or ids["candidate_id"]
    if not opportunity or not RECORD_ID.fullmatch(opportunity):
        raise kit.PayloadError("Lever: data.opportunityId is missing or no id")
    if name == "candidateDeleted":
        # One case was deleted, not the person, who may have others.
        return [kit.ApplicationEvent(kit.EventKind.ERASED, at, opportunity, ats_event=name)]
    return [kit.hint_event(opportunity, at=at, person=ids["contact_id"], ats_event=name)]


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
        body = kit.read_json(raw)
    except kit.PayloadError as error:
        raise WebhookVerificationError(f"Lever signs inside a JSON body: {error.message}") from None
    if not isinstance(body, dict):
        raise WebhookVerificationError("Lever signs inside a JSON body, and this is no object")
    return body


def _signed_text(body: dict[str, Any]) -> str:
    """``token`` directly followed by ``triggeredAt`` in digits; "" where one is unusable."""
    token, triggered_at = body.get("token"), body.get("triggeredAt")
    usable = isinstance(token, str) and token and type(triggered_at) is int and triggered_at > 0
    return f"{token}{triggered_at}" if usable else ""


def _age(triggered_at: int, *, request: WebhookRequest) -> timedelta:
    """A moment no date can hold is as old as can be said; one in the future has no age."""
    seconds = request.received_at.timestamp() - triggered_at / 1000
    return timedelta(seconds=min(seconds, MOST_SECONDS)) if seconds > 0 else timedelta()
