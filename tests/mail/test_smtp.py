"""Real conversations: how far a message came, and what the error says."""

from __future__ import annotations

import pytest

from careerrelay.mail.addresses import read_address, sending_form
from careerrelay.mail.smtp import Security, SmtpAccount, probe, send
from careerrelay.models.errors import (
    ConfigurationError,
    MailError,
    SmtpRejectedError,
    SmtpUnavailableError,
    SmtpUncertainError,
)

from .conftest import DROP, HANG

MESSAGE = b"From: saiyo@example.jp\r\nSubject: test\r\n\r\nhello\r\n.leading dot\r\n"


def account(port: int, **changes) -> SmtpAccount:
    settings = {"security": Security.NONE, "timeout": 5.0} | changes
    return SmtpAccount(settings.pop("host", "127.0.0.1"), port, **settings)


class FakePeer:
    """A socket whose other end is ``address``."""

    def __init__(self, address: str) -> None:
        self._address = address

    def getpeername(self) -> tuple[str, int]:
        return (self._address, 25)


class Calls:
    def __init__(self, seen=None) -> None:
        self.count = 0
        self.seen_at_call: object = None
        self._seen = seen

    def __call__(self) -> None:
        self.count += 1
        self.seen_at_call = self._seen() if self._seen else None


def deliver(port: int, *, before_data=None, to="hanako@example.com", message=MESSAGE, **changes):
    return send(
        message,
        account=account(port, **changes),
        envelope_from="saiyo@example.jp",
        to=to,
        before_data=before_data or Calls(),
    )


def test_message_arrives_whole_with_its_leading_dots(smtp_server):
    server = smtp_server()
    receipt = deliver(server.port)
    (mail,) = server.inbox.mails
    assert (mail.sender, mail.recipients) == ("saiyo@example.jp", ["hanako@example.com"])
    assert mail.content == MESSAGE
    assert (receipt.status, receipt.enhanced_status, receipt.queue_id) == (250, "2.0.0", "TEST1")


@pytest.mark.parametrize(
    ("typed", "on_the_wire"),
    [
        ("abc..def@docomo.ne.jp", b'RCPT TO:<"abc..def"@docomo.ne.jp>'),
        ("abc.@ezweb.ne.jp", b'RCPT TO:<"abc."@ezweb.ne.jp>'),
        ("．ａｂｃ＠ｄｏｃｏｍｏ．ｎｅ．ｊｐ", b'RCPT TO:<".abc"@docomo.ne.jp>'),
        ("hanako@docomo.ne.jp", b"RCPT TO:<hanako@docomo.ne.jp>"),
    ],
)
def test_carrier_address_is_quoted_on_the_wire(script, typed, on_the_wire):
    server = script({})
    deliver(server.port, to=sending_form(read_address(typed)))
    assert on_the_wire in server.lines


def test_a_second_server_understands_the_quoted_address(smtp_server):
    server = smtp_server()
    deliver(server.port, to='"abc..def"@docomo.ne.jp')
    assert server.inbox.mails[0].recipients == ["abc..def@docomo.ne.jp"]


def test_before_data_is_called_after_the_server_is_ready_and_before_any_content(script):
    server = script({})
    before = Calls(seen=lambda: (server.lines[-1], server.content))
    deliver(server.port, before_data=before)
    assert before.count == 1
    assert before.seen_at_call == (b"DATA", None)
    assert server.content is not None


def test_failing_before_data_sends_nothing_and_comes_through(script):
    server = script({})

    def fail() -> None:
        raise RuntimeError("the row could not be saved")

    with pytest.raises(RuntimeError, match="row"):
        deliver(server.port, before_data=fail)
    server.stop()
    assert server.content is None


PHASES = [("connect", "connect"), ("MAIL", "mail"), ("RCPT", "rcpt"), ("DATA", "data")]


@pytest.mark.parametrize(("verb", "phase"), PHASES)
def test_4xx_before_the_content_may_be_tried_again(script, verb, phase):
    before = Calls()
    server = script({verb: b"451 4.3.0 hanako@example.com later\r\n"})
    with pytest.raises(SmtpUnavailableError, match=r"451 4\.3\.0") as caught:
        deliver(server.port, before_data=before)
    assert (caught.value.phase, caught.value.status, before.count) == (phase, 451, 0)
    assert caught.value.retryable
    assert "@" not in caught.value.message


