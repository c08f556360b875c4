"""What JazzHR's answers hold. Keys as a public SDK reads them; all values are texts."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, pre_load, validate

from careerrelay import connectors as kit


class Several(kit.OptionalList):
    """One of a kind comes as an object, none as nothing at all."""

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        told = [value] if isinstance(value, dict) else (None if value == "" else value)
        return super().deserialize(told, *args, **kwargs)


class StepSchema(kit.PayloadSchema):
    """An applicant on a job. The list has only the step's id, the applicant its name too."""

    job_id = kit.ExternalId(required=True)
    workflow_step_id = kit.OptionalText()


class RowSchema(StepSchema):
    # A row's own id leads nowhere, so a case is "applicant:job".
    applicant_id = kit.ExternalId(required=True, validate=validate.Regexp(r"[^:]+\Z"))


class RowsSchema(kit.PayloadSchema):
    rows = fields.List(fields.Nested(RowSchema), required=True)

    @pre_load
    def several(self, data: Any, **_: Any) -> dict[str, Any]:
        """A list of one comes as an object."""
        return {"rows": [data] if isinstance(data, dict) else data}


class JobSchema(StepSchema):
    job_title = kit.OptionalText()
    applicant_progress = kit.OptionalText()


class CommentSchema(kit.PayloadSchema):
    text = kit.OptionalText()


class ApplicantSchema(kit.PayloadSchema):
    id = kit.ExternalId(required=True)
    first_name = kit.OptionalText()
    last_name = kit.OptionalText()
    email = kit.OptionalText()
    source = kit.OptionalText()
    jobs = Several(fields.Nested(JobSchema))
    comments = Several(fields.Nested(CommentSchema))


class UserSchema(kit.PayloadSchema):
    id = kit.ExternalId(required=True)


class UsersSchema(RowsSchema):
    rows = fields.List(fields.Nested(UserSchema), required=True)
