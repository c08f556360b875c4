"""What Recruitee's web hooks mean. No I/O.

https://docs.recruitee.com/docs/webhooks
"""

from __future__ import annotations

from marshmallow import fields

from careerrelay import connectors as kit

from .spec import SPEC

PersonSchema = kit.PayloadSchema.of(id=kit.ExternalId(required=True))
OfferSchema = kit.PayloadSchema.of(id=kit.ExternalId(required=True), kind=kit.OptionalText())


class PartSchema(kit.PayloadSchema):
    candidate = fields.Nested(PersonSchema, required=True)
    offer = kit.OptionalPart(OfferSchema)
    offers = kit.OptionalList(fields.Nested(OfferSchema))


class HookSchema(kit.PayloadSchema):
    event_type = fields.String(required=True)
    created_at = kit.IsoDateTime(required=True)
    payload = fields.Nested(PartSchema, required=True)


def answer_test(request: kit.WebhookRequest) -> kit.WebhookReply | None:
    """Whatever holds ``test`` gets 200 and has no effect, signed or not.

    "Verify and create" sends it before there is a secret, and the test buttons send made-up
    events with it.
    """
    if b'"test"' not in request.body:
        return None
    try:
        body = kit.read_json(request.body)
    except kit.PayloadError:
        return None
    return kit.WebhookReply(200) if isinstance(body, dict) and "test" in body else None


def parse(request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
    """Go and look at each job the event is about; talent pools are no jobs."""
    hook = HookSchema().read(kit.read_json(request.body))
    name, part, at = hook["event_type"], hook["payload"], hook["created_at"]
    if not SPEC.reads(name):
        return []
    person, changed, gone = part["candidate"]["id"], kit.EventKind.CHANGED, kit.EventKind.ERASED
    if name == "candidate_deleted":
        return [kit.ApplicationEvent(gone, at, candidate_id=person, ats_event=name)]
    offers = [offer for offer in (part["offer"], *part["offers"]) if offer]
    return [
        kit.ApplicationEvent(changed, at, kit.pair_id(person, offer["id"]), person, ats_event=name)
        for offer in offers
        if offer["kind"] != "talent_pool"
    ]
