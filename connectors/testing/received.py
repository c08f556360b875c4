"""Are webhooks told from forgeries, read as the golden files say, and never a surprise?"""

from __future__ import annotations

import dataclasses
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ...models.errors import PayloadError, WebhookError, WebhookVerificationError
from ...models.events import ApplicationEvent, WebhookRequest
from ..base import Connector
from ..spec import Trust
from .fixtures import Fixture, file_stem
from .golden import same, same_events, well_formed
from .mutations import mutations
from .network import closed_network
from .subject import Subject, require

HOSTILE_BODIES = (
    b"",
    b" ",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"0",
    b"[null]",
    b'{"":{}}',
    b"\xff\xfe\x00",
    b"\xe3\x81",
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b'{"a": "\\ud800"}',
    b"<html></html>",
    b"a=b&c=d",
    b"[" * 100_000,
    b'{"a":' * 100_000,
)
"""Bodies that no vendor sends."""

_UNHEARD_OF = "careerrelay_unheard_of_event"


def means_what_the_golden_says(subject: Subject, fixture: Fixture) -> None:
    """Signed as the vendor signs, it verifies and becomes exactly the golden's events."""
    connector = subject.open()
    signed = connector.sign_webhook(fixture.request)
    with closed_network():
        if _is_handshake(fixture):
            _same_reply(connector, signed, fixture.golden["reply"])
            return
        require(connector.answer_handshake(signed) is None, "it is taken for a handshake")
        connector.verify_webhook(signed)
        if isinstance(fixture.golden, dict):
            _raises(connector, signed, fixture.golden["raises"])
            return
        events = connector.parse_webhook(signed)
    for event in events:
        well_formed(event)
    same_events(events, fixture.golden)


def every_secret_of_a_changing_setting_verifies(subject: Subject, fixture: Fixture) -> None:
    """While a company changes its secret, the setting holds both, and both are accepted."""
    if _is_handshake(fixture):
        return
    for name, value in _secrets(subject).items():
        connector = subject.open({**subject.settings, name: f"another-{value},{value}"})
        other = subject.open({**subject.settings, name: f"another-{value}"})
        for signer in (subject.open(), other):
            connector.verify_webhook(signer.sign_webhook(fixture.request))


def unsigned_is_refused(subject: Subject, fixture: Fixture) -> None:
    """Without what the signature adds, it is refused, and so without any header."""
    if _is_handshake(fixture):
        return
    bare = unsigned(subject, fixture.request)
    _refused(subject.open(), bare, "unsigned")
    _refused(subject.open(), dataclasses.replace(bare, headers={}), "without headers")


def other_secret_is_refused(subject: Subject, fixture: Fixture) -> None:
    """Signed with a secret that is not in the settings."""
    if not _is_handshake(fixture):
        signed = _stranger(subject).sign_webhook(fixture.request)
        _refused(subject.open(), signed, "signed with another secret")


def blank_secret_accepts_nothing(subject: Subject, fixture: Fixture) -> None:
    """A secret that is empty, or forgotten, must not turn verification off."""
    if _is_handshake(fixture):
        return
    blank = {**subject.settings, **dict.fromkeys(_secrets(subject), "")}
    connector = subject.connector(blank, http=subject.open().http)
    for request in (
        fixture.request,
        unsigned(subject, fixture.request),
        connector.sign_webhook(fixture.request),
    ):
        _refused(connector, request, "while the secret is blank")


def changed_body_is_refused(subject: Subject, fixture: Fixture) -> None:
    """One byte longer or cut off: refused where the body is signed; else at most unreadable."""
    connector = subject.open()
    signed = connector.sign_webhook(fixture.request)
    if _is_handshake(fixture) or not signed.body:
        return
    longer = dataclasses.replace(signed, body=signed.body + b" ")
    shorter = dataclasses.replace(signed, body=signed.body[:-1])
    if _trust(subject) is Trust.SIGNED:
        _refused(connector, longer, "one byte longer")
        _refused(connector, shorter, "truncated")
        return
    for request in (longer, shorter):
        _survives(connector, request)


