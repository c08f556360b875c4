"""Links: short, safe in Japanese text, bound to one purpose, verified by every key."""

from __future__ import annotations

import string
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careerrelay.link_signing import LinkSigner, Purpose
from careerrelay.models.base import new_id
from careerrelay.models.errors import ConfigurationError, LinkInvalidError, LinkPurposeError

KEYS = ("first-key", "second-key")
BASE = "https://relay.example.co.jp"


def signer(keys: Sequence[str] = KEYS, base_url: str = BASE) -> LinkSigner:
    return LinkSigner(lambda: keys, base_url=base_url)


@given(st.text(alphabet=string.ascii_letters + string.digits, min_size=22, max_size=22))
def test_url_fits_a_mail_line_and_ends_in_a_letter_or_digit(id_: str) -> None:
    for purpose in Purpose:
        url = signer().url_for(id_, purpose=purpose)
        assert len(url) <= 100
        assert url.isascii()
        assert url[-1].isalnum()
        assert set(url[len(BASE) :]) <= set(string.ascii_letters + string.digits + "-_./")


def test_new_ids_never_repeat_and_hold_128_bits() -> None:
    ids = {new_id() for _ in range(10_000)}
    assert len(ids) == 10_000
    assert all(len(id_) == 22 and id_.isalnum() for id_ in ids)


def test_token_opens_to_its_id() -> None:
    id_ = new_id()
    assert signer().open(signer().token_for(id_)) == id_


def test_token_of_one_purpose_opens_no_other() -> None:
    token = signer().token_for(new_id(), purpose=Purpose.STOP)
    for purpose in set(Purpose) - {Purpose.STOP}:
        with pytest.raises(LinkPurposeError):
            signer().open(token, purpose=purpose)


def test_newest_key_signs_and_older_keys_still_open() -> None:
    old = LinkSigner(lambda: KEYS[:1], base_url=BASE).token_for("a" * 22)
    assert signer().open(old) == "a" * 22
    new = signer().token_for("a" * 22)
    with pytest.raises(LinkInvalidError):
        LinkSigner(lambda: KEYS[:1], base_url=BASE).open(new)


def test_link_may_be_signed_by_an_older_key_by_name_as_long_as_that_is_kept() -> None:
    old = LinkSigner(lambda: KEYS[:1], base_url=BASE)
    assert old.key_name != signer().key_name
    assert signer().url_for("a" * 22, key=old.key_name) == old.url_for("a" * 22)
    assert signer(KEYS[1:]).url_for("a" * 22, key=old.key_name) == signer().url_for("a" * 22)


def test_every_changed_or_missing_character_is_refused() -> None:
    token = signer().token_for(new_id())
    for position, character in enumerate(token[:-1]):
        other = "A" if character != "A" else "B"
        with pytest.raises(LinkInvalidError):
            signer().open(token[:position] + other + token[position + 1 :])
        with pytest.raises(LinkInvalidError):
            signer().open(token[:position])


@pytest.mark.parametrize(
    "token", ["", ".", "..", "。", "a" * 22, "\x00.x", "%2e", "ａ" * 22 + ".x"]
)
def test_rubbish_is_refused_like_any_other_token(token: str) -> None:
    with pytest.raises(LinkInvalidError):
        signer().open(token)


def test_base_url_that_makes_links_too_long_is_refused_at_start() -> None:
    with pytest.raises(ConfigurationError, match="base_url is 3 characters too long"):
        signer(base_url="https://" + "r" * 23 + ".jp")


def test_base_url_outside_ascii_is_refused_at_start() -> None:
    with pytest.raises(ConfigurationError, match="ASCII"):
        signer(base_url="https://採用.example")
