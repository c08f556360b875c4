"""iCIMS' event notifications: sign, verify, parse. No I/O.

https://developer.icims.com/REST-API/authenticating-requests-using-hmac for the headers; how the
signed text is put together, as a working public client does it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from careerrelay import connectors as kit

ALGORITHM = "x-icims-v1-hmac-sha256"
DATE, HASH = "x-icims-date", "x-icims-content-sha256"
SIGNED = ("content-type", "host", HASH, DATE)
WITHIN = timedelta(minutes=15)
LARGEST = 1024 * 1024
_AUTHORIZATION = re.compile(
    ALGORITHM + r" user=([^,]{1,200}), ?signedheaders=([a-z0-9;-]{1,1000}), ?"
    r"signature=([0-9a-fA-F]{64})"
)


class EventSchema(kit.CamelCaseSchema):
    event_type = kit.Text(required=True)
    customer_id = kit.ExternalId(required=True)
    system_id = kit.ExternalId(required=True)
    person_id = kit.OptionalId()
    new_status = kit.OptionalText()


class EventSignature:
    """iCIMS' own scheme, as a signature of the kit."""

    def verify(self, request: kit.WebhookRequest, *, settings: Mapping[str, str]) -> None:
        """The signature must cover date and body hash, and the hash be that of this body."""
        given = _AUTHORIZATION.fullmatch(request.headers.get("authorization", "").strip())
        if given is None or given[1] != settings["webhook_user"]:
            raise kit.WebhookVerificationError(
                f"the header Authorization is not {ALGORITHM} of the user in webhook_user"
            )
        names = given[2].split(";")
        if not {DATE, HASH} <= set(names):
            raise kit.WebhookVerificationError(f"the signature does not cover {DATE} and {HASH}")
        kit.verify_hmac(
            _signed_text(request, names),
            signature=given[3],
            secrets=settings["webhook_secret"],
            where="the signature in the header Authorization",
        )
        # Whether the hash is of the compressed body is not documented.
        hashes = {hashlib.sha256(body).hexdigest() for body in (request.body, plain(request.body))}
        if request.headers.get(HASH, "").strip().lower() not in hashes:
            raise kit.WebhookVerificationError(f"the header {HASH} is not the hash of this body")
        at, where = _moment(request), f"the header {DATE}"
        kit.verify_recent(at, received_at=request.received_at, within=WITHIN, where=where)

    def sign(
        self, request: kit.WebhookRequest, *, settings: Mapping[str, str]
    ) -> kit.WebhookRequest:
        """As iCIMS would have sent it when it arrived."""
        added = {
            "host": "relay.example.com",
            "content-type": "application/json",
            **request.headers,
            DATE: request.received_at.strftime("%Y-%m-%dT%H:%M:%S%z"),
            HASH: hashlib.sha256(request.body).hexdigest(),
        }
        text = _signed_text(dataclasses.replace(request, headers=added), SIGNED)
        secret = kit.current_secret(settings["webhook_secret"])
        proof = f"user={settings['webhook_user']},signedheaders={';'.join(SIGNED)}"
        value = f"{ALGORITHM} {proof},signature={kit.hmac_sha256_hex(secret, text)}"
        return dataclasses.replace(request, headers={**added, "authorization": value})


def read(body: bytes) -> Mapping[str, str]:
    """Ids only; names, if there were any, would be dropped."""
    return EventSchema().read(kit.read_json(plain(body)))


def delivery_id(request: kit.WebhookRequest) -> str:
    """There is none; and the same move a second time has the same body, at another time."""
    date = request.headers.get(DATE, "").encode("utf-8", "surrogatepass")
    return hashlib.sha256(date + b"\n" + plain(request.body)).hexdigest()


def plain(body: bytes) -> bytes:
    """Decompressed where it is gzip; nothing where that fails or is over 1 MiB."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        inflating = zlib.decompressobj(wbits=31)
        found = inflating.decompress(body, LARGEST)
    except zlib.error:
        return b""
    return b"" if inflating.unconsumed_tail or not inflating.eof else found


def _signed_text(request: kit.WebhookRequest, names: Sequence[str]) -> bytes:
    headers = [f"{name}:{request.headers.get(name, '').strip()}" for name in sorted(names)]
    lines = [request.method.upper(), request.path, request.query, *headers, "", _joined(names)]
    canonical = "\n".join(lines).encode("utf-8", "surrogatepass")
    date = request.headers.get(DATE, "")
    text = f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical).hexdigest()}"
    return text.encode("utf-8", "surrogatepass")


def _joined(names: Sequence[str]) -> str:
    return ";".join(sorted(names))


def _moment(request: kit.WebhookRequest) -> datetime:
    try:
        moment = datetime.fromisoformat(request.headers[DATE].strip())
    except (KeyError, ValueError):
        raise kit.WebhookVerificationError(f"the header {DATE} is no time") from None
    if moment.tzinfo is None:
        raise kit.WebhookVerificationError(f"the header {DATE} has no offset")
    return moment
