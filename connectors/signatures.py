"""Is this request the vendor's? Constant-time checks; whatever is malformed is refused.

A setting may hold two secrets, separated by a comma or a line break, while the company changes
from one to the other: the current one first. Each is tried, as is the value as a whole (a
secret may itself contain a comma).
"""

from __future__ import annotations

import base64
import dataclasses
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol
from urllib.parse import parse_qsl, urlencode

from ..models.errors import WebhookVerificationError
from ..models.events import WebhookRequest


def hmac_sha256_hex(secret: str, message: bytes) -> str:
    """HMAC-SHA256 as 64 lower-case hex digits; the key is the secret's UTF-8 bytes."""
    return _digest(secret, message).hex()


def hmac_sha256_base64(secret: str, message: bytes) -> str:
    """HMAC-SHA256 in standard base64 (44 characters with padding)."""
    return base64.b64encode(_digest(secret, message)).decode("ascii")


def split_secrets(value: str) -> tuple[str, ...]:
    """Every secret a setting's value may mean, the current one first; () for a blank value."""
    whole = value.strip()
    parts = [part.strip() for part in re.split(r"[,\r\n]+", whole)]
    return tuple(dict.fromkeys(part for part in (*parts, whole) if part))


def current_secret(value: str) -> str:
    """The secret to sign with: the first in the setting. "" for a blank value."""
    return next(iter(split_secrets(value)), "")


def verify_hmac(
    message: bytes,
    *,
    signature: str | None,
    secrets: str,
    encoding: Literal["hex", "base64"] = "hex",
    prefix: str = "",
    where: str = "the signature header",
    setting: str = "webhook_secret",
) -> None:
    """Return if ``signature``, as received, is ``prefix`` + the HMAC-SHA256 of ``message``.

    ``secrets`` is the setting's value. ``where`` and ``setting`` are named in the
    WebhookVerificationError. Surrounding blanks and the case of hex digits do not matter.
    """
    if not signature:
        raise WebhookVerificationError(f"{where} is missing")
    text = signature.strip()
    if not text.startswith(prefix):
        raise WebhookVerificationError(f"{where} does not start with '{prefix.strip()}'")
    sign = hmac_sha256_hex if encoding == "hex" else hmac_sha256_base64
    given = text[len(prefix) :].strip()
    given = given.lower() if encoding == "hex" else given
    _match(given, [sign(s, message) for s in split_secrets(secrets)], where=where, setting=setting)


def verify_any(
    tries: Iterable[tuple[bytes, str]], *, secrets: str, where: str, prefix: str = ""
) -> None:
    """Return if one of several messages has its signature, as ``verify_hmac`` wants it: while a
    vendor changes its keys, or where its page leaves open what exactly is signed."""
    refused = WebhookVerificationError(f"{where} is missing")
    for message, signature in tries:
        try:
            verify_hmac(message, signature=signature, secrets=secrets, prefix=prefix, where=where)
            return
        except WebhookVerificationError as error:
            refused = error
    raise refused


def verify_basic(
    authorization: str | None,
    *,
    user: str,
    passwords: str,
    setting: str = "webhook_password",
) -> None:
    """Return if the Authorization header is HTTP Basic of ``user`` and one of ``passwords``."""
    where = "the Authorization header"
    if not authorization:
        raise WebhookVerificationError(f"{where} is missing")
    scheme, _, encoded = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        raise WebhookVerificationError(f"{where} is not HTTP Basic")
    try:
        given = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except ValueError:
        raise WebhookVerificationError(f"{where} is not valid base64") from None
    wanted = [f"{user}:{password}" for password in split_secrets(passwords)]
    _match(given, wanted, where=where, setting=setting)


def verify_url_token(
    query: str, *, name: str, secrets: str, setting: str = "webhook_token"
) -> None:
    """Return if the query string holds the parameter ``name`` exactly once, as a secret."""
    where = f"the parameter '{name}' of the webhook URL"
    given = [value for key, value in parse_qsl(query) if key == name]
    if len(given) != 1:
        raise WebhookVerificationError(f"{where} must be there exactly once")
    _match(given[0], list(split_secrets(secrets)), where=where, setting=setting)


