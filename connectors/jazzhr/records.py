"""What JazzHR's answers hold. Keys as a public SDK reads them; all values are texts."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_load, validate

from careerrelay.connectors import ExternalId, OptionalList, OptionalText, PayloadSchema


class Several(OptionalList):
    """One of a kind comes as an object, none as nothing at all."""

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        told = [value] if isinstance(value, dict) else (None if value == "" else value)
        return super().deserialize(told, *args, **kwargs)


class StepSchema(PayloadSchema):
    """An applicant on a job. The list has only the step's id, the applicant its name too."""

    job_id = ExternalId(required=True)
    workflow_step_id = OptionalText()


class RowSchema(StepSchema):
    # A row's own id leads nowhere, so a case is "applicant:job".
    applicant_id = ExternalId(required=True, validate=validate.Regexp(r"[^:]+\Z"))


class RowsSchema(PayloadSchema):
    rows = fields.List(fields.Nested(RowSchema), required=True)

    @pre_load
    def several(self, data: Any, **_: Any) -> dict[str, Any]:
        """A list of one comes as an object."""
        return {"rows": [data] if isinstance(data, dict) else data}


class JobSchema(StepSchema):
    job_title = OptionalText()
    applicant_progress = OptionalText()


class CommentSchema(PayloadSchema):
    text = OptionalText()


class ApplicantSchema(PayloadSchema):
    id = ExternalId(required=True)
    first_name = OptionalText()
    last_name = OptionalText()
    email = OptionalText()
    source = OptionalText()
    jobs = Several(fields.Nested(JobSchema))
    comments = Several(fields.Nested(CommentSchema))


class UserSchema(PayloadSchema):
    id = ExternalId(required=True)


class UsersSchema(RowsSchema):
    rows = fields.List(fields.Nested(UserSchema), required=True)
