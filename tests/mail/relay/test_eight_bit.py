"""Case 55: a next hop that takes no 8-bit text."""

from __future__ import annotations

import pytest

from tests.mail.relay.hop import Hop
from tests.mail.relay.relays import PLAIN, REJECTION, Relay, linked

EIGHT_BIT = REJECTION.replace(b"Thank you.", "ありがとうございました。".encode())
SEVEN_BIT = "250-next.example.jp\r\n250 SIZE 0"


@pytest.mark.parametrize("option", ["", " BODY=8BITMIME"])
def test_case_055_8bit_text_is_refused_and_never_converted(
    relay: Relay, hop: Hop, option: str
) -> None:
    hop.answers["EHLO"] = SEVEN_BIT
    relay.desk.treatment = linked
    told = relay.send(EIGHT_BIT, options=option)
    assert told.startswith("5")
    assert "8BITMIME" in told
    assert hop.taken == []


def test_case_055_7bit_text_passes(relay: Relay, hop: Hop) -> None:
    hop.answers["EHLO"] = SEVEN_BIT
    assert relay.send(PLAIN).startswith("250")
    assert hop.only().below_trace == PLAIN