@pytest.mark.parametrize(("verb", "phase"), PHASES)
def test_5xx_before_the_content_is_for_good(script, verb, phase):
    before = Calls()
    server = script({verb: b"550 5.1.1 <hanako@example.com> unknown\r\n"})
    with pytest.raises(SmtpRejectedError, match=r"550 5\.1\.1") as caught:
        deliver(server.port, before_data=before)
    assert (caught.value.phase, caught.value.status, before.count) == (phase, 550, 0)
    assert not caught.value.retryable
    assert "@" not in caught.value.message


@pytest.mark.parametrize(("verb", "phase"), PHASES)
@pytest.mark.parametrize("failure", [DROP, HANG, b"garbage\r\n", b"999 what\r\n"])
def test_no_answer_before_the_content_may_be_tried_again(script, verb, phase, failure):
    before = Calls()
    server = script({verb: failure})
    with pytest.raises(SmtpUnavailableError) as caught:
        deliver(server.port, before_data=before, timeout=0.3)
    assert (caught.value.phase, before.count) == (phase, 0)


@pytest.mark.parametrize("failure", [DROP, HANG, b"garbage\r\n", b"999 x\r\n", b"2" * 9000])
def test_lost_answer_after_the_content_is_uncertain(script, failure):
    before = Calls()
    server = script({".": failure})
    with pytest.raises(SmtpUncertainError, match="look into the sent mail") as caught:
        deliver(server.port, before_data=before, timeout=0.5)
    assert before.count == 1
    assert not caught.value.retryable


def test_4xx_to_the_final_dot_is_definite_and_may_be_tried_again(script):
    server = script({".": b"452 4.2.2 full\r\n"})
    with pytest.raises(SmtpUnavailableError) as caught:
        deliver(server.port)
    assert (caught.value.phase, caught.value.status) == ("content", 452)


def test_5xx_to_the_final_dot_is_definite_and_for_good(script):
    server = script({".": b"554 5.7.1 spam\r\n"})
    with pytest.raises(SmtpRejectedError) as caught:
        deliver(server.port)
    assert (caught.value.phase, caught.value.status) == ("content", 554)


@pytest.mark.parametrize("quit_answer", [DROP, b"500 no\r\n"])
def test_trouble_with_quit_does_not_undo_an_acceptance(script, quit_answer):
    assert deliver(script({"QUIT": quit_answer}).port).status == 250


def test_bare_line_feeds_cannot_smuggle_a_second_message(script):
    server = script({})
    deliver(server.port, message=b"Subject: x\r\n\r\nhello\n.\nMAIL FROM:<evil@example.com>\r.\r")
    assert server.content == (
        b"Subject: x\r\n\r\nhello\r\n..\r\nMAIL FROM:<evil@example.com>\r\n..\r\n.\r\n"
    )


@pytest.mark.parametrize("to", ["a@example.com>\r\nRCPT TO:<b@example.com", "a b@example.com", ""])
def test_recipient_that_would_break_the_command_is_refused_before_connecting(to):
    with pytest.raises(SmtpRejectedError, match="recipient"):
        deliver(1, to=to)


def test_nobody_listening_names_host_and_port(script):
    server = script({"connect": DROP})
    with pytest.raises(SmtpUnavailableError, match="smtp host and smtp port"):
        deliver(server.port)
    with pytest.raises(SmtpUnavailableError, match="smtp host and smtp port"):
        deliver(9, timeout=1.0)


def test_sign_in_over_starttls(smtp_server, certificate):
    server = smtp_server(tls_context=certificate.context, require_starttls=True, sign_in=True)
    deliver(
        server.port,
        security=Security.STARTTLS,
        ca_file=certificate.ca_file,
        username="saiyo",
        password="geheim",
    )
    (mail,) = server.inbox.mails
    assert (mail.encrypted, mail.user) == (True, "saiyo")


def test_tls_from_the_first_byte(smtp_server, certificate):
    server = smtp_server(ssl_context=certificate.context)
    deliver(server.port, security=Security.TLS, host="localhost", ca_file=certificate.ca_file)
    assert len(server.inbox.mails) == 1


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_unknown_certificate_names_the_settings(smtp_server, certificate, security):
    kind = "ssl_context" if security is Security.TLS else "tls_context"
    server = smtp_server(**{kind: certificate.context})
    with pytest.raises(SmtpUnavailableError, match="smtp ca_file"):
        deliver(server.port, security=security)
    assert server.inbox.mails == []


