"""The sentences: all of them in both languages, compiled, and worth reading."""

from __future__ import annotations

import hashlib
import re

import pytest
from babel.messages.catalog import Catalog

from careerrelay.engine.registration import NAMING_VERSION, TERMS_VERSION
from tests.webhook_server.catalogues import LOCALES, compiled, extracted, po_path, read, written

CONSENTS = {
    f"named_to_company {NAMING_VERSION}": (
        "May we tell %(company)s your name and that you registered?",
        "You may tell them",
        "%(company)s is told your name and the day you registered.",
        "Do not tell them",
        "%(company)s is told only the number of registrations, not your name.",
    ),
    f"terms {TERMS_VERSION}": (
        "I have read the terms of use and the privacy notice of %(operator)s and agree to them.",
    ),
}
AGREED = {
    "named_to_company 2026-11": "ff2bb54607b5749d",
    "terms 2026-11": "d86bd7c6cf0a0163",
}
"""SHA-256 (16 digits) of the words under each version, in both languages."""


def first(id_: str | tuple[str, ...] | list[str]) -> str:
    return id_ if isinstance(id_, str) else id_[0]


def translation(catalogue: Catalog, sentence: str) -> str:
    message = catalogue.get(sentence)
    assert message is not None
    return str(message.string)


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)s", text))


@pytest.mark.parametrize("locale", LOCALES)
def test_the_catalogue_has_every_sentence_and_no_other(locale: str) -> None:
    wanted = {first(m.id) for m in extracted() if m.id}
    assert {first(m.id) for m in read(locale) if m.id} == wanted


@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_is_translated_with_its_placeholders(locale: str) -> None:
    for message in read(locale):
        strings = message.string if isinstance(message.string, (tuple, list)) else [message.string]
        for string in strings:
            assert string, message.id
            if message.id:
                assert placeholders(string) == placeholders(first(message.id))
                assert not message.fuzzy


@pytest.mark.parametrize("locale", LOCALES)
def test_the_compiled_catalogue_is_fresh(locale: str) -> None:
    """python -m tests.webhook_server.catalogues makes it so."""
    catalogue = read(locale)
    assert po_path(locale).with_suffix(".mo").read_bytes() == compiled(catalogue)
    assert po_path(locale).read_bytes() == written(catalogue)


def test_japanese_is_japanese() -> None:
    for message in read("ja"):
        if message.id:
            text = first(message.string or "")
            assert re.search(r"[ぁ-んァ-ヶ一-龥]", text), message.id
            assert not re.search(r"[!?！]|(?<=[ぁ-ん一-龥]) (?=[ぁ-ん一-龥])", text), message.id


def test_words_people_agreed_to_change_only_with_their_version() -> None:
    """A consent names a version; whoever changes the words raises it in engine/registration.py."""
    found = {}
    for version, sentences in CONSENTS.items():
        words = []
        for locale in LOCALES:
            catalogue = read(locale)
            words += [translation(catalogue, sentence) for sentence in sentences]
        found[version] = hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
    assert found == AGREED
