"""Bullhorn's entities, the parts of them that are read. No I/O.

https://bullhorn.github.io/rest-api-docs/entityref.html#jobsubmission
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import INCLUDE, fields, pre_load

from careerrelay import connectors as kit

FIELDS = (
    "id,status,dateAdded,dateLastModified,isDeleted,source,"
    "candidate(id,firstName,lastName,name,email,email2,isDeleted,isAnonymized,massMailOptOut,"
    "status,source),jobOrder(id,title,clientCorporation(id))"
)
PERSON_FIELDS = "id,isDeleted,isAnonymized"
MOVE_FIELDS = "id,status,dateAdded,jobSubmission(id)"
HIDDEN = "**CONFIDENTIAL**"
"""Stands where the API user may not see a value."""

Record = Mapping[str, Any]


class IdSchema(kit.CamelCaseSchema):
    id = kit.ExternalId(required=True)


class PersonSchema(IdSchema):
    first_name = kit.OptionalText()
    last_name = kit.OptionalText()
    name = kit.OptionalText()
    email = kit.OptionalText()
    email2 = kit.OptionalText()
    is_deleted = kit.OptionalFlag()
    is_anonymized = kit.OptionalFlag()
    mass_mail_opt_out = kit.OptionalFlag()
    status = kit.OptionalText()
    source = kit.OptionalText()


class PeopleSchema(kit.PayloadSchema):
    """One person asked for is answered bare, several in a list."""

    data = fields.List(fields.Nested(PersonSchema), required=True)

    @pre_load
    def listed(self, told: Any, **_: Any) -> Any:
        one = told.get("data") if isinstance(told, dict) else None
        return {"data": [one]} if isinstance(one, dict) else told


class JobSchema(IdSchema):
    title = kit.OptionalText()
    client_corporation = kit.OptionalPart(IdSchema)


class SubmissionSchema(IdSchema):
    status = kit.OptionalText()
    date_added = kit.EpochMilliseconds(required=True)
    date_last_modified = kit.EpochMilliseconds(required=True)
    is_deleted = kit.OptionalFlag()
    source = kit.OptionalText()
    candidate = fields.Nested(PersonSchema, required=True)
    job_order = kit.OptionalPart(JobSchema)


class MoveSchema(IdSchema):
    """One line of a submission's history."""

    status = kit.OptionalText()
    date_added = kit.EpochMilliseconds(required=True)
    job_submission = fields.Nested(IdSchema, required=True)


class EventSchema(kit.CamelCaseSchema):
    entity_name = fields.String(required=True)
    entity_id = kit.ExternalId(required=True)
    entity_event_type = fields.String(required=True)
    event_timestamp = kit.EpochMilliseconds(required=True)
    updated_properties = kit.OptionalList(fields.String())


class BatchSchema(kit.CamelCaseSchema):
    request_id = fields.Integer(required=True, strict=True)
    events = fields.List(fields.Nested(EventSchema), required=True)


LastSchema = kit.PayloadSchema.of(result=fields.Integer(required=True, strict=True))
SubscribedSchema = kit.CamelCaseSchema.of(
    last_request_id=fields.Integer(required=True, strict=True)
)
# A note or file: only our own mark is looked for.
ExternalSchema = kit.PayloadSchema.of(external_id=kit.OptionalText(data_key="externalID"))
ChangedSchema = kit.CamelCaseSchema.of(changed_entity_id=kit.ExternalId(required=True))
FileSchema = kit.CamelCaseSchema.of(file_id=kit.ExternalId(required=True))


class AnySchema(IdSchema):
    """A record of which one field is asked for, whatever its name."""

    class Meta:
        unknown = INCLUDE


FieldSchema = kit.CamelCaseSchema.of(
    name=kit.OptionalText(),
    label=kit.OptionalText(),
    max_length=fields.Integer(load_default=None, allow_none=True),
)


@dataclass(frozen=True, slots=True)
class Words:
    """What a company's own words mean, read from its settings once."""

    policy: kit.Policy
    statuses: kit.Statuses
    own: frozenset[str]
    stop: frozenset[str]

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> Words:
        """Raises ConfigurationError for a status with two meanings."""
        return cls(
            policy=kit.Policy.read(settings),
            statuses=kit.Statuses.read(settings),
            own=kit.listed(settings, name="own_company_ids"),
            stop=kit.listed(settings, name="do_not_contact_statuses"),
        )

    def state(self, row: Record) -> kit.ApplicationState:
        """Every status that has no meaning by the settings is one on the way."""
        if row["candidate"]["is_deleted"] or row["candidate"]["is_anonymized"]:
            return kit.ApplicationState.ERASED
        return self.statuses.state(row["status"])

    def is_own(self, row: Record) -> bool:
        """For a job of the company itself; else it is an agency's candidate at its client."""
        client = (row["job_order"] or {}).get("client_corporation")
        return client is not None and client["id"] in self.own

    def application(self, row: Record, *, moved_at: datetime | None) -> kit.Application:
        """A submission as a snapshot; ``moved_at``: since when it has this status."""
        person, job, state = row["candidate"], row["job_order"], self.state(row)
        changed_at = moved_at or row["date_last_modified"]
        reason = self.statuses.reason(state, row["status"])
        channel = self.policy.channel(row["source"], person["source"])
        return kit.Application(
            external_id=row["id"],
            candidate=_candidate(person),
            state=state,
            changed_at=changed_at,
            job=kit.Job(job["id"], job["title"]) if job else None,
            reason=reason,
            stage_text="" if reason else row["status"],
            channel=channel if self.is_own(row) else kit.Channel.AGENT,
            flags=self.policy.flags(
                (),
                do_not_contact=person["mass_mail_opt_out"]
                or person["status"].casefold() in self.stop,
            ),
            applied_at=row["date_added"],
            notice_after=self.policy.notice_after(changed_at, state),
        )


def since_when(row: Record, history: Iterable[Record], *, told: datetime | None) -> datetime:
    """When the submission came to its status.

    ``dateLastModified`` moves with every edit and would make a new rejection of an old one, so it
    is the first of the last lines of the history with this status. The history may lag behind:
    then the event's own time counts, and without one the day of the submission, which is certain.
    """
    lines = sorted(
        (line for line in history if line["job_submission"]["id"] == row["id"]),
        key=lambda line: (line["date_added"], len(line["id"]), line["id"]),
    )
    found = told or row["date_added"]
    for line in reversed(lines):
        if line["status"].casefold() != row["status"].casefold():
            break
        found = line["date_added"]
    return found


def _candidate(person: Record) -> kit.Candidate:
    seen = {key: "" if value == HIDDEN else value for key, value in person.items()}
    emails = (seen["email"], seen["email2"])
    named = seen["first_name"] or seen["last_name"]
    return kit.Candidate(
        person["id"],
        emails=tuple(dict.fromkeys(email for email in emails if email)),
        family_name=seen["last_name"],
        given_name=seen["first_name"],
        full_name="" if named else seen["name"],
    )