def signed_garbage_is_a_payload_error(subject: Subject, fixture: Fixture) -> None:
    """Bodies no vendor sends become PayloadError or nothing, however well signed."""
    connector = subject.open()
    for body in HOSTILE_BODIES:
        request = dataclasses.replace(fixture.request, body=body)
        try:
            request = connector.sign_webhook(request)
        except WebhookError:
            continue
        _survives(connector, request)


def hostile_headers_are_no_surprise(subject: Subject, fixture: Fixture) -> None:
    """Each header in turn missing, empty, Japanese, very long or binary."""
    connector = subject.open()
    signed = connector.sign_webhook(fixture.request)
    for name in signed.headers:
        for value in (None, "", "あ", "\udcff", "0" * 65536, "sha256", "sha256 あ", "Basic \x00"):
            headers = {k: v for k, v in signed.headers.items() if k != name}
            changed = headers if value is None else {**headers, name: value}
            _survives(connector, dataclasses.replace(signed, headers=changed))


def every_mutation_is_understood_or_refused(subject: Subject, fixture: Fixture) -> None:
    """Each key and item changed in six ways: good events, PayloadError or UnknownEventError."""
    connector = subject.open()
    with closed_network():
        for label, request in mutations(fixture.request):
            try:
                events = connector.parse_webhook(request)
                for event in events:
                    well_formed(event)
                connector.delivery_id(request)
                connector.answer_handshake(request)
            except WebhookError:
                continue
            except Exception as error:
                raise AssertionError(f"{label}: {type(error).__name__}: {error}") from error


def ignored_and_unknown_events_are_told_apart(subject: Subject, fixture: Fixture) -> None:
    """Under an ignored name it is nothing; under an unheard-of name UnknownEventError."""
    if isinstance(fixture.golden, dict):
        return
    names = [e for e in subject.spec.events if file_stem(e) == fixture.event]
    connector = subject.open()
    for name in names:
        for ignored in subject.spec.ignored_events:
            renamed = _renamed(fixture.request, name, ignored)
            if renamed != fixture.request:
                same(connector.parse_webhook(renamed), [], what=f"events of '{ignored}'")
        renamed = _renamed(fixture.request, name, _UNHEARD_OF)
        if renamed != fixture.request:
            _raises(connector, renamed, "UnknownEventError")


def delivery_id_is_stable(subject: Subject, fixture: Fixture) -> None:
    """The same delivery has the same id, a short text; another delivery another one."""
    connector = subject.open()
    signed = connector.sign_webhook(fixture.request)
    first, again = connector.delivery_id(signed), connector.delivery_id(signed)
    require(isinstance(first, str) and 0 < len(first) <= 255, f"the delivery id is {first!r}")
    require(first == again, "the delivery id changes from look to look")


CHECKS = (
    means_what_the_golden_says,
    every_secret_of_a_changing_setting_verifies,
    unsigned_is_refused,
    other_secret_is_refused,
    blank_secret_accepts_nothing,
    changed_body_is_refused,
    signed_garbage_is_a_payload_error,
    hostile_headers_are_no_surprise,
    every_mutation_is_understood_or_refused,
    ignored_and_unknown_events_are_told_apart,
    delivery_id_is_stable,
)


def unsigned(subject: Subject, request: WebhookRequest) -> WebhookRequest:
    """The request without whatever depends on the secret: headers, parameters, JSON keys."""
    ours, theirs = (c.sign_webhook(request) for c in (subject.open(), _stranger(subject)))
    headers = {k: v for k, v in ours.headers.items() if theirs.headers.get(k) == v}
    kept = [p for p in parse_qsl(ours.query, True) if p in parse_qsl(theirs.query, True)]
    body = ours.body if ours.body == theirs.body else _shared(ours.body, theirs.body)
    return dataclasses.replace(ours, headers=headers, query=urlencode(kept), body=body)


