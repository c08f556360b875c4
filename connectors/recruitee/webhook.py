"""Recruitee's web hooks: sign, verify, parse. No I/O.

https://docs.recruitee.com/docs/webhooks
"""

from __future__ import annotations

import dataclasses

from marshmallow import fields

from careerrelay.connectors import (
    ApplicationEvent,
    EventKind,
    ExternalId,
    IsoDateTime,
    OptionalList,
    OptionalPart,
    OptionalText,
    PayloadError,
    PayloadSchema,
    UnknownEventError,
    WebhookReply,
    WebhookRequest,
    current_secret,
    hmac_sha256_hex,
    read_json,
    verify_hmac,
)

from .spec import SPEC

HEADER = "x-recruitee-signature"


class PersonSchema(PayloadSchema):
    id = ExternalId(required=True)


class OfferSchema(PersonSchema):
    kind = OptionalText()


class PartSchema(PayloadSchema):
    candidate = fields.Nested(PersonSchema, required=True)
    offer = OptionalPart(OfferSchema)
    offers = OptionalList(fields.Nested(OfferSchema))


class HookSchema(PayloadSchema):
    event_type = fields.String(required=True)
    created_at = IsoDateTime(required=True)
    payload = fields.Nested(PartSchema, required=True)


def answer_test(request: WebhookRequest) -> WebhookReply | None:
    """Whatever holds ``test`` gets 200 and has no effect, signed or not.

    "Verify and create" sends it before there is a secret, and the test buttons send made-up
    events with it.
    """
    if b'"test"' not in request.body:
        return None
    try:
        body = read_json(request.body)
    except PayloadError:
        return None
    return WebhookReply(200) if isinstance(body, dict) and "test" in body else None


def verify(request: WebhookRequest, *, secrets: str) -> None:
    verify_hmac(
        request.body,
        signature=request.headers.get(HEADER),
        secrets=secrets,
        where="the header X-Recruitee-Signature",
    )


def sign(request: WebhookRequest, *, secrets: str) -> WebhookRequest:
    signature = hmac_sha256_hex(current_secret(secrets), request.body)
    return dataclasses.replace(request, headers={**request.headers, HEADER: signature})


def parse(request: WebhookRequest) -> list[ApplicationEvent]:
    """Go and look at each job the event is about; talent pools are no jobs."""
    hook = HookSchema().read(read_json(request.body))
    name, part = hook["event_type"], hook["payload"]
    if name not in SPEC.events:
        raise UnknownEventError("Recruitee sent an event that its documents did not name")
    person, at = part["candidate"]["id"], hook["created_at"]
    if name == "candidate_deleted":
        return [ApplicationEvent(EventKind.ERASED, at, candidate_id=person, ats_event=name)]
    offers = [offer for offer in (part["offer"], *part["offers"]) if offer]
    return [
        ApplicationEvent(
            EventKind.CHANGED,
            at,
            application_id=case_id(person, offer["id"]),
            candidate_id=person,
            ats_event=name,
        )
        for offer in offers
        if offer["kind"] != "talent_pool"
    ]


def case_id(person: str, offer: str) -> str:
    """Web hooks and search name no placement, so a case is a person on a job."""
    if ":" in person:
        raise PayloadError("not as the vendor documents it: candidate.id")
    return f"{person}:{offer}"
