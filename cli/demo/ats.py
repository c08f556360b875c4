"""The sandbox ATS: the stand-in of a vendor, with a page to click *Reject* on.

It has its own life: it keeps its own records, signs its own web hooks and sends its own
rejection mail, with the token in its template resolved, through the company's mail server.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, make_msgid
from itertools import groupby
from typing import Any

from ...connectors.greenhouse.standin import GreenhouseStandIn
from ...connectors.testing.standin import Request, Response, route, utcnow
from . import cast
from .pages import back_to, page, resource

SMTP_SECONDS = 10.0
LINK_FIELD = "careerrelay_link"
LONGEST = 100

SUBJECT = "【株式会社みほん商事】選考結果のご連絡（{{JOB_NAME}}）"
GREETING = f"""\
{{{{CANDIDATE_LAST_NAME}}}} {{{{CANDIDATE_FIRST_NAME}}}} 様

お世話になっております。
{cast.COMPANY_NAME} 採用担当です。

このたびは「{{{{JOB_NAME}}}}」にご応募いただき、選考のために
貴重なお時間を頂戴しまして、誠にありがとうございました。
慎重に検討いたしました結果、今回は採用を見送らせていただく
こととなりました。ご期待に沿うことができず、誠に申し訳
ございません。
"""
SIGNATURE = f"""\
――――――――――――――――――――
{cast.COMPANY_NAME} 採用担当
E-mail: {cast.COMPANY_SENDER}
――――――――――――――――――――
"""
FIELD_TOKEN = "{{CAREERRELAY_LINK}}"  # noqa: S105 - a merge token


def mail_by_smtp(port: int) -> Callable[[str, str, str], None]:
    """What sends the ATS's mails: the mail server on this machine."""

    def send(to: str, subject: str, text: str) -> None:
        message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
        message["From"] = formataddr((f"{cast.COMPANY_NAME} 採用担当", cast.COMPANY_SENDER))
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = utcnow()
        message["Message-ID"] = make_msgid(domain="ats.example.jp")
        message.set_content(text)
        with smtplib.SMTP("127.0.0.1", port, timeout=SMTP_SECONDS) as server:
            server.send_message(message, from_addr=cast.COMPANY_SENDER, to_addrs=[to])

    return send


class SandboxAts(GreenhouseStandIn):
    """The stand-in with two jobs, the company's template, and pages at its root."""

    def __init__(self, *, send_mail: Callable[[str, str, str], object]) -> None:
        super().__init__(send_mail=send_mail)
        self.mailbox_url = ""
        self._newcomers = cast.newcomers()
        self._next = next(self._newcomers)
        self.job_ids = [self.add_job(name) for name in cast.JOBS]
        self.add_reason(cast.WE_REJECTED)
        self.paste("")

    def paste(self, paragraph: str) -> None:
        """What an administrator does in the template's editor."""
        parts = (GREETING, paragraph, SIGNATURE)
        text = "\n\n".join(part.strip("\n") for part in parts if part)
        self.set_rejection_template(subject=SUBJECT, text=f"{text}\n")

    # Pages; each button is a form, and looking changes nothing.

    @route("GET", "/")
    def show_jobs(self, request: Request) -> Response:
        """Applicants per job, in the order they came."""
        rows = [self._shown(row) for row in self.applications()]
        rows.sort(key=lambda row: (row["job_id"], row["id"]))
        jobs = [(name, list(group)) for name, group in groupby(rows, lambda row: row["job_name"])]
        hook_on = any(not hook.disabled for hook in self.hooks)
        return self._list_page(request, jobs=jobs, person=self._next, hook_on=hook_on)

    def _list_page(self, request: Request, *, status: int = 200, **values: Any) -> Response:
        jobs = list(zip(self.job_ids, cast.JOBS, strict=True))
        return page(
            request, "ats.html", status=status, neighbour=self.mailbox_url, all_jobs=jobs, **values
        )

    @route("GET", "/people/<int:candidate_id>")
    def show_person(self, request: Request, candidate_id: int) -> Response:
        """What a recruiter sees on a candidate's record."""
        rows = [r for r in self.applications() if r["candidate_id"] == candidate_id]
        if not rows:
            return self.json_response(404, {"error": "no such person"})
        cases = [self._shown(row) for row in rows]
        return page(
            request, "person.html", neighbour=self.mailbox_url, person=cases[0], cases=cases
        )

    @route("POST", "/apply")
    def submit_application(self, request: Request) -> Response:
        """Somebody applies, as on the company's careers page."""
        names = ("family", "given", "email")
        family, given, email = (request.form.get(n, "").strip()[:LONGEST] for n in names)
        job = request.form.get("job", "")
        known = {str(id_) for id_ in self.job_ids}
        if not (family and given and "@" in email and email.isascii() and job in known):
            typed = cast.Applicant(family, given, email)
            return self._list_page(
                request, status=422, jobs=[], person=typed, hook_on=True, faulty=True
            )
        self.apply(given, family, emails=[email], job_id=int(job))
        with self.lock:
            self._next = next(self._newcomers)
        return back_to("/")

    @route("POST", "/cases/<int:case_id>/<action>")
    def act(self, request: Request, case_id: int, action: str) -> Response:
        """Reject, note a withdrawal, or take a rejection back."""
        actions: dict[str, tuple[str, Callable[[], None]]] = {
            "reject": ("in_process", lambda: self.reject(case_id, self.reason(cast.WE_REJECTED))),
            "withdraw": ("in_process", lambda: self.withdraw(case_id)),
            "unreject": ("rejected", lambda: self.unreject(case_id)),
        }
        case = self.records.cases.get(case_id)
        if action not in actions or case is None:
            return self.json_response(404, {"error": "no such action or application"})
        allowed, act = actions[action]
        # Pressed twice, or in two windows: nothing more, and the page shows how it stands.
        if case.status == allowed:
            act()
        back = request.form.get("back", "")
        return back_to(f"/people/{back}" if back.isdecimal() else "/")

    @route("GET", "/demo.css")
    def style(self, request: Request) -> Response:  # noqa: ARG002 - route
        return resource("demo.css", mimetype="text/css")

    @route("GET", "/live.js")
    def script(self, request: Request) -> Response:  # noqa: ARG002 - route
        return resource("live.txt", mimetype="text/javascript")

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """A case with what stands on its person's record."""
        id_ = row["candidate_id"]
        with self.lock:
            person = self.records.people[id_]
            reason = self.records.reasons.get(self.records.cases[row["id"]].reason_id or 0)
        return {
            **row,
            "name": f"{person.last_name} {person.first_name}",
            "email": person.emails[0][0] if person.emails else "",
            "withdrawn": bool(reason and reason.type_key == "THEY_REJECTED_US"),
            "reason": reason.name if reason else "",
            "link": self.fields(id_).get(LINK_FIELD, ""),
            "tags": self.tags(id_),
            "notes": [note["body"] for note in self.notes(id_)],
        }


def seeded(ats: SandboxAts) -> Iterator[int]:
    """The ten of the cast apply, in turn for each job; their cases' ids."""
    for number, person in enumerate(cast.TEN):
        job = ats.job_ids[number % len(ats.job_ids)]
        yield ats.apply(person.given, person.family, emails=[person.email], job_id=job)
