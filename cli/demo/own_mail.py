"""The second story: an ATS without web hooks or fields. We poll, and send the company's notice."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from urllib.parse import urlsplit

from ...connectors.herp.standin import HerpStandIn
from . import cast
from .browser import Browser
from .stage import Stage
from .steps import Steps, expect, wait_for
from .visitor import Visitor
from .witness import Letter, Witness

CONNECTION = "herp"
KEY_VARIABLE = "DEMO_API_KEY"
STEP = "firstInterview"


class OwnMailStory:
    """One applicant, from the rejection in the ATS to the comment on the timeline."""

    def __init__(self, stage: Stage, steps: Steps) -> None:
        self._stage = stage
        self._steps = steps
        self._witness = Witness(stage)
        self._browser = Browser()
        self._person = cast.OWN_MAIL
        self._herp = HerpStandIn()
        self._url = ""
        self._case = ""

    def play(self) -> None:
        """Raises StepFailedError at the first step that is not as it should be."""
        with self._herp.serve() as self._url:
            self._connect()
            letter = self._send()
            self._check_stop_link(letter)
            self._register(letter)
            self._check_comment()
            self._stop(letter)

    def _connect(self) -> None:
        with self._steps.step(
            "B1", "a second ATS, HERP style: no web hooks, so it is polled",
            "2つ目のATS（HERP形式）を接続する。Webhookがないため、定期的に取得する",
        ) as step:  # fmt: skip
            self._stage.product.command(
                "connections", "add", CONNECTION, "--company", cast.COMPANY,
                "--connector", "herp", "--strategy", "own_mail", "--hiring", "mid_career",
                f"--set=api_url={self._url}", f"--secret-env=api_key={KEY_VARIABLE}",
                secrets={KEY_VARIABLE: self._herp.api_key},
            )  # fmt: skip
            calls = wait_for(
                lambda: len(self._herp.calls), bool, expected="a call to the ATS's list"
            )
            step.note(f"{calls} call(s) to its API", f"APIの呼び出し{calls}件")

    def _send(self) -> Letter:
        with self._steps.step(
            "B2", "a rejection there, then a poll: the company's notice goes out by SMTP",
            "不採用を取得し、導入企業のSMTPからお知らせメールを送る",
        ) as step:  # fmt: skip
            job = self._herp.add_requisition(cast.JOBS[0])
            person = self._person
            self._case = self._herp.apply(job, name=person.full_name, email=person.email, step=STEP)
            self._herp.reject(self._case)
            self._stage.product.command("connections", "poll", CONNECTION)
            letter = self._witness.wait_letter(person.email)
            sender = letter.message["From"].addresses[0].addr_spec
            expect("the sender", expected=cast.COMPANY_SENDER, seen=sender)
            letter.link(self._witness.relay_prefix)
            step.note(f"{letter.subject}, from {sender}", f"{letter.subject}（差出人 {sender}）")
        return letter

    def _check_stop_link(self, letter: Letter) -> None:
        with self._steps.step(
            "B3", "List-Unsubscribe stands in it, and opening it changes nothing",
            "List-Unsubscribeがあり、開くだけでは何も変わらない",
        ) as step:  # fmt: skip
            post = str(letter.message["List-Unsubscribe-Post"])
            expect("List-Unsubscribe-Post", expected="List-Unsubscribe=One-Click", seen=post)
            url = _stop_url(letter)
            pages = [self._browser.head(url), self._browser.get(url)]
            expect("HEAD and GET", expected=[200, 200], seen=[p.status for p in pages])
            again = Visitor(self._person, self._witness).open(
                letter.link(self._witness.relay_prefix)
            )
            expect("the relay link after that", expected=200, seen=again.status)
            step.note("HTTP 200, the link stays open", "HTTP 200、リンクは有効なまま")

    def _register(self, letter: Letter) -> None:
        with self._steps.step(
            "B4", "registration, with proof of the mailbox", "登録とメールアドレスの確認"
        ) as step:
            visitor = Visitor(self._person, self._witness)
            visitor.register(letter.link(self._witness.relay_prefix))
            welcome = visitor.confirm()
            step.note(welcome.subject, welcome.subject)

    def _check_comment(self) -> None:
        with self._steps.step(
            "B5", "one comment on the ATS's timeline", "ATSのタイムラインにコメントが1件付く"
        ) as step:
            comments = wait_for(self._comments, bool, expected="a comment on the timeline")
            expect("comments", expected=1, seen=len(comments))
            step.note(comments[0], comments[0])

    def _comments(self) -> list[str]:
        """As the ATS's API shows them."""
        connection = HTTPConnection(urlsplit(self._url).netloc, timeout=10)
        try:
            connection.request(
                "GET",
                f"/v1/candidacies/{self._case}/timeline-comments",
                headers={"Authorization": f"Bearer {self._herp.api_key}"},
            )
            body = connection.getresponse().read()
        finally:
            connection.close()
        return [row["body"] for row in json.loads(body)["timelineComments"]]

    def _stop(self, letter: Letter) -> None:
        with self._steps.step(
            "B6", "one click stops further invitations; the count stays",
            "ワンクリックで今後のご案内を停止する。カウントは変わらない",
        ) as step:  # fmt: skip
            page = self._browser.post(_stop_url(letter), {"List-Unsubscribe": "One-Click"})
            expect("the one-click answer", expected=200, seen=page.status)
            expect("what counts", expected=(11, 1, 9), seen=self._witness.counts())
            step.note("HTTP 200; 11 counted, 1 slot", "HTTP 200、カウント11、無料紹介枠1")


def _stop_url(letter: Letter) -> str:
    return str(letter.message["List-Unsubscribe"]).strip("<> ")
