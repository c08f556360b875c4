"""Addresses as they are typed, sent and compared."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careerrelay.mail.addresses import (
    is_carrier,
    is_legacy_carrier,
    normalise_for_matching,
    normalise_for_uniqueness,
    read_address,
    sending_form,
)
from careerrelay.models.errors import AddressError


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("hanako@example.jp", "hanako@example.jp"),
        ("ｈａｎａｋｏ＠ｅｘａｍｐｌｅ．ｊｐ", "hanako@example.jp"),
        ("\u3000hanako０１@example.jp\u3000\n", "hanako01@example.jp"),
        ("hanako@example。jp", "hanako@example.jp"),
        ("hanako－y＿1＋x@example.jp", "hanako-y_1+x@example.jp"),
        ("Hanako@EXAMPLE.JP", "Hanako@example.jp"),
        ("\ufeffhanako@example.jp\u200b", "hanako@example.jp"),
        ("hanako@例え.jp", "hanako@xn--r8jz45g.jp"),
    ],
)
def test_address_is_read_as_the_person_meant_it(typed, kept):
    assert read_address(typed) == kept


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "empty"),
        ("\u3000 ", "empty"),
        ("hanako.example.jp", "no_at"),
        ("＠example.jp", "no_local_part"),
        ("..@docomo.ne.jp", "no_local_part"),
        ("a@b@example.jp", "several_at"),
        ("hana ko@example.jp", "space"),
        ("hanako@example.jp\r\nBcc: a@example.com", "space"),
        ("hanako\u3000@example.jp", "space"),
        ("花子@example.jp", "non_ascii_local_part"),
        ("hanako@example", "domain"),
        ("hanako@-example.jp", "domain"),
        ("hanako@exam_ple.jp", "domain"),
        ("hanako@localhost", "domain"),
        ("hanako@", "domain"),
        ("hana..ko@example.jp", "local_part"),
        (".hanako@example.jp", "local_part"),
        ("hanako.@example.jp", "local_part"),
        ('"hana..ko"@example.jp', "local_part"),
        ("hana,ko..@docomo.ne.jp", "local_part"),
        ("a.." + "b" * 62 + "@docomo.ne.jp", "local_part"),
        ("x" * 300 + "@example.jp", "local_part"),
    ],
)
def test_what_cannot_be_an_address_is_named(typed, problem):
    with pytest.raises(AddressError) as caught:
        read_address(typed)
    assert caught.value.problem == problem
    assert "hana" not in caught.value.message


@pytest.mark.parametrize(
    ("typed", "kept", "sent"),
    [
        ("abc..def@docomo.ne.jp", "abc..def@docomo.ne.jp", '"abc..def"@docomo.ne.jp'),
        ("abc.@DoCoMo.ne.jp", "abc.@docomo.ne.jp", '"abc."@docomo.ne.jp'),
        (".abc@ezweb.ne.jp", ".abc@ezweb.ne.jp", '".abc"@ezweb.ne.jp'),
        ('"abc..d"@au.com', "abc..d@au.com", '"abc..d"@au.com'),
        ("a..b@softbank.ne.jp", "a..b@softbank.ne.jp", '"a..b"@softbank.ne.jp'),
        ("a...@i.softbank.jp", "a...@i.softbank.jp", '"a..."@i.softbank.jp'),
        ("a..b@t.vodafone.ne.jp", "a..b@t.vodafone.ne.jp", '"a..b"@t.vodafone.ne.jp'),
    ],
)
def test_old_carrier_address_is_accepted_and_quoted_for_sending(typed, kept, sent):
    assert read_address(typed) == kept
    assert is_legacy_carrier(kept)
    assert sending_form(kept) == sent


def test_quoting_twice_changes_nothing():
    once = sending_form("abc..def@docomo.ne.jp")
    assert sending_form(once) == once


def test_ordinary_carrier_address_is_a_carrier_but_not_legacy():
    assert is_carrier("hanako@docomo.ne.jp")
    assert not is_legacy_carrier("hanako@docomo.ne.jp")
    assert sending_form("hanako@docomo.ne.jp") == "hanako@docomo.ne.jp"


def test_a_name_that_only_ends_alike_is_no_carrier():
    assert not is_carrier("hanako@notdocomo.ne.jp")
    assert not is_carrier("hanako@docomo.ne.jp.example.com")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hanako@Example.JP", "hanako@example.jp"),
        ("ｈａｎａｋｏ＠ｅｘａｍｐｌｅ．ｊｐ", "hanako@example.jp"),
        (" hanako@example.jp\u3000", "hanako@example.jp"),
        ('"abc..def"@docomo.ne.jp', "abc..def@docomo.ne.jp"),
        ("hanako@例え.jp", "hanako@xn--r8jz45g.jp"),
    ],
)
def test_spellings_of_one_mailbox_match(one, other):
    assert normalise_for_matching(one) == normalise_for_matching(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hana.ko@gmail.com", "hanako@gmail.com"),
        ("hanako+a@example.jp", "hanako@example.jp"),
        ("a.b@example.jp", "ab@example.jp"),
    ],
)
def test_matching_keeps_dots_and_tags_apart(one, other):
    """A rejection and a stop link belong to the address that was really used."""
    assert normalise_for_matching(one) != normalise_for_matching(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hana.ko+x@gmail.com", "hanako@googlemail.com"),
        ("hanako+1@example.jp", "hanako+2@example.jp"),
    ],
)
def test_one_mailbox_cannot_count_twice(one, other):
    assert normalise_for_uniqueness(one) == normalise_for_uniqueness(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a.b@example.jp", "ab@example.jp"), ("+a@example.jp", "+b@example.jp")],
)
def test_different_people_still_count_apart(one, other):
    assert normalise_for_uniqueness(one) != normalise_for_uniqueness(other)


@given(st.text())
@settings(deadline=None)
def test_matching_takes_anything_and_settles(text):
    once = normalise_for_matching(text)
    assert normalise_for_matching(once) == once
    normalise_for_uniqueness(text)


def test_no_text_is_long_enough_to_keep_unicode_busy(monkeypatch):
    """Sorting the accents of one letter takes a time that grows with the square of their number."""
    lengths = []
    real = unicodedata.normalize

    def normalize(form, text):
        lengths.append(len(text))
        return real(form, text)

    monkeypatch.setattr(unicodedata, "normalize", normalize)
    accents = "\u0301\u0316" * 1000
    for text in (f"a{accents}@example.jp", f"a@{accents}.example.jp", f"a{accents}@docomo.ne.jp"):
        with pytest.raises(AddressError):
            read_address(text)
        assert normalise_for_matching(text) == text
        normalise_for_uniqueness(text)
    assert max(lengths, default=0) <= 1000


@given(st.text(max_size=80))
@settings(deadline=None)
def test_reading_settles_or_refuses(text):
    try:
        kept = read_address(text)
    except AddressError:
        return
    assert read_address(kept) == kept
    assert not any(c.isspace() for c in kept)


@given(
    st.text("abc.-_+", min_size=1, max_size=20),
    st.sampled_from(["docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp"]),
)
@settings(deadline=None)
def test_every_dotted_carrier_address_survives_the_round_trip(local, domain):
    if not local.strip("."):
        return
    kept = read_address(f"{local}@{domain}")
    assert read_address(sending_form(kept)) == kept
