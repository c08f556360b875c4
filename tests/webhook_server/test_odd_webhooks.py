"""Signed webhooks that nobody can read: acknowledged, kept, and the cause told."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from careerrelay.engine.masking import masked_body, shown_body
from careerrelay.engine.replay import found_work, replay
from careerrelay.models.tables import Signal
from tests.webhook_server.site import Reader, Site

SECRET = "ashby-hook-secret"


@pytest.fixture
def ashby(site: Site) -> Site:
    """The company's connection ``ashby``."""
    secrets = {"api_key": "ashby-test-key", "webhook_secret": SECRET}
    site.world.connect("ashby", connector="ashby", secrets=secrets, strategies=())
    return site


def signature(body: bytes, *, secret: str = SECRET) -> dict[str, str]:
    return {
        "Ashby-Signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    }


def read(site: Site, reader: Reader, body: bytes) -> Signal:
    """The signal of a body that was acknowledged, after the worker tried to read it."""
    assert reader.post("/webhooks/ashby", body, headers=signature(body)).status_code == 200
    site.world.work()
    return only_signal(site)


def only_signal(site: Site) -> Signal:
    with site.runtime.database.read() as session:
        return session.query(Signal).one()


def test_an_event_nobody_knows_is_skipped_and_says_so(ashby: Site, reader: Reader) -> None:
    signal = read(ashby, reader, b'{"action": "offerSigned", "data": {}}')
    assert (signal.state, signal.outcome) == ("skipped", "unknown_event")
    assert "sent an event that is in no list" in str(signal.error)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"action=ping", "the body is not JSON"),
        ('{"action": "ping", "data": {}}'.encode("utf-16"), "the body is not UTF-8"),
        ('{"action": "応募", "data": {}}'.encode("shift_jis"), "the body is not UTF-8"),
    ],
    ids=["no JSON", "UTF-16", "Shift_JIS"],
)
def test_a_body_nobody_can_read_is_kept_and_can_be_replayed(
    ashby: Site, reader: Reader, body: bytes, cause: str
) -> None:
    signal = read(ashby, reader, body)
    assert signal.state == "dead"
    assert cause in str(signal.error)
    kept = ashby.runtime.vault.open_bytes(signal.body_sealed, place=f"signals:{signal.id}")
    assert kept == body
    (line,) = found_work(ashby.runtime, [signal.id])
    assert replay(ashby.runtime, line, actor="test")
    assert only_signal(ashby).state == "due"
    ashby.world.work()
    assert only_signal(ashby).state == "dead"


def test_ashby_hears_503_for_a_wrong_signature_because_it_repeats_no_401(
    ashby: Site, reader: Reader
) -> None:
    """https://developers.ashbyhq.com/docs/retries"""
    body = b'{"action": "ping", "data": {}}'
    refused = reader.post("/webhooks/ashby", body, headers=signature(body, secret="another"))
    assert refused.status_code == 503
    with ashby.runtime.database.read() as session:
        assert session.query(Signal).count() == 0
    assert reader.post("/webhooks/ashby", body, headers=signature(body)).status_code == 200


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[" * 5000 + b"]" * 5000, "(10000 bytes, no JSON)"),
        (b"[" * 600 + b"]" * 600, "(1200 bytes, no JSON)"),
        (b'{"\\ud83d": "\\ud83d"}', '{\n  "?": "•••"\n}'),
        (b"\xff", "(1 bytes, no JSON)"),
    ],
    ids=["too deep to read", "too deep to mask", "half a sign", "no text"],
)
def test_whatever_was_signed_can_be_shown(body: bytes, told: str) -> None:
    assert masked_body(body) == told
    assert shown_body(body).encode()
