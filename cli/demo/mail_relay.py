"""The third story: an ATS with SMTP settings of its own, whose mails pass through our relay.

The rejection mail is written and sent by the ATS. On its way a marker in it becomes the person's
own link; every other mail arrives as it was sent, byte by byte.
"""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, make_msgid
from typing import Any

from ...connectors.greenhouse.standin import GreenhouseStandIn
from ...connectors.testing.standin import utcnow
from . import cast
from .ats import SMTP_SECONDS
from .stage import Stage
from .steps import Steps, expect, wait_for
from .visitor import Visitor
from .witness import Letter, Witness

CONNECTION = "relayed"
RELAY = "ats-smtp"
MARKER = "[[career_relay_link]]"
"""Not in double braces: those are this ATS's own tokens."""
SECRET_VARIABLE = "DEMO_RELAY_WEBHOOK_SECRET"  # noqa: S105 - a variable's name
KEY_VARIABLE = "DEMO_RELAY_CLIENT_SECRET"
WEBHOOK_SECRET = "demo-relay-webhook-secret"  # noqa: S105 - invented, for this demo only
AUTHENTICATION_REQUIRED = 530
TAKEN = 250

SUBJECT = "【株式会社みほん商事】選考結果のご連絡"
TEXT = f"""\
{{{{CANDIDATE_LAST_NAME}}}} {{{{CANDIDATE_FIRST_NAME}}}} 様

お世話になっております。
{cast.COMPANY_NAME} 採用担当です。

慎重に検討いたしました結果、今回は採用を見送らせていただく
こととなりました。ご期待に沿うことができず、誠に申し訳
ございません。

{MARKER}

――――――――――――――――――――
{cast.COMPANY_NAME} 採用担当
E-mail: {cast.COMPANY_SENDER}
――――――――――――――――――――
"""
INVITATION = "一次面接のご案内をお送りいたします。\n日時：11月30日 14:00\n"