def _shared(ours: bytes, theirs: bytes) -> bytes:
    """What does not depend on the secret, of a JSON or a form."""
    try:
        return json.dumps(_common(json.loads(ours), json.loads(theirs))).encode()
    except ValueError:
        others = parse_qsl(theirs.decode(), True)
        return urlencode([p for p in parse_qsl(ours.decode(), True) if p in others]).encode()


def _common(ours: Any, theirs: Any) -> Any:
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return ours
    return {
        key: _common(value, theirs[key])
        for key, value in ours.items()
        if key in theirs and (value == theirs[key] or isinstance(value, dict))
    }


def _secrets(subject: Subject) -> dict[str, str]:
    """The secrets that signatures depend on; those of the API change nothing here."""
    request = subject.fixtures[0].request
    reference = subject.open().sign_webhook(request)
    found: dict[str, str] = {}
    for setting in subject.spec.settings:
        value = subject.settings.get(setting.name, "")
        if not setting.secret or not value:
            continue
        other = subject.open({**subject.settings, setting.name: f"another-{value}"})
        if other.sign_webhook(request) != reference:
            found[setting.name] = value
    require(found, "no secret setting changes what sign_webhook adds")
    return found


def _stranger(subject: Subject) -> Connector:
    changed = {name: f"another-{value}" for name, value in _secrets(subject).items()}
    return subject.open({**subject.settings, **changed})


def _trust(subject: Subject) -> Trust:
    return subject.spec.webhook.trust if subject.spec.webhook else Trust.HINT


def _is_handshake(fixture: Fixture) -> bool:
    return isinstance(fixture.golden, dict) and "reply" in fixture.golden


def _same_reply(connector: Connector, request: WebhookRequest, golden: dict[str, Any]) -> None:
    reply = connector.answer_handshake(request)
    if reply is None:
        raise AssertionError("the handshake is not answered")
    same(reply.status, golden.get("status", 200), what="the handshake's status")
    same(reply.body.decode("utf-8"), golden.get("body", ""), what="the handshake's body")


def _raises(connector: Connector, request: WebhookRequest, name: str) -> None:
    try:
        events = connector.parse_webhook(request)
    except WebhookError as error:
        same(type(error).__name__, name, what="the error")
    else:
        raise AssertionError(f"it became {len(events)} events, not {name}")


def _refused(connector: Connector, request: WebhookRequest, how: str) -> None:
    try:
        connector.verify_webhook(request)
    except WebhookVerificationError:
        return
    except Exception as error:
        raise AssertionError(f"{how}: {type(error).__name__}: {error}") from error
    raise AssertionError(f"a webhook {how} was accepted")


def _survives(connector: Connector, request: WebhookRequest) -> list[ApplicationEvent]:
    """All that happens to a request from a stranger; only WebhookErrors may come of it."""
    shown = repr(request.body[:40])
    try:
        with closed_network():
            connector.answer_handshake(request)
            connector.delivery_id(request)
            connector.verify_webhook(request)
            events = connector.parse_webhook(request)
        for event in events:
            well_formed(event)
    except (PayloadError, WebhookError):
        return []
    except Exception as error:
        raise AssertionError(f"{shown}: {type(error).__name__}: {error}") from error
    return events


def _renamed(request: WebhookRequest, name: str, new: str) -> WebhookRequest:
    """The request under another event name, wherever it stands alone as a value."""
    headers = {k: new if v == name else v for k, v in request.headers.items()}
    try:
        body = json.dumps(_replaced(json.loads(request.body), name, new)).encode()
    except ValueError:
        body = request.body
    if headers == request.headers and name.encode() not in request.body:
        return request
    return dataclasses.replace(request, headers=headers, body=body)


def _replaced(data: Any, name: str, new: str) -> Any:
    if isinstance(data, dict):
        return {key: _replaced(value, name, new) for key, value in data.items()}
    if isinstance(data, list):
        return [_replaced(item, name, new) for item in data]
    return new if data == name else data
