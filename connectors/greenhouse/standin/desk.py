"""What applicants, recruiters and administrators do, as methods; each fires its web hooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from careerrelay.connectors import utcnow

from . import hooks
from .api import HarvestApi
from .hooks import Hook
from .letters import RejectionTemplate
from .records import (
    STAGE_NAMES,
    Case,
    CustomField,
    JobRecord,
    Person,
    RejectionReason,
    Row,
)

SendMail = Callable[[str, str, str], object]
ACTING_USER = 4080


class GreenhouseStandIn(HarvestApi):
    """One organisation with a link field, three usual reasons and no people yet.

    ``send_mail(to, subject, text)`` receives the company's rejection mails. Ids are integers.
    Every method may be called from any thread.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime] = utcnow,
        send_mail: SendMail | None = None,
        window_calls: int = 1000,
    ) -> None:
        super().__init__(clock=clock, window_calls=window_calls)
        self.send_mail = send_mail
        self.hooks: list[Hook] = []
        self.template = RejectionTemplate()
        self.add_field("CareerRelay link", name_key="careerrelay_link", token="CAREERRELAY_LINK")  # noqa: S106 - an email token's name

    def settings(self, url: str, *, webhook_secret: str) -> dict[str, str]:
        """What a connection to this organisation needs; ``url`` is where it is served."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "acting_user_id": str(ACTING_USER),
            "webhook_secret": webhook_secret,
            "base_url": f"{url}/v3",
            "token_url": f"{url}/token",
        }

    # Administrators

    def add_hook(self, url: str, *, secret: str, events: Sequence[str] = ()) -> Hook:
        """Configure > Dev Center > Web Hooks; no events means all. Pinged at once."""
        hook = Hook(url, secret, tuple(events))
        body = hooks.encode("ping", hooks.ping_payload(hook))
        hook.disabled = not self.ping(url, body, hooks.headers(body, secret=secret))
        with self.lock:
            self.hooks.append(hook)
        return hook

    def add_job(self, name: str, *, confidential: bool = False) -> int:
        """A vacancy; its id."""
        with self.lock:
            job = JobRecord(self.records.new_id(), name, confidential, self.clock())
            self.records.jobs[job.id] = job
        return job.id

    def add_field(self, name: str, *, name_key: str, **options: Any) -> CustomField:
        """A custom field; ``options`` as in ``CustomField`` (token, private, value_type...)."""
        with self.lock:
            field = CustomField(self.records.new_id(), name, name_key, **options)
            self.records.fields[field.id] = field
        return field

    def add_source(self, name: str, *, kind: str) -> int:
        """A source (応募経路) and its type's name, for example Agencies."""
        with self.lock:
            source_id = self.records.new_id()
            self.records.sources[source_id] = (name, kind)
        return source_id

    def add_reason(self, name: str, *, type_key: str = "WE_REJECTED_THEM") -> int:
        """A rejection reason of the organisation's own."""
        with self.lock:
            return self.records.add_reason(name, type_key=type_key)

    def reason(self, name: str) -> int:
        """The id of a reason by its name."""
        return next(r.id for r in self.reason_list() if r.name == name)

    def reason_list(self) -> list[RejectionReason]:
        """All reasons, for the reject dialog."""
        with self.lock:
            return list(self.records.reasons.values())

    def set_rejection_template(self, *, subject: str, text: str) -> None:
        """The Candidate Rejection template; unknown tokens are refused (ValueError)."""
        with self.lock:
            template = RejectionTemplate(subject, text)
            template.check(self.records)
            self.template = template

    # Applicants

    def apply(
        self,
        first_name: str,
        last_name: str,
        *,
        emails: Sequence[str],
        job_id: int | None = None,
        at: datetime | None = None,
        source_id: int | None = None,
        announce: bool = True,
    ) -> int:
        """A new person applies (``at`` some time ago). Returns the application's id."""
        at = at or self.clock()
        with self.lock:
            person = Person(
                self.records.new_id(),
                first_name,
                last_name,
                [(address, "personal") for address in emails],
                created_at=at,
                updated_at=at,
            )
            self.records.people[person.id] = person
        return self.apply_again(
            person.id, job_id=job_id, at=at, source_id=source_id, announce=announce
        )

    def apply_again(
        self,
        candidate_id: int,
        *,
        job_id: int | None = None,
        at: datetime | None = None,
        source_id: int | None = None,
        prospect: bool = False,
        announce: bool = True,
    ) -> int:
        """A known person applies, or is added as a prospect (perhaps without a job)."""
        at = at or self.clock()
        with self.lock:
            case = Case(self.records.new_id(), candidate_id, job_id, source_id, prospect, at, at)
            if prospect:
                case.stage_name = None
            self.records.cases[case.id] = case
        if announce:
            action = "new_prospect_application" if prospect else "new_candidate_application"
            self._announce(action, case)
        return case.id

    # Recruiters

    def reject(
        self,
        application_id: int,
        reason_id: int | None = None,
        *,
        notify: bool = True,
        in_bulk: bool = False,
        at: datetime | None = None,
        announce: bool = True,
    ) -> None:
        """Reject; with ``notify`` the template goes out, its tokens resolved now.

        In bulk, tokens of the application (the job's name) stay blank, as the vendor's do.
        """
        with self.lock:
            case = self._case(application_id)
            if case.status != "in_process":
                raise ValueError("only applications in process can be rejected")
            case.rejected_at = at or self.clock()
            self._change(case, status="rejected", at=case.rejected_at)
            case.reason_id = reason_id
            letter = self.template.written_for(self.records, case, in_bulk=in_bulk)
        if announce:
            self._announce("reject_candidate", case)
        if notify and self.send_mail and letter:
            self.send_mail(*letter)

    def withdraw(self, application_id: int) -> None:
        """The candidate withdrew: a rejection whose reason has the type 'They rejected us'."""
        self.reject(application_id, self.reason("Withdrew"), notify=False)

    def unreject(self, application_id: int) -> None:
        """Back into the process."""
        with self.lock:
            case = self._change(self._case(application_id), status="in_process")
            case.rejected_at = case.reason_id = None
        self._announce("unreject_candidate", case)

    def move(self, application_id: int, stage_name: str = STAGE_NAMES[1]) -> None:
        """To another stage."""
        with self.lock:
            case = self._change(self._case(application_id), status="in_process")
            case.stage_name = stage_name
        self._announce("candidate_stage_change", case)

    def hire(self, application_id: int) -> None:
        """The offer was accepted."""
        with self.lock:
            case = self._change(self._case(application_id), status="hired")
            payload = hooks.hire_payload(self.records, case)
        self._fire("hire_candidate", payload)

    def unhire(self, application_id: int) -> None:
        """The hire was taken back."""
        with self.lock:
            case = self._change(self._case(application_id), status="in_process")
        self._announce("unhire_candidate", case)

    def edit_candidate(
        self,
        candidate_id: int,
        *,
        can_email: bool | None = None,
        private: bool | None = None,
        emails: Sequence[str] | None = None,
        **values: Any,
    ) -> None:
        """A recruiter edits a person; ``values`` are custom fields by key (None empties)."""
        with self.lock:
            person = self.records.people[candidate_id]
            person.can_email = person.can_email if can_email is None else can_email
            person.private = person.private if private is None else private
            if emails is not None:
                person.emails = [(address, "personal") for address in emails]
            person.values = {
                key: value
                for key, value in {**person.values, **values}.items()
                if value is not None
            }
            self.touched(person)

    def touched(self, person: Person) -> None:
        """Edits by the API fire the hook too: a connector meets its own echo."""
        super().touched(person)
        payload = {"candidate": hooks.candidate_payload(self.records, person)}
        self._fire("update_candidate", payload)

    def delete_application(self, application_id: int) -> None:
        """The person is removed from one job."""
        with self.lock:
            case = self.records.cases.pop(application_id)
        row = {"id": case.id, "candidate_id": case.candidate_id, "job_id": case.job_id}
        self._fire("delete_application", {"application": row})

    def delete_candidate(self, candidate_id: int) -> None:
        """The person and all cases are gone."""
        with self.lock:
            payload = {"person": self._remove(candidate_id)}
        self._fire("delete_candidate", payload)

    def merge(self, candidate_id: int, *, into: int) -> None:
        """Two records of one person become one; only the merge event is sent."""
        with self.lock:
            for case in self.records.cases_of(candidate_id):
                case.candidate_id = into
            person = self._remove(candidate_id)
            del person["deleted_application_ids"]
        self._fire("merge_candidate", {"person": {**person, "new_candidate_id": into}})

    def anonymise(
        self, candidate_id: int, *, fields: Sequence[str] = ("full_name", "email_addresses")
    ) -> None:
        """What the GDPR page does; ``fields`` are the vendor's names."""
        with self.lock:
            person = self.records.people[candidate_id]
            if "full_name" in fields:
                person.first_name, person.last_name = "Anonymized", str(person.id)
            if "email_addresses" in fields:
                person.emails = []
            if "custom_candidate_fields" in fields:
                person.values = {}
        payload: Row = {"candidate_id": candidate_id, "anonymized_fields": list(fields)}
        self._fire("candidate_anonymized", payload)

    # Looking at records

    def application(self, application_id: int) -> Row:
        """One application as v3 shows it, with the names a page needs."""
        with self.lock:
            case = self.records.cases[application_id]
            person, job = self.records.people[case.candidate_id], None
            if case.job_id:
                job = self.records.jobs[case.job_id].name
            name = f"{person.first_name} {person.last_name}"
            return {**case.row(), "candidate_name": name, "job_name": job}

    def applications(self) -> list[Row]:
        """All applications, newest first."""
        with self.lock:
            ids = sorted(self.records.cases, reverse=True)
        return [self.application(application_id) for application_id in ids]

    def notes(self, candidate_id: int) -> list[Row]:
        """Notes on a person's activity feed, oldest first."""
        with self.lock:
            rows = self.records.notes.values()
            return [dict(row) for row in rows if row["candidate_id"] == candidate_id]

    def tags(self, candidate_id: int) -> list[str]:
        """Tag names on a person."""
        with self.lock:
            return self.records.tags_of(candidate_id)

    def fields(self, candidate_id: int) -> dict[str, Any]:
        """Custom field values by key; empty ones are absent."""
        with self.lock:
            return dict(self.records.people[candidate_id].values)

    # Inside

    def _case(self, application_id: int) -> Case:
        return self.records.cases[application_id]

    def _change(self, case: Case, *, status: str, at: datetime | None = None) -> Case:
        case.status, case.updated_at = status, at or self.clock()
        return case

    def _remove(self, candidate_id: int) -> Row:
        person = self.records.people.pop(candidate_id)
        gone = [case.id for case in self.records.cases_of(candidate_id)]
        for application_id in gone:
            del self.records.cases[application_id]
        return {
            "id": person.id,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "is_private": person.private,
            "can_email": person.can_email,
            "deleted_application_ids": gone,
        }

    def _announce(self, action: str, case: Case) -> None:
        with self.lock:
            payload = hooks.application_payload(self.records, case)
        self._fire(action, payload)

    def _fire(self, action: str, payload: Row) -> None:
        body = hooks.encode(action, payload)
        with self.lock:
            wanting = [hook for hook in self.hooks if hook.wants(action)]
        for hook in wanting:
            self.deliver(hook.url, body, hooks.headers(body, secret=hook.secret))