class MailRelayStory:
    """Two rejections, a withdrawal and an invitation, all sent by the ATS through the relay."""

    def __init__(self, stage: Stage, steps: Steps) -> None:
        self._stage = stage
        self._steps = steps
        self._witness = Witness(stage)
        self._ats = GreenhouseStandIn(send_mail=self._send)
        self._password = ""
        self._sent: list[bytes] = []

    def play(self) -> None:
        """Raises StepFailedError at the first step that is not as it should be."""
        with self._ats.serve() as url:
            self._connect(url)
            self._refuse_strangers()
            letter = self._reject()
            self._pass_others()
            self._withdraw()
            self._register(letter)
            self._report()

    def _connect(self, url: str) -> None:
        with self._steps.step(
            "C1", "a third ATS sends through our relay: its SMTP settings, by command",
            "3つ目のATSのSMTP設定を、CareerRelayの中継に向ける",
        ) as step:  # fmt: skip
            self._ats.add_reason(cast.WE_REJECTED)
            self._ats.set_rejection_template(subject=SUBJECT, text=TEXT)
            settings = self._ats.settings(url, webhook_secret=WEBHOOK_SECRET)
            secrets = {
                SECRET_VARIABLE: settings.pop("webhook_secret"),
                KEY_VARIABLE: settings.pop("client_secret"),
            }
            made = self._stage.product.command(
                "connections", "add", CONNECTION, "--company", cast.COMPANY,
                "--connector", "greenhouse", "--strategy", "mail_relay",
                *(f"--set={name}={value}" for name, value in settings.items()),
                f"--secret-env=webhook_secret={SECRET_VARIABLE}",
                f"--secret-env=client_secret={KEY_VARIABLE}", secrets=secrets,
            )  # fmt: skip
            self._ats.add_hook(made["webhook_url"], secret=WEBHOOK_SECRET)
            entered = self._add_relay()
            self._password = entered["password"]
            step.note(
                f"port {entered['port']}, user {entered['user']}",
                f"ポート{entered['port']}、ユーザー名 {entered['user']}",
            )

    def _add_relay(self) -> dict[str, Any]:
        domain = cast.COMPANY_SENDER.partition("@")[2]
        return self._stage.product.command(
            "mail-relay", "add", RELAY, "--connection", CONNECTION, "--sender", domain,
            "--marker", MARKER, "--next-hop-host", "127.0.0.1",
            "--next-hop-port", str(self._stage.ports.smtp), "--next-hop-security", "none",
        )["enter_in_ats"]  # fmt: skip

    def _refuse_strangers(self) -> None:
        with self._steps.step(
            "C2", "nobody sends through it without signing in",
            "サインインしなければ、誰も中継から送信できない",
        ) as step:  # fmt: skip
            with smtplib.SMTP("127.0.0.1", self._stage.ports.relay, timeout=SMTP_SECONDS) as server:
                server.ehlo()
                status, _ = server.mail(cast.COMPANY_SENDER)
            expect("the answer to MAIL FROM", expected=AUTHENTICATION_REQUIRED, seen=status)
            step.note(f"SMTP {status}", f"SMTP {status}")

    def _reject(self) -> Letter:
        with self._steps.step(
            "C3", "a rejection: the ATS's own mail arrives with the person's link in it",
            "不採用にすると、ATSのメールが候補者ごとのリンク入りで届く",
        ) as step:  # fmt: skip
            self._ats.reject(self._apply(cast.RELAYED), self._ats.reason(cast.WE_REJECTED))
            letter = self._witness.wait_letter(cast.RELAYED.email)
            link = letter.link(self._witness.relay_prefix)
            expect("the marker", expected=False, seen=MARKER in letter.text)
            before, _, after = TEXT.partition(MARKER)
            for part in (before.splitlines()[2], after.splitlines()[-2]):
                expect(f"the ATS's own line {part}", expected=True, seen=part in letter.text)
            Visitor(cast.RELAYED, self._witness).open(link)
            step.note(f"{letter.subject}: HTTP 200", f"{letter.subject}：HTTP 200")
        return letter

    def _apply(self, person: cast.Applicant) -> int:
        return self._ats.apply(person.given, person.family, emails=[person.email])

    def _pass_others(self) -> None:
        with self._steps.step(
            "C4", "every other mail arrives as it was sent",
            "そのほかのメールは、送られたとおりに届く",
        ) as step:  # fmt: skip
            before = len(self._witness.mails(cast.INVITED.email))
            self._send(cast.INVITED.email, "一次面接のご案内", INVITATION)
            letter = self._witness.wait_letter(cast.INVITED.email, more_than=before)
            source = self._witness.source(letter.number)
            same = _own_part(source) == _own_part(self._sent[-1])
            expect("the same bytes below the trace lines", expected=True, seen=same)
            step.note(f"{len(source)} bytes", f"{len(source)}バイト")

    def _withdraw(self) -> None:
        """The recruiter took the same template for somebody who had withdrawn."""
        with self._steps.step(
            "C5", "somebody withdrew and gets the same template: the marker goes, no link comes",
            "辞退された方に同じテンプレートを送っても、目印は消え、リンクは入らない",
        ) as step:  # fmt: skip
            case = self._apply(cast.RELAYED_WITHDRAWN)
            self._ats.withdraw(case)
            text = TEXT.replace("{{CANDIDATE_LAST_NAME}} {{CANDIDATE_FIRST_NAME}}", "ご応募者")
            self._send(cast.RELAYED_WITHDRAWN.email, SUBJECT, text)
            letter = self._witness.wait_letter(cast.RELAYED_WITHDRAWN.email)
            expect("the marker", expected=False, seen=MARKER in letter.text)
            there = self._witness.relay_prefix in letter.text
            expect("a link", expected=False, seen=there)
            step.note("no marker, no link", "目印もリンクもなし")

    def _register(self, letter: Letter) -> None:
        with self._steps.step(
            "C6", "registration through that link counts", "そのリンクからの登録がカウントされる"
        ) as step:
            visitor = Visitor(cast.RELAYED, self._witness)
            visitor.register(letter.link(self._witness.relay_prefix))
            visitor.confirm()
            expect("what counts", expected=(12, 1, 8), seen=self._witness.counts())
            step.note("12 counted, 1 slot", "カウント12、無料紹介枠1")

    def _report(self) -> None:
        with self._steps.step(
            "C7", "the administrator sees what became of the mails, and no address",
            "管理者は、メールの結果を確認できる（アドレスは残らない）",
        ) as step:  # fmt: skip
            lines = wait_for(
                lambda: self._stage.product.command("mail-relay", "mails", CONNECTION),
                lambda found: len(found) == 2 and all(line["reply"] == 250 for line in found),
                expected="two mails that were looked at, both taken by the mailbox",
            )
            seen = [(line["judgement"], line["reason"]) for line in reversed(lines)]
            expect("judgements", expected=[("personal", "link"), ("none", "withdrawn")], seen=seen)
            step.note("1 personal link, 1 without (withdrawn)", "リンク1通、リンクなし1通（辞退）")

    def _send(self, to: str, subject: str, text: str) -> None:
        """As an ATS does it: a mail that is not taken yet (451) is sent again a little later."""
        message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
        message["From"] = formataddr((f"{cast.COMPANY_NAME} 採用担当", cast.COMPANY_SENDER))
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = utcnow()
        message["Message-ID"] = make_msgid(domain="ats.example.jp")
        message.set_content(text)
        self._sent.append(message.as_bytes())
        wait_for(
            lambda: self._status_of(message, to=to),
            lambda status: status == TAKEN,
            expected="the relay takes the mail",
        )

    def _status_of(self, message: EmailMessage, *, to: str) -> int:
        """One try: STARTTLS with the relay's certificate checked, sign-in, the mail; the answer."""
        trusted = ssl.create_default_context(cafile=self._stage.product.certificate)
        with smtplib.SMTP("127.0.0.1", self._stage.ports.relay, timeout=SMTP_SECONDS) as server:
            server.starttls(context=trusted)
            server.login(RELAY, self._password)
            try:
                server.send_message(message, from_addr=cast.COMPANY_SENDER, to_addrs=[to])
            except smtplib.SMTPDataError as error:
                return error.smtp_code
        return TAKEN


def _own_part(source: bytes) -> bytes:
    """From the sender's first field on; what is above was put there on the way."""
    return source[source.index(b"From: ") :].rstrip(b"\r\n")
