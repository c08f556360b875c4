"""SmartRecruiters' web hooks: who changed, never how. No I/O.

https://developers.smartrecruiters.com/docs/receiving-webhook-notifications
"""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta

from careerrelay import connectors as kit

from .spec import SPEC

SIGNATURE = "smartrecruiters-signature"
SENT_AT = "smartrecruiters-timestamp"
HOOK_SECRET = "x-hook-secret"  # noqa: S105 - a header's name
MOST_SIGNATURES = 5
"""While keys rotate there are two; each costs a digest of the body, before anybody is known."""
LATEST_RETRY = timedelta(days=7)
"""Ten tries, the last pause a day long; how they add up is not documented."""


class BodySchema(kit.PayloadSchema):
    """All there is; events about a person name no job."""

    candidate_id = kit.ExternalId(required=True)
    job_id = kit.OptionalId()


def answer_activation(request: kit.WebhookRequest) -> kit.WebhookReply | None:
    """At activation the same header is wanted back, with 200: there is nothing signed yet.

    https://developers.smartrecruiters.com/docs/activating-webhook-subscriptions
    """
    value = request.headers.get(HOOK_SECRET, "")
    if "event-name" in request.headers or not re.fullmatch(r"[!-~]{1,200}", value):
        return None
    return kit.WebhookReply(200, headers={"X-Hook-Secret": value})


def verify(request: kit.WebhookRequest, *, secrets: str) -> None:
    """Return if one of the signatures fits: there are several while keys rotate."""
    signatures = request.headers.get(SIGNATURE, "").split(";")[:MOST_SIGNATURES]
    tries = [(_message(request), signature) for signature in signatures]
    kit.verify_any(tries, secrets=secrets, prefix="v1=", where=f"the header {SIGNATURE}")
    kit.verify_recent(_sent_at(request), received_at=request.received_at, within=LATEST_RETRY)


def sign(request: kit.WebhookRequest, *, secrets: str) -> kit.WebhookRequest:
    """The request as SmartRecruiters sends it now."""
    headers = {**request.headers, SENT_AT: str(int(request.received_at.timestamp()))}
    stamped = dataclasses.replace(request, headers=headers)
    headers[SIGNATURE] = "v1=" + kit.hmac_sha256_hex(kit.current_secret(secrets), _message(stamped))
    return stamped


def parse(request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
    """At most one event: go and look; or that a person was deleted."""
    name = request.headers.get("event-name", "")
    if not SPEC.reads(name):
        return []
    body = BodySchema().read(kit.read_json(request.body))
    if name.startswith("application.") and body["job_id"] is None:
        raise kit.PayloadError("not as the vendor documents it: job_id")
    of_case = name.startswith("application.")
    return [
        kit.ApplicationEvent(
            kit.EventKind.ERASED if name == "candidate.deleted" else kit.EventKind.CHANGED,
            _sent_at(request),
            application_id=kit.pair_id(body["candidate_id"], body["job_id"]) if of_case else None,
            candidate_id=body["candidate_id"],
            ats_event=name,
        )
    ]


def _message(request: kit.WebhookRequest) -> bytes:
    """A missing header counts as nothing; the dots stay."""
    before, *after = (
        request.headers.get(name, "").encode("utf-8", "surrogateescape")
        for name in (SENT_AT, "event-id", "event-name", "event-version", "link")
    )
    return b".".join([before, request.body, *after])


def _sent_at(request: kit.WebhookRequest) -> datetime:
    text = request.headers.get(SENT_AT, "")
    if not re.fullmatch(r"[0-9]{1,11}", text, re.ASCII):
        raise kit.WebhookVerificationError(f"the header {SENT_AT} is not a time in seconds")
    return datetime.fromtimestamp(int(text), UTC)
