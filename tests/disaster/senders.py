"""People and vendors around an installation that dies: each goes on until it was answered."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from careerrelay.models.events import ApplicationEvent, WebhookRequest
from tests.disaster.nodes import PATIENCE, wait_until
from tests.support.mailbox import Mailbox
from tests.support.toy import toy_webhook

RETRY_SECONDS = 0.05
TIMEOUT = 15.0
"""Seconds until a browser, or a person who waits for a mail, gives up and begins again."""


@dataclass
class Sender:
    """An ATS's webhook sender: what was not answered with 2xx is sent again, same id, same body.

    ``acknowledged`` counts the 2xx per delivery id; ``attempts`` counts everything sent.
    """

    url: str
    acknowledged: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    _waiting: queue.Queue[WebhookRequest | None] = field(default_factory=queue.Queue)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, event: ApplicationEvent, *, delivery: str) -> None:
        self._waiting.put(toy_webhook(event, delivery=delivery))

    @contextmanager
    def running(self, *, threads: int) -> Iterator[None]:
        """Threads that send; at the end everything has been acknowledged."""
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for worker in workers:
            worker.start()
        yield
        for _ in workers:
            self._waiting.put(None)
        for worker in workers:
            worker.join(PATIENCE * 2)
            assert not worker.is_alive(), "a webhook was never acknowledged"

    def _work(self) -> None:
        with requests.Session() as session:
            while (sent := self._waiting.get()) is not None:
                while not self._post(session, sent):
                    time.sleep(RETRY_SECONDS)

    def _post(self, session: requests.Session, sent: WebhookRequest) -> bool:
        with self._lock:
            self.attempts += 1
        try:
            answer = session.post(
                self.url, data=sent.body, headers=dict(sent.headers), timeout=TIMEOUT
            )
        except requests.RequestException:
            return False
        assert answer.ok or answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE, answer.status_code
        if answer.ok:
            with self._lock:
                self.acknowledged[sent.headers["x-toy-id"]] += 1
        return answer.ok


@dataclass
class Person:
    """Somebody with a browser who found the link in a mail, and has all the time in the world."""

    number: int
    link: str
    mailbox: Mailbox

    def register(self) -> None:
        """Form, mailed link, button; whatever is not answered is done again.

        A form that was taken is not filled in twice: its mail must come.
        """
        self._fill_in()
        wait_until(lambda: bool(self._proofs()), what=f"person {self.number} gets the proof mail")
        wait_until(self._confirm, what=f"person {self.number} is registered")

    def _fill_in(self) -> None:
        values = {
            "name": f"応募 太郎{self.number}",
            "email": f"person{self.number}@example.com",
            "named": "yes",
            "terms": "yes",
        }
        wait_until(lambda: self._press(self.link, values), what="the form is taken")

    def _confirm(self) -> bool:
        return self._press(f"{_origin(self.link)}{urlsplit(self._proofs()[-1]).path}", {})

    def _press(self, url: str, values: dict[str, str]) -> bool:
        """Open a page and send its form; a page without a form is the end of the way."""
        try:
            with requests.Session() as browser:
                browser.headers["X-Forwarded-For"] = f"192.0.2.{self.number + 1}"
                page = browser.get(url, timeout=TIMEOUT)
                if 'name="csrf_token"' not in page.text:
                    return page.ok
                answer = browser.post(url, data=values | {"csrf_token": _csrf(page.text)})
                return answer.ok
        except requests.RequestException:
            return False

    def _proofs(self) -> list[str]:
        """The mailed links, oldest first."""
        texts = texts_to(self.number, self.mailbox)
        return [link for text in texts for link in proof_links(text)]


def texts_to(number: int, mailbox: Mailbox) -> list[str]:
    """What that person was mailed, oldest first."""
    to = f"person{number}@example.com"
    return [_text(mail.content) for mail in list(mailbox.messages) if to in mail.recipients]


def proof_links(text: str) -> list[str]:
    """The links of a mail that asks for a proof; the welcome has none."""
    return [word for word in text.split() if "/p/" in word]


def _csrf(page: str) -> str:
    field_ = next(part for part in page.split("<input") if 'name="csrf_token"' in part)
    return field_.split('value="', 1)[1].split('"', 1)[0]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _text(content: bytes) -> str:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    assert body is not None
    return body.get_content()