def verify_recent(
    sent_at: datetime, *, received_at: datetime, within: timedelta, where: str = "the timestamp"
) -> None:
    """Return if a signed time is at most ``within`` away from when the request arrived."""
    if abs(received_at - sent_at) > within:
        raise WebhookVerificationError(
            f"{where} is too far from the time of arrival; it may be a replay"
        )


class Signature(Protocol):
    """A way of proving who sent a web hook, declared in a WebhookSpec."""

    def verify(self, request: WebhookRequest, *, settings: Mapping[str, str]) -> None:
        """Return if the request is the vendor's; else WebhookVerificationError."""

    def sign(self, request: WebhookRequest, *, settings: Mapping[str, str]) -> WebhookRequest:
        """The request as the vendor sends it."""
        ...


@dataclass(frozen=True, slots=True)
class BodyHmac:
    """A header holds ``prefix`` + the HMAC-SHA256 of the raw body."""

    header: str
    prefix: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    setting: str = "webhook_secret"

    def verify(self, request: WebhookRequest, *, settings: Mapping[str, str]) -> None:
        verify_hmac(
            request.body,
            signature=request.headers.get(self.header.lower()),
            secrets=settings[self.setting],
            encoding=self.encoding,
            prefix=self.prefix,
            where=f"the header {self.header}",
            setting=self.setting,
        )

    def sign(self, request: WebhookRequest, *, settings: Mapping[str, str]) -> WebhookRequest:
        digest = hmac_sha256_hex if self.encoding == "hex" else hmac_sha256_base64
        signature = self.prefix + digest(current_secret(settings[self.setting]), request.body)
        return _with_header(request, self.header, signature)


@dataclass(frozen=True, slots=True)
class BasicLogin:
    """HTTP Basic with a fixed user; the password is all that is secret."""

    user: str = "careerrelay"
    setting: str = "webhook_password"

    def verify(self, request: WebhookRequest, *, settings: Mapping[str, str]) -> None:
        given, passwords = request.headers.get("authorization"), settings[self.setting]
        verify_basic(given, user=self.user, passwords=passwords, setting=self.setting)

    def sign(self, request: WebhookRequest, *, settings: Mapping[str, str]) -> WebhookRequest:
        pair = f"{self.user}:{current_secret(settings[self.setting])}".encode()
        return _with_header(request, "authorization", f"Basic {base64.b64encode(pair).decode()}")


@dataclass(frozen=True, slots=True)
class UrlToken:
    """The address of the web hook holds a secret as a parameter, because nothing is signed;
    or, ``in_form``, the form that it sends does."""

    name: str = "token"
    setting: str = "webhook_token"
    in_form: bool = False

    def verify(self, request: WebhookRequest, *, settings: Mapping[str, str]) -> None:
        given, secrets = self._given(request), settings[self.setting]
        verify_url_token(given, name=self.name, secrets=secrets, setting=self.setting)

    def sign(self, request: WebhookRequest, *, settings: Mapping[str, str]) -> WebhookRequest:
        given = parse_qsl(self._given(request), keep_blank_values=True)
        others = [pair for pair in given if pair[0] != self.name]
        signed = urlencode([*others, (self.name, current_secret(settings[self.setting]))])
        if self.in_form:
            return dataclasses.replace(request, body=signed.encode())
        return dataclasses.replace(request, query=signed)

    def _given(self, request: WebhookRequest) -> str:
        return request.body.decode("utf-8", "replace") if self.in_form else request.query


def _with_header(request: WebhookRequest, name: str, value: str) -> WebhookRequest:
    return dataclasses.replace(request, headers={**request.headers, name.lower(): value})


def _digest(secret: str, message: bytes) -> bytes:
    return hmac.digest(secret.encode("utf-8"), message, "sha256")


def _match(given: str, wanted: list[str], *, where: str, setting: str) -> None:
    """Compare with every candidate, always all of them, as bytes (text may be non-ASCII)."""
    if not wanted:
        raise WebhookVerificationError(f"the setting {setting} is empty, so nothing is accepted")
    received = given.encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(received, candidate.encode("utf-8")) for candidate in wanted]
    if not any(matches):
        raise WebhookVerificationError(
            f"{where} does not match the setting {setting}; compare it with the one in the ATS"
        )
