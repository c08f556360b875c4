"""The webhooks that are posted: Greenhouse's documented rejection, for as many people as wanted."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

SECRET = "bench-webhook-secret"
SETTINGS = {
    "client_id": "bench",
    "acting_user_id": "4080",
    "base_url": "http://127.0.0.1:9/v3",
    "token_url": "http://127.0.0.1:9/token",
}
SECRETS = {"client_secret": "bench-client-secret", "webhook_secret": SECRET}
RECORDED = Path(__file__).parents[1] / "tests/connectors/greenhouse/fixtures/reject_candidate.http"


@cache
def _recorded() -> dict[str, Any]:
    _, _, body = RECORDED.read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    return json.loads(body)


def signed(number: int, *, padding: int = 0) -> tuple[bytes, str]:
    """The body that rejects person ``number`` just now, and the value of its Signature header.

    ``padding``: so many bytes more in it.
    """
    payload = json.loads(json.dumps(_recorded()))
    application = payload["payload"]["application"]
    application["id"] = 1_000_000 + number
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    application["rejected_at"] = application["last_activity_at"] = now
    person = application["candidate"]
    person["id"] = 5_000_000 + number
    for address in person["email_addresses"]:
        address["value"] = f"person{number}@example.com"
    if padding:
        payload["padding"] = "x" * padding
    body = json.dumps(payload).encode()
    return body, "sha256 " + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
