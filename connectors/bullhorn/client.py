"""The calls that we make to Bullhorn's REST API, one method each.

https://bullhorn.github.io/rest-api-docs/ . PUT makes a record and POST changes one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from careerrelay import connectors as kit

from .records import (
    FIELDS,
    MOVE_FIELDS,
    PERSON_FIELDS,
    AnySchema,
    BatchSchema,
    ChangedSchema,
    ExternalSchema,
    FieldSchema,
    FileSchema,
    LastSchema,
    MoveSchema,
    PeopleSchema,
    Record,
    SubmissionSchema,
    SubscribedSchema,
)
from .session import RestSession

SUBMISSION, PERSON = ("entity", "JobSubmission"), ("entity", "Candidate")
BATCH = 100
PAGE = 500
READ_CASES = "JobSubmission READ_CORPORATE, Candidate READ_CORPORATE and JobOrder READ_CORPORATE"
WRITE_CASES = "JobSubmission UPDATE_CORPORATE"
NOTES = "Note READ and CREATE"
FILES = "Candidate UPDATE_CORPORATE"
STATUSES = ("jobResponseStatusList", "rejectedJobResponseStatus")


class Client:
    """One company's account."""

    def __init__(self, session: RestSession, *, subscription: str) -> None:
        self._session = session
        self._queue = ("event", "subscription", subscription)

    def _call(
        self,
        method: str,
        *path: str,
        what: str,
        permission: str = READ_CASES,
        params: kit.Params | None = None,
        **sent: Any,
    ) -> kit.HttpResponse:
        """With the entitlements that reading cases takes, where no others are named."""
        return self._session.call(
            method, *path, operation=what, permission=permission, params=params, **sent
        )

    # The queue.

    def subscribe(self) -> int:
        """Make the subscription, or make it again; the id of the last batch read from it."""
        asked = {"type": "entity", "names": "JobSubmission,Candidate"}
        asked["eventTypes"] = "INSERTED,UPDATED,DELETED"
        answer = self._call("PUT", *self._queue, what="subscribe to events", params=asked)
        return answer.read(SubscribedSchema())["last_request_id"]

    def last_request(self) -> int:
        answer = self._call("GET", *self._queue, "lastRequestId", what="read the last batch's id")
        return answer.read(LastSchema())["result"]

    def batch(self, request: int | None) -> dict[str, Any] | None:
        """Take the next events out of the queue, or read that batch again. None: nothing there,
        which Bullhorn says with an empty body."""
        params: dict[str, str | int] = {"maxEvents": BATCH}
        params |= {} if request is None else {"requestId": request}
        answer = self._call("GET", *self._queue, what="read events", params=params)
        return answer.read(BatchSchema()) if answer.body.strip() else None

    # Records.

    def submission(self, id_: str) -> Record:
        what, params = "get a submission", {"fields": FIELDS}
        answer = self._call("GET", *SUBMISSION, id_, what=what, params=params)
        return _entity(answer, SubmissionSchema())

    def submissions(self, ids: Iterable[str]) -> list[Record]:
        return list(self._by_ids("JobSubmission", "id", ids, FIELDS, SubmissionSchema(many=True)))

    def moves(self, ids: Iterable[str]) -> list[Record]:
        """The history of all these submissions."""
        schema = MoveSchema(many=True)
        return list(
            self._by_ids("JobSubmissionHistory", "jobSubmission.id", ids, MOVE_FIELDS, schema)
        )

    def people(self, ids: Iterable[str]) -> list[Record]:
        """Those of them that are there. By id, as searching people by query is not certain."""
        what, params = "get candidates", {"fields": PERSON_FIELDS}
        try:
            answer = self._call("GET", *PERSON, ",".join(ids), what=what, params=params)
        except kit.ApiNotFoundError:
            return []
        return answer.read(PeopleSchema())["data"]

    def changed(self, after: int, start: int) -> list[Record]:
        """A page of submissions changed since a millisecond, earliest first."""
        where = f"dateLastModified>={after}"
        schema = SubmissionSchema(many=True)
        order = "dateLastModified,id"
        return self._query("JobSubmission", where, FIELDS, schema, order=order, start=start)

    def _by_ids(
        self, entity: str, field: str, ids: Iterable[str], wanted: str, schema: kit.PayloadSchema
    ) -> Iterator[Record]:
        numbers = _numbers(ids)
        where, start = f"{field} IN ({','.join(numbers)})", 0
        while numbers:
            rows = self._query(entity, where, wanted, schema, order="id", start=start)
            yield from rows
            if len(rows) < PAGE:
                return
            start += len(rows)

    def _query(
        self,
        entity: str,
        where: str,
        wanted: str,
        schema: kit.PayloadSchema,
        *,
        order: str,
        start: int,
    ) -> list[Record]:
        """By POST, which knows no limit of an address's length and changes nothing."""
        params: kit.Params = {"fields": wanted, "orderBy": order, "start": start, "count": PAGE}
        what, sent = f"search {entity}", {"where": where}
        answer = self._call("POST", "query", entity, what=what, params=params, json=sent)
        return answer.read(schema, under="data")

    # Fields, notes, files.

    def field(self, id_: str, name: str) -> str:
        what, params = "read the link field", {"fields": f"id,{name}"}
        answer = self._call("GET", *SUBMISSION, id_, what=what, params=params)
        return str(_entity(answer, AnySchema()).get(name) or "")

    def set_field(self, id_: str, name: str, value: str) -> None:
        sent: dict[str, Any] = {"permission": WRITE_CASES, "json": {name: value}}
        answer = self._call("POST", *SUBMISSION, id_, what=f"write {name}", **sent)
        answer.read(ChangedSchema())

    def marks(self, person: str, kind: str) -> Iterator[str]:
        """The external ids of a candidate's ``notes`` or ``fileAttachments``."""
        may, start = NOTES if kind == "notes" else FILES, 0
        while True:
            params: kit.Params = {"fields": "id,externalID", "start": start, "count": PAGE}
            sent: dict[str, Any] = {"permission": may, "params": params}
            answer = self._call("GET", *PERSON, person, kind, what=f"list {kind}", **sent)
            rows = answer.read(ExternalSchema(many=True), under="data")
            yield from (row["external_id"] for row in rows)
            if len(rows) < PAGE:
                return
            start += len(rows)

    def add_note(self, note: Mapping[str, Any]) -> None:
        sent: dict[str, Any] = {"permission": NOTES, "json": note}
        answer = self._call("PUT", "entity", "Note", what="add a note", **sent)
        answer.read(ChangedSchema())

    def add_file(self, person: str, *, mark: str, text: str) -> None:
        body = {
            "externalID": mark,
            "fileContent": base64.b64encode(text.encode()).decode(),
            "fileType": "SAMPLE",
            "name": f"careerrelay-{mark}.txt",
            "contentType": "text/plain",
        }
        sent: dict[str, Any] = {"permission": FILES, "json": body}
        answer = self._call("PUT", "file", "Candidate", person, what="attach a file", **sent)
        answer.read(FileSchema())

    # What doctor asks.

    def entitlements(self, entity: str) -> frozenset[str]:
        answer = self._call("GET", "entitlements", entity, what="read entitlements")
        found = answer.json()
        return frozenset(str(word) for word in found) if isinstance(found, list) else frozenset()

    def statuses(self) -> tuple[list[str], list[str]]:
        """All statuses of a submission, and what Bullhorn itself uses as "rejected"."""
        answer = self._call("GET", "settings", ",".join(STATUSES), what="read status settings")
        found = answer.json()
        told = found if isinstance(found, dict) else {}
        every, rejected = (_texts(told.get(name)) for name in STATUSES)
        return every, rejected

    def described(self, name: str) -> Record | None:
        """A submission's field, as the company's field maps have it."""
        what, params = "read a field's description", {"fields": name, "meta": "basic"}
        answer = self._call("GET", "meta", "JobSubmission", what=what, params=params)
        rows = answer.read(FieldSchema(many=True), under="fields")
        return next((row for row in rows if row["name"] == name), None)


def _entity(answer: kit.HttpResponse, schema: kit.PayloadSchema) -> Any:
    """One record: within ``data`` as the vendor's SDK unwraps it, or bare as the reference prints
    it."""
    told = answer.json()
    return answer.read(schema, under="data" if isinstance(told, dict) and "data" in told else "")


def _texts(value: Any) -> list[str]:
    """A text or a list of texts: the type of these settings is known from examples only."""
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and text]


def _numbers(ids: Iterable[str]) -> list[str]:
    """Ids are numbers here; whatever else stood there could say anything to the query."""
    return [id_ for id_ in ids if id_.isascii() and id_.isdigit()]
