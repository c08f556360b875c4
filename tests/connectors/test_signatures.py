"""Signatures: known answers, several secrets, and only one way to fail."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    WebhookVerificationError,
    current_secret,
    hmac_sha256_base64,
    hmac_sha256_hex,
    split_secrets,
    verify_basic,
    verify_hmac,
    verify_recent,
    verify_url_token,
)

BODY = '{"name": "見本"}'.encode()


def test_hmac_of_rfc_4231_case_2() -> None:
    message = b"what do ya want for nothing?"
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac_sha256_hex("Jefe", message) == digest
    assert hmac_sha256_base64("Jefe", message) == base64.b64encode(bytes.fromhex(digest)).decode()


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ("one", ("one",)),
        (" one ", ("one",)),
        ("new,old", ("new", "old", "new,old")),
        ("new\r\nold\n", ("new", "old", "new\r\nold")),
        (" , ,", (", ,",)),
        ("", ()),
        (" \n ", ()),
    ],
)
def test_setting_may_hold_two_secrets_or_one_with_a_comma(
    value: str, secrets: tuple[str, ...]
) -> None:
    assert split_secrets(value) == secrets
    assert current_secret(value) == (secrets[0] if secrets else "")


def hmac_check(signature: str | None, *, secrets: str = "s", **more: Any) -> None:
    verify_hmac(BODY, signature=signature, secrets=secrets, **more)


@pytest.mark.parametrize("secrets", ["s", "new,s", "s,old", "x\ns"])
def test_hmac_of_any_current_secret_is_accepted(secrets: str) -> None:
    hmac_check(hmac_sha256_hex("s", BODY), secrets=secrets)


def test_secret_that_contains_a_comma_is_accepted_as_a_whole() -> None:
    hmac_check(hmac_sha256_hex("a,b", BODY), secrets="a,b")


def test_hex_may_be_upper_case_and_padded_with_blanks() -> None:
    hmac_check(f"  {hmac_sha256_hex('s', BODY).upper()} ")


def test_prefix_and_base64() -> None:
    hmac_check(f"sha256 {hmac_sha256_hex('s', BODY)}", prefix="sha256 ")
    hmac_check(hmac_sha256_base64("s", BODY), encoding="base64")


def test_base64_is_compared_with_its_case() -> None:
    with pytest.raises(WebhookVerificationError):
        hmac_check(hmac_sha256_base64("s", BODY).swapcase(), encoding="base64")


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        (None, "is missing"),
        ("", "is missing"),
        ("sha1=00", "does not start with 'sha256='"),
        ("sha256=", "does not match the setting webhook_secret"),
        ("sha256=00", "does not match"),
        ("sha256=署名", "does not match"),
        ("sha256=\udcff", "does not match"),
        ("sha256=" + "0" * 100_000, "does not match"),
    ],
)
def test_bad_signature_is_refused_in_words(signature: str | None, message: str) -> None:
    with pytest.raises(WebhookVerificationError, match=message):
        hmac_check(signature, prefix="sha256=", where="the header X-Sign")


def test_empty_secret_accepts_nothing_not_even_its_own_signature() -> None:
    with pytest.raises(WebhookVerificationError, match="webhook_secret is empty"):
        hmac_check(hmac_sha256_hex("", BODY), secrets="  ")


def basic(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    return "Basic " + base64.b64encode(raw).decode()


@pytest.mark.parametrize("header", [basic("relay:パス"), basic("relay:old").replace("B", "b", 1)])
def test_basic_credentials_are_accepted(header: str) -> None:
    verify_basic(header, user="relay", passwords="パス,old")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "is missing"),
        ("", "is missing"),
        ("Bearer x", "is not HTTP Basic"),
        ("Basic", "does not match"),
        ("Basic !!!", "not valid base64"),
        ("Basic あ", "not valid base64"),
        (basic(b"\xff\xfe"), "not valid base64"),
        (basic("relay:wrong"), "does not match the setting hook_password"),
        (basic("other:p"), "does not match"),
        (basic("relay"), "does not match"),
    ],
)
def test_bad_basic_credentials_are_refused_in_words(header: str | None, message: str) -> None:
    with pytest.raises(WebhookVerificationError, match=message):
        verify_basic(header, user="relay", passwords="p", setting="hook_password")


def test_empty_password_accepts_nothing() -> None:
    with pytest.raises(WebhookVerificationError, match="empty"):
        verify_basic(basic("relay:"), user="relay", passwords="")


def test_url_token_is_accepted() -> None:
    verify_url_token("a=1&token=t%2B1", name="token", secrets="t+1")


@pytest.mark.parametrize(
    "query", ["", "token=", "token=wrong", "token=t&token=t", "token=t&token=x", "other=t", "%ff"]
)
def test_bad_url_token_is_refused(query: str) -> None:
    with pytest.raises(WebhookVerificationError, match="parameter 'token'"):
        verify_url_token(query, name="token", secrets="t")


def test_signed_time_must_be_near_the_arrival() -> None:
    arrival = datetime(2026, 11, 4, 9, 0, tzinfo=UTC)
    for seconds in (-60, 0, 60):
        verify_recent(
            arrival + timedelta(seconds=seconds),
            received_at=arrival,
            within=timedelta(minutes=1),
        )
    for seconds in (-61, 61):
        with pytest.raises(WebhookVerificationError, match="replay"):
            verify_recent(
                arrival + timedelta(seconds=seconds),
                received_at=arrival,
                within=timedelta(minutes=1),
            )
