"""Requests, answers and web hooks that are not what the vendor's document says are caught."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from careerrelay.connectors.testing.openapi import Answered, Contract, Sent

from .breaking import EXAMPLES, Good, caught, spoil

CHECKS = (
    "document_says",
    "examples_are_as_documented",
    "stand_in_is_as_documented",
    "webhook_is_as_documented",
)


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A copy of the template's examples, to spoil."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))


def told(examples: Path, check: str) -> str:
    """What the suite says of the template under that check; "" where it is content."""
    return next(iter(caught(type("Same", (Good,), {}), check, examples=examples).values()), "")


def rewritten(examples: Path, old: str, new: str) -> None:
    """The document with one thing in it said otherwise."""
    path = examples / "openapi.yml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("check", CHECKS)
def test_template_keeps_to_its_document(examples: Path, check: str) -> None:
    assert told(examples, check) == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("/applications/{id}/notes:", "/applications/{id}/remarks:", "Path not found"),
        ("    post:\n      requestBody", "    put:\n      requestBody", "Operation post not found"),
        ("properties: {text: {", "properties: {body: {", "Additional properties"),
        ("minLength: 1", "maxLength: 1", "text: "),
        ("{type: http, scheme: bearer}", "{type: http, scheme: basic}", "Security not found"),
        ("ats/v1", "ats/v2", "Server not found"),
        ("[open, rejected,", "[open, refused,", "status: 'rejected' is not one of"),
        ("required: [id, status,", "required: [id, state, status,", "'state' is a required"),
        ('"201":', '"200":', "Unknown response http status: 201"),
    ],
)
def test_examples_another_document_does_not_know_are_caught(
    examples: Path, old: str, new: str, message: str
) -> None:
    rewritten(examples, old, new)
    assert message in told(examples, "examples_are_as_documented")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("/applications/{id}/notes:", "/applications/{id}/remarks:", "Path not found"),
        ("required: [id, status,", "required: [id, state, status,", "'state' is a required"),
    ],
)
def test_stand_in_another_document_does_not_know_is_caught(
    examples: Path, old: str, new: str, message: str
) -> None:
    rewritten(examples, old, new)
    assert message in told(examples, "stand_in_is_as_documented")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("const: application.rejected", "const: rejected", "'rejected' was expected"),
        ("name: X-Signature", "name: X-Seal", "Security not found"),
    ],
)
def test_web_hooks_another_document_does_not_know_are_caught(
    examples: Path, old: str, new: str, message: str
) -> None:
    rewritten(examples, old, new)
    assert message in told(examples, "webhook_is_as_documented")


def test_odd_example_says_why_or_is_caught(examples: Path) -> None:
    rewritten(examples, "const: application.rejected", "const: rejected")
    for path in (examples / "fixtures").glob("application.rejected*.http"):
        path.write_text(path.read_text().replace("\n\n", "\nX-Deviates: older\n\n", 1))
    assert told(examples, "webhook_is_as_documented") == ""
    rewritten(examples, "required: [id, status,", "required: [id, state, status,")
    path = examples / "api" / "fetch_application.json"
    steps = json.loads(path.read_text())["steps"]
    spoil(path, steps=[{**step, "deviates": "recorded"} for step in steps])
    assert told(examples, "examples_are_as_documented") == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("https://developers", "http://developers"),
        ("externalDocs", "x-docs"),
        ("paths:", "routes:"),
    ],
)
def test_document_of_unknown_origin_or_shape_is_caught(examples: Path, old: str, new: str) -> None:
    rewritten(examples, old, new)
    assert told(examples, "document_says")


def test_two_documents_are_one_too_many(examples: Path) -> None:
    shutil.copy(examples / "openapi.yml", examples / "openapi.json")
    with pytest.raises(AssertionError, match="two OpenAPI documents"):
        told(examples, "document_says")


def test_nothing_is_compared_where_there_is_no_document(examples: Path) -> None:
    (examples / "openapi.yml").unlink()
    assert [told(examples, check) for check in CHECKS] == [""] * len(CHECKS)


CONTRACT = Contract(
    EXAMPLES / "openapi.yml",
    [
        ("http://127.0.0.1:1", "https://elsewhere.example.com"),
        ("http://127.0.0.1:1", "https://api.example.com/ats/v1"),
        ("http://127.0.0.1:1/deeper", "https://api.example.com"),
    ],
)
KEY = {"authorization": "Bearer a", "content-type": "application/json"}


@pytest.mark.parametrize("base", ["http://127.0.0.1:1", "https://api.example.com/ats/v1"])
def test_address_is_the_vendors_own_wherever_the_call_went(base: str) -> None:
    CONTRACT.sent(Sent("GET", f"{base}/applications/7", KEY, b""))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/deeper/applications/7", "http://127.0.0.1:1"])
def test_address_of_another_setting_is_another_address(url: str) -> None:
    with pytest.raises(AssertionError, match="not found"):
        CONTRACT.sent(Sent("GET", url, KEY, b""))


def test_parameter_nobody_documents_is_caught() -> None:
    sent = Sent("GET", "https://api.example.com/ats/v1/applications/7?expand=all", KEY, b"")
    with pytest.raises(AssertionError, match=r"undocumented parameters \['expand'\]"):
        CONTRACT.sent(sent)


def test_body_nobody_documents_is_caught() -> None:
    sent = Sent("GET", "https://api.example.com/ats/v1/applications/7", KEY, b"{}")
    with pytest.raises(AssertionError, match="no body is documented"):
        CONTRACT.sent(sent)


def test_error_answers_nobody_documents_pass_and_good_ones_do_not() -> None:
    sent = Sent("GET", "https://api.example.com/ats/v1/applications/7", KEY, b"")
    CONTRACT.answered(sent, Answered(404, {}, b"gone"))
    with pytest.raises(AssertionError, match="Unknown response http status: 202"):
        CONTRACT.answered(sent, Answered(202, {}, b""))