def test_wrong_password_names_the_settings_and_not_the_password(smtp_server, certificate):
    server = smtp_server(tls_context=certificate.context, require_starttls=True, sign_in=True)
    with pytest.raises(SmtpRejectedError, match="smtp username and smtp password") as caught:
        deliver(
            server.port,
            security=Security.STARTTLS,
            ca_file=certificate.ca_file,
            username="saiyo",
            password="falsch",
        )
    assert (caught.value.phase, caught.value.status) == ("auth", 535)
    assert "falsch" not in str(caught.value)


def test_sign_in_that_is_busy_may_be_tried_again(script):
    server = script({"AUTH": b"454 4.7.0 Temporary authentication failure\r\n"})
    with pytest.raises(SmtpUnavailableError) as caught:
        deliver(server.port, username="saiyo", password="geheim")
    assert (caught.value.phase, caught.value.status) == ("auth", 454)


def test_server_without_password_sign_in_says_so(script):
    server = script({"EHLO": b"250-mx.example.jp\r\n250 AUTH XOAUTH2\r\n"})
    with pytest.raises(SmtpRejectedError, match="smtp username"):
        deliver(server.port, username="saiyo", password="geheim")


def test_starttls_that_is_refused_names_the_step(script):
    offer = b"250-mx.example.jp\r\n250 STARTTLS\r\n"
    server = script({"EHLO": offer, "STARTTLS": b"454 4.7.0 not now\r\n"})
    with pytest.raises(SmtpUnavailableError) as caught:
        deliver(server.port, security=Security.STARTTLS)
    assert (caught.value.phase, caught.value.status) == ("starttls", 454)


def test_server_without_starttls_gets_no_password(script):
    server = script({})
    with pytest.raises(SmtpRejectedError, match="STARTTLS"):
        deliver(server.port, security=Security.STARTTLS, username="saiyo", password="geheim")
    assert not any(line.startswith(b"AUTH") for line in server.lines)


def test_private_hosts_are_refused_where_companies_choose_the_host(smtp_server):
    server = smtp_server()
    with pytest.raises(ConfigurationError, match="private address"):
        deliver(server.port, allow_private=False)


def test_plain_text_leaves_this_machine_only_when_allowed(monkeypatch, script):
    """The peer's address decides, not the name in the settings."""
    monkeypatch.setattr("careerrelay.mail.smtp._socket", lambda server: FakePeer("192.0.2.7"))
    server = script({})
    with pytest.raises(ConfigurationError, match="starttls or tls"):
        deliver(server.port)
    assert server.lines == []
    assert deliver(script({}).port, allow_plaintext=True).status == 250


def test_probe_signs_in_and_sends_nothing(smtp_server, certificate):
    server = smtp_server(
        tls_context=certificate.context, require_starttls=True, sign_in=True, data_size_limit=1000
    )
    seen = probe(
        account(
            server.port,
            security=Security.STARTTLS,
            ca_file=certificate.ca_file,
            username="saiyo",
            password="geheim",
        )
    )
    assert (seen.encrypted, seen.authenticated, seen.size_limit) == (True, True, 1000)
    assert server.inbox.mails == []


def test_probe_of_a_plain_server_says_so(script):
    seen = probe(account(script({}).port))
    assert (seen.encrypted, seen.authenticated, seen.size_limit) == (False, False, 10485760)


def test_password_is_not_in_the_repr():
    assert "geheim" not in repr(SmtpAccount("mx.example.jp", 587, password="geheim"))


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"host": ""}, "smtp host"),
        ({"port": 0}, "smtp port"),
        ({"timeout": 0}, "smtp timeout"),
        ({"password": "ひみつ"}, "smtp password"),
    ],
)
def test_impossible_account_names_the_setting(changes, setting):
    settings = {"host": "mx.example.jp", "port": 587} | changes
    with pytest.raises(ConfigurationError, match=setting):
        SmtpAccount(**settings)


def test_unreadable_ca_file_names_the_setting(tmp_path, script):
    with pytest.raises(ConfigurationError, match="smtp ca_file"):
        deliver(9, security=Security.TLS, ca_file=str(tmp_path / "missing.pem"))


def test_smtp_errors_are_mail_errors():
    assert issubclass(SmtpUncertainError, MailError)
