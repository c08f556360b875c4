"""One company's JazzHR account: the sweep, one applicant, the note."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from careerrelay import connectors as kit

from .records import ApplicantSchema, RowsSchema, UsersSchema
from .spec import SPEC

PAGE = 100
EVERYONE = "1"
"""Who may read a note; other values are not known."""
RIGHTS = "of a key of this account (keys have all rights)"


@dataclass(slots=True)
class Sweep:
    """Where a walk through everybody stands. ``known``: who had ended at the last one, and in
    which step; ``ended``: the same of this one.

    ``steps``: names of step ids, learned on the way, because no call lists them.
    ``reading``: the settings that say what a step means; others begin everything anew.
    """

    reading: str
    page: int = 1
    first: bool = True
    known: dict[str, str] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    steps: dict[str, str] = field(default_factory=dict)

    def turned(self, *, more: bool) -> dict[str, Any]:
        """Go on, or begin the next walk: what has ended is known, also where rows that left the
        list meanwhile moved somebody to a page that was read before."""
        begun = Sweep(self.reading, first=False, known=self.known | self.ended)
        return asdict(replace(self, page=self.page + 1) if more else begun)


class JazzHrConnector(kit.Connector):
    """Nothing tells what changed, so everybody's step is compared with the last time's."""

    spec = SPEC

    def prepare(self) -> None:
        self._statuses = kit.Statuses.read(self.settings)
        meanings = sorted((state, sorted(names)) for state, names in self._statuses.names.items())
        self._reading = _fingerprint(json.dumps(meanings))
        self._key = {"apikey": self.settings["api_key"]}
        self._api = kit.VendorApi(
            self.http, url=self.settings["api_url"], setting="api_key", reads=RIGHTS
        )

    def fetch_application(self, application_id: str) -> kit.Application:
        """As it is now; the time is ours, for JazzHR has none."""
        person, _, job_id = application_id.partition(":")
        found = self._applicant(person)
        jobs = [job for job in found["jobs"] if job["job_id"] == job_id]
        job = jobs[0] if jobs else {"applicant_progress": "", "job_title": ""}
        step = job["applicant_progress"]
        state = self._statuses.state(step)
        return kit.Application(
            external_id=application_id,
            candidate=kit.Candidate(
                person,
                emails=(found["email"],) if found["email"] else (),
                given_name=found["first_name"],
                family_name=found["last_name"],
            ),
            state=state,
            changed_at=self.clock(),
            job=kit.Job(job_id, job["job_title"]) if job_id else None,
            reason=self._statuses.reason(state, step),
            stage_text=step,
            channel=self.policy.channel(found["source"]),
        )

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """A page of everybody. The first sweep only learns who had ended before: nothing tells
        when, and whoever was rejected before the connection began must not be written to."""
        sweep = Sweep(self._reading)
        if cursor.get("reading") == self._reading:
            sweep = Sweep(**deepcopy(dict(cursor)))
        rows = self._list(("applicants2jobs", "page", str(sweep.page)), "list applicants")
        events = [event for row in rows if (event := self._compare(sweep, row)) is not None]
        more = len(rows) == PAGE
        return kit.PollPage(tuple(events), sweep.turned(more=more), more)

    def _compare(self, sweep: Sweep, row: Mapping[str, Any]) -> kit.ApplicationEvent | None:
        case = f"{row['applicant_id']}:{row['job_id']}"
        key, step = _fingerprint(case), row["workflow_step_id"]
        was, now = sweep.known.get(key), _fingerprint(step)
        name = self._name_of(sweep, row)
        if name is None:
            sweep.ended |= {key: was} if was else {}
            return None
        state = self._statuses.state(name)
        if state is not kit.ApplicationState.ACTIVE:
            sweep.ended[key] = now
        elif was is None:
            return None
        else:
            del sweep.known[key]
        if sweep.first or now == was:
            return None
        at, person = self.clock(), row["applicant_id"]
        # A later look must not move it, so it is told here and not by the case.
        notice_after = self.policy.notice_after(at, state)
        return kit.hint_event(
            case, at=at, person=person, notice_after=notice_after, ats_event=state.value
        )

    def _name_of(self, sweep: Sweep, row: Mapping[str, Any]) -> str | None:
        """Of a row's step, as the first applicant in it shows it; None: who is gone or moved."""
        step = row["workflow_step_id"]
        if step in sweep.steps or not step:
            return sweep.steps.get(step, "")
        try:
            jobs = self._applicant(row["applicant_id"])["jobs"]
        except kit.ApiNotFoundError:
            return None
        place = (row["job_id"], step)
        for job in jobs:
            if (job["job_id"], job["workflow_step_id"]) == place:
                return sweep.steps.setdefault(step, job["applicant_progress"])
        return None

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        person = application.candidate.external_id
        notes = kit.Notes(lambda: self._notes(person), lambda text: self._add_note(person, text))
        kit.write_report(report, by=self, notes=notes)

    def _notes(self, person: str) -> list[str]:
        return [comment["text"] for comment in self._applicant(person)["comments"]]

    def _add_note(self, person: str, text: str) -> None:
        note = {"applicant_id": person, "user_id": self.settings["user_id"], "contents": text}
        body = self._key | note | {"security": EVERYONE}
        self._api.call("POST", ("notes",), operation="add a note", json=body)

    def check(self) -> list[kit.Check]:
        remedy = "Copy the key under Settings > Integrations, and check api_url."
        page = ("applicants2jobs", "page", "1")
        probes = [
            kit.Probe(
                "applicants", lambda: self._list(page, "list applicants") and "found", remedy
            ),
            kit.id_probe(self, "user_id", self._user, what="a user"),
        ]
        return kit.run_probes(probes, credentials="api_key", remedy=remedy)

    def _user(self, id_: str) -> None:
        users = self._list(("users",), "list users", UsersSchema())
        if not any(user["id"] == id_ for user in users):
            self.fail_missing("list users", "user")

    def _applicant(self, person: str) -> dict[str, Any]:
        answer = self._get(("applicants", person), "get an applicant")
        if not answer.body.strip():
            self.fail_missing(answer.operation, "applicant")
        found: dict[str, Any] = answer.read(ApplicantSchema())
        return found

    def _list(
        self, path: tuple[str, ...], operation: str, schema: kit.PayloadSchema | None = None
    ) -> list[dict[str, Any]]:
        answer = self._get(path, operation)
        return answer.read(schema or RowsSchema())["rows"] if answer.body.strip() else []

    def _get(self, path: tuple[str, ...], operation: str) -> kit.HttpResponse:
        return self._api.call("GET", path, operation=operation, params=self._key)


def _fingerprint(text: str) -> str:
    """48 bits: a collision could only hide one change."""
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
