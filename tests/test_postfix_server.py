"""The Postfix that other tests stand on is a real one, and passes on what it was given."""

from __future__ import annotations

import pytest

from tests.support.mailbox import running_mailbox
from tests.support.postfix import require_postfix, running_postfix, why_no_postfix

MESSAGE = b"From: hr@example.jp\r\nTo: taro@example.com\r\nSubject: Test\r\n\r\nHello.\r\n.dot\r\n"


def test_postfix_hands_a_message_to_the_next_hop() -> None:
    require_postfix()
    with running_mailbox() as box, running_postfix(next_hop=box.port) as postfix:
        postfix.send(MESSAGE)
        postfix.wait_until_empty()
        assert [m.content.endswith(b"Hello.\r\n.dot\r\n") for m in box.messages] == [True]
        assert box.messages[0].recipients == ["taro@example.com"]


def test_postfix_without_a_next_hop_keeps_what_it_took() -> None:
    require_postfix()
    with running_postfix(header_checks="/^Subject: Test/ WARN seen\n") as postfix:
        postfix.send(MESSAGE)
        postfix.wait_for_log("warning: header Subject: Test")
        postfix.wait_for_log("status=deferred")
        assert len(postfix.queue()) == 1


def test_in_ci_a_missing_postfix_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 1000)
    assert why_no_postfix()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception):
        require_postfix()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception):
        require_postfix()
