"""How Teamtailor's company web hooks are signed. No I/O.

https://partner.teamtailor.com/company_webhooks
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from careerrelay import connectors as kit

HEADER = "tt-signature"
RECENT = timedelta(minutes=5)
"""Nothing is ever sent again, so nothing old is genuine."""


class CompanySignature:
    """Version 2 of the header TT-Signature."""

    def verify(self, request: kit.WebhookRequest, *, settings: Mapping[str, str]) -> None:
        """Version 2 only: version 1 signs no more than an id and can be replayed for ever.

        Whether "the payload" is the body, which holds the signature itself, or its part of that
        name, the page leaves open; either is covered in whole, so either will do.
        """
        sent_at, signature = _read(request)
        before, payloads = f"{sent_at}.".encode(), (request.body, _inner(request.body))
        kit.verify_any(
            [(before + payload, signature) for payload in payloads],
            secrets=settings["webhook_secret"],
            where="the header TT-Signature",
        )
        moment = datetime.fromtimestamp(sent_at, UTC)
        kit.verify_recent(moment, received_at=request.received_at, within=RECENT)

    def sign(
        self, request: kit.WebhookRequest, *, settings: Mapping[str, str]
    ) -> kit.WebhookRequest:
        """The request as Teamtailor sends it now, signed over the whole body."""
        sent_at = int(request.received_at.timestamp())
        message = f"{sent_at}.".encode() + request.body
        secret = kit.current_secret(settings["webhook_secret"])
        text = f"t={sent_at},v2={kit.hmac_sha256_hex(secret, message)}"
        header = base64.b64encode(text.encode()).decode()
        return dataclasses.replace(request, headers={**request.headers, HEADER: header})


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
