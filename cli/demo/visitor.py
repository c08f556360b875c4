"""One applicant at a browser: opens the link, fills in the form, proves the mailbox."""

from __future__ import annotations

from .browser import Browser, Page
from .cast import Applicant
from .steps import expect, wait_for
from .witness import Letter, Witness

WRONG_CODE = "00000000"


class Visitor:
    """``person`` with a browser of their own and their mailbox."""

    def __init__(self, person: Applicant, witness: Witness) -> None:
        self.person = person
        self._witness = witness
        self._browser = Browser()
        self._waiting = Page("", 0, {}, b"")
        self._proof: Letter | None = None

    def open(self, link: str) -> Page:
        """The page behind the personal link, once it is active."""
        return wait_for(
            lambda: self._browser.get(link),
            lambda page: page.status == 200,
            expected=f"HTTP 200 for the link of {self.person.email}",
        )

    def register(self, link: str) -> Letter:
        """Fill in the form with the person's choice; the mail that asks for the proof."""
        before = len(self._witness.mails(self.person.email))
        self._waiting = self._browser.submit(self.open(link), self._answers())
        expect("the page after the form", expected=200, seen=self._waiting.status)
        expect("its address", expected=f"{link}/code", seen=self._waiting.url)
        self._proof = self._witness.wait_letter(self.person.email, more_than=before)
        return self._proof

    def register_carelessly(self, link: str) -> None:
        """Without the choice, then from a browser that sends no cookie: both are refused."""
        answers = self._answers()
        del answers["named"]
        page = self._browser.submit(self.open(link), answers)
        expect("the form without the choice about the name", expected=422, seen=page.status)
        stranger = Browser()
        page = stranger.post(link, self._answers())
        expect("the form without its token", expected=422, seen=page.status)

    def _answers(self) -> dict[str, str]:
        return {
            "name": self.person.full_name,
            "email": self.person.email,
            "named": "yes" if self.person.named else "no",
            "terms": "yes",
        }

    def confirm(self) -> Letter:
        """By the button behind the mailed link, or by the mailed code; the mail that follows."""
        assert self._proof is not None  # noqa: S101 - the story's own order
        before = len(self._witness.mails(self.person.email))
        page = self._type_code(self._proof) if self.person.by_code else self._press(self._proof)
        expect("the page after the confirmation", expected=200, seen=page.status)
        return self._witness.wait_letter(self.person.email, more_than=before)

    def _press(self, proof: Letter) -> Page:
        """Opened by a scanner first, which confirms nothing, and then by the person."""
        link = proof.link(self._witness.proof_prefix)
        page = Browser().get(link)
        expect("the proof link opened by a scanner", expected=200, seen=page.status)
        page = self._browser.get(link)
        return self._browser.submit(page)

    def _type_code(self, proof: Letter) -> Page:
        code = proof.code()
        if code != WRONG_CODE:
            wrong = self._browser.submit(self._waiting, {"code": WRONG_CODE})
            expect("a wrong code", expected=422, seen=wrong.status)
        return self._browser.submit(self._waiting, {"code": code})
