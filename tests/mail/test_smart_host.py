"""Postfix hands mails to the relay and gets them back to be signed, as the guide has it."""

from __future__ import annotations

from careerrelay.mail.relay import RelayServer, RelaySettings
from tests.mail.relay.relays import LOGIN, NOW, REJECTION, SENDER, ToyDesk, account, linked
from tests.support.dkim import judged_by_dkimpy, judged_by_perl, records, rsa_key
from tests.support.mailbox import running_mailbox
from tests.support.opendkim import SELECTOR, require_opendkim, running_opendkim
from tests.support.postfix import require_postfix, running_postfix

TO = ("taro@example.com", "hanako@example.com")


def test_each_recipient_gets_a_link_and_the_way_back_is_signed() -> None:
    require_postfix()
    require_opendkim()
    with (
        running_mailbox() as box,
        running_opendkim() as signing,
        running_postfix(next_hop=box.port, milters=[signing]) as back,
    ):
        desk = ToyDesk(listed=[account(back.port)], treatment=linked)
        settings = RelaySettings(hostname="relay.example.jp", clock=lambda: NOW)
        relay = RelayServer(desk, settings, host="127.0.0.1", port=0)
        senders = f"{{{{example.jp = FILTER smtp:[127.0.0.1]:{relay.start()}}}}}"
        restrictions = {
            "careerrelay_senders": f"check_sender_access inline:{senders}",
            "smtpd_sender_restrictions": "$careerrelay_senders",
            "smtp_destination_recipient_limit": "1",
        }
        try:
            with running_postfix(next_hop=box.port, settings=restrictions) as front:
                front.send(REJECTION, sender=SENDER, to=TO)
                front.wait_until_empty()
                back.wait_until_empty()
        finally:
            relay.stop()
        assert sorted(mail.recipients[0] for mail in box.messages) == sorted(TO)
        assert [(status, reply) for _, status, reply in desk.told] == [("replaced", 250)] * 2
        published = records(rsa_key(selector=SELECTOR))
        for mail in box.messages:
            name = mail.recipients[0].partition("@")[0]
            assert f"https://relay.example.jp/r/{name}".encode() in mail.content
            assert judged_by_dkimpy(mail.content, published) == [True]
            assert judged_by_perl(mail.content, published) == [("example.jp", "pass")]
    assert account(0).id == LOGIN
