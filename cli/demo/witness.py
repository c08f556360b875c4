"""What can be seen from outside: the mailbox and the ATS over HTTP, the slots by command."""

from __future__ import annotations

import email
import json
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.parse import quote

from . import cast
from .browser import Browser, Page
from .stage import Stage
from .steps import StepFailedError, wait_for

CODE = re.compile(r"^\s*(\d{8})\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as its reader has it before them."""

    number: int
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        return part.get_content() if part is not None else ""

    def link(self, prefix: str) -> str:
        """The first address in the text that begins so. Raises StepFailedError."""
        found = re.search(re.escape(prefix) + r"[^\s<>]+", self.text)
        if found is None:
            raise StepFailedError(expected=f"a link {prefix}... in the mail", seen="none")
        return found[0]

    def code(self) -> str:
        """The eight digits that stand alone on a line. Raises StepFailedError."""
        found = CODE.search(self.text)
        if found is None:
            raise StepFailedError(expected="a code of 8 digits in the mail", seen="none")
        return found[1]


class Witness:
    """Looks, and writes nothing."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._browser = Browser()

    @property
    def relay_prefix(self) -> str:
        return f"{self._stage.product.url}/r/"

    @property
    def proof_prefix(self) -> str:
        return f"{self._stage.product.url}/p/"

    def mails(self, to: str = "") -> list[dict[str, Any]]:
        """Summaries of the mails of an address (or of all), newest first."""
        page = self._browser.get(f"{self._stage.mailbox_url}/messages.json?to={quote(to)}")
        return json.loads(page.body)["messages"]

    def wait_letter(self, to: str, *, more_than: int = 0) -> Letter:
        """The newest mail of an address, once it has more than so many."""
        found = wait_for(
            lambda: self.mails(to),
            lambda mails: len(mails) > more_than,
            expected=f"mail number {more_than + 1} for {to}",
        )
        return self.letter(found[0]["number"])

    def source(self, number: int) -> bytes:
        """A mail as it arrived."""
        return self._browser.get(f"{self._stage.mailbox_url}/messages/{number}/source").body

    def letter(self, number: int) -> Letter:
        message = email.message_from_bytes(self.source(number), policy=default)
        return Letter(number, message)  # type: ignore[arg-type] - the policy makes it one

    def record(self, candidate_id: int) -> Page:
        """A candidate's page in the ATS."""
        return self._browser.get(f"{self._stage.ats_url}/people/{candidate_id}")

    def slots(self) -> dict[str, Any]:
        """What ``careerrelay slots show`` says of the company."""
        return self._stage.product.command("slots", "show", cast.COMPANY)[0]

    def counts(self) -> tuple[int, int, int]:
        """(counted, slots, left to the next slot)."""
        shown = self.slots()
        return shown["credits"], shown["slots"], shown["remaining"]
