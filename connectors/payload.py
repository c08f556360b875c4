"""Reading what vendors send: schemas that fail only as PayloadError and quote no value."""

# ruff: noqa: ARG002 - marshmallow calls _deserialize with more than our fields need

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, NoReturn, Self, cast

from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields

from ..models.candidates import Candidate
from ..models.errors import PayloadError

MAX_ID_LENGTH = 255


class PayloadSchema(Schema):
    """A part of a vendor's JSON: the keys we read, all others ignored."""

    class Meta:
        unknown = EXCLUDE

    @classmethod
    def of(cls, **parts: fields.Field[Any]) -> type[Self]:
        """A small part in one line, which needs no name of its own."""
        return cast("type[Self]", cls.from_dict({**parts}))

    def read(self, data: Any, *, under: str = "") -> Any:
        """The checked values, of all of it or of the part that stands ``under`` a key.

        Raises PayloadError naming the fields that are not as documented.
        """
        if under:
            data = data.get(under) if isinstance(data, dict) else None
        try:
            loaded: Any = self.load(data)
        except ValidationError as error:
            paths = ", ".join(sorted(set(_paths(error.messages, under)))[:5])
            raise PayloadError(f"not as the vendor documents it: {paths}") from None
        return loaded


class CamelCaseSchema(PayloadSchema):
    """The same, of a vendor that writes ``firstName`` for what we call ``first_name``."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        first, *others = field_name.split("_")
        _name(field_obj, "".join([first, *(part.capitalize() for part in others)]))


class KebabCaseSchema(PayloadSchema):
    """The same, of a vendor that writes ``first-name``."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        _name(field_obj, field_name.replace("_", "-"))


def _name(field_obj: fields.Field[Any], name: str) -> None:
    if field_obj.data_key is None:
        field_obj.data_key = name


class ExternalId(fields.Field[str]):
    """A vendor's id, a number or a text, as text of 1 to 255 characters, not made of dots."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValidationError("not an id")
        text = str(value).strip()
        if not text.strip(".") or len(text) > MAX_ID_LENGTH or not text.isprintable():
            raise ValidationError("not an id")
        return text


class OptionalId(ExternalId):
    """An id that may be missing or null, which is None."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(load_default=None, allow_none=True, **kwargs)


class Text(fields.String):
    """A text for people: control characters that no database takes are dropped, ends trimmed."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        return text.replace("\0", "").strip()


class OptionalText(Text):
    """A text that may be missing or null, which is ``""``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(load_default="", allow_none=True, **kwargs)

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        found = super().deserialize(value, *args, **kwargs)
        return "" if found is None else found


class OptionalList(fields.List):
    """A list that may be missing or null, which is ``[]``."""

    def __init__(self, inner: fields.Field[Any], **kwargs: Any) -> None:
        super().__init__(inner, load_default=list, allow_none=True, **kwargs)

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        found = super().deserialize(value, *args, **kwargs)
        return [] if found is None else found


class OptionalPart(fields.Nested):
    """A part that may be missing or null, which is None."""

    def __init__(self, schema: type[PayloadSchema], **kwargs: Any) -> None:
        super().__init__(schema, load_default=None, allow_none=True, **kwargs)


class OptionalFlag(fields.Boolean):
    """True or false; missing or null, which is neither, counts as false."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(load_default=False, allow_none=True, **kwargs)

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return bool(super().deserialize(value, *args, **kwargs))


class Addresses(fields.Field[tuple[str, ...]]):
    """E-mail addresses, a text or a list of them, each once and none of them blank."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(load_default=(), allow_none=True, **kwargs)

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return super().deserialize(value, *args, **kwargs) or ()

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> tuple[str, ...]:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValidationError("no addresses")
        cleaned = (text.replace("\0", "").strip() for text in texts)
        return tuple(dict.fromkeys(text for text in cleaned if text))


class EpochMilliseconds(fields.Field[datetime]):
    """Milliseconds since 1970 as an aware datetime in UTC."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("not a number of milliseconds")
        try:
            return datetime.fromtimestamp(value / 1000, tz=UTC)
        except (ValueError, OverflowError, OSError):
            raise ValidationError("not a time") from None


class IsoDateTime(fields.Field[datetime]):
    """ISO 8601 as an aware datetime in UTC.

    A time without offset is refused, unless ``naive_in`` says which zone the vendor means.
    """

    def __init__(self, *, naive_in: tzinfo | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._naive_in = naive_in

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str):
            raise ValidationError("not a time")
        try:
            parsed = datetime.fromisoformat(value.strip())
            if parsed.tzinfo is None and self._naive_in is None:
                raise ValidationError("a time without offset")
            if parsed.tzinfo is None:
                parsed = parsed.replace(tzinfo=self._naive_in)
            return parsed.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("not a time") from None


class OptionalTime(IsoDateTime):
    """A time that may be missing or null, which is None."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(load_default=None, allow_none=True, **kwargs)


class IdSchema(PayloadSchema):
    """A record of which only the id is wanted."""

    id = ExternalId(required=True)


class RowSchema(IdSchema):
    """A record in a list, with all that there is to be read of it later, or by other names."""

    class Meta:
        unknown = INCLUDE


class NamedSchema(IdSchema):
    """A record with a name: a job, a stage, a source."""

    name = OptionalText()


class PersonParts:
    """Name and address of a person under the usual keys; a second base of a schema."""

    first_name = OptionalText()
    last_name = OptionalText()
    email = Addresses()


def person_of(id_: str, parts: Mapping[str, Any], *, erased: bool = False) -> Candidate:
    """Whom PersonParts are about; of somebody who was erased only the id."""
    if erased:
        return Candidate(id_)
    names = {"family_name": parts["last_name"], "given_name": parts["first_name"]}
    return Candidate(id_, emails=parts["email"], **names)


def pair_id(person: str, job: str) -> str:
    """The id of a case where the ATS has none of its own: a person on a job."""
    if ":" in person:
        raise PayloadError("not as the vendor documents it: a person's id with a colon")
    return f"{person}:{job}"


def split_pair(case: str) -> tuple[str, str]:
    """Person and job of such an id."""
    person, _, job = case.partition(":")
    return person, job


def read_json(body: bytes) -> Any:
    """A webhook body as JSON (UTF-8, a byte order mark is forgiven). Raises PayloadError.

    Refused: nothing, other encodings, NaN and infinities, too deep. Half a surrogate pair is a
    question mark.
    """
    if not body.strip():
        raise PayloadError("the body is empty")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PayloadError("the body is not UTF-8") from None
    try:
        data = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        return without_halves(data) if "\\u" in text else data
    except (ValueError, RecursionError):
        raise PayloadError("the body is not JSON") from None


def without_halves(data: Any) -> Any:
    """JSON without halves of signs, which an ATS makes where it cuts a name inside an emoji.

    Nobody can store them, and one such name must not keep a whole list from being read.
    """
    return json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


def _finite(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return number


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("JSON has no NaN or Infinity")


def _paths(messages: Any, prefix: str = "") -> Iterator[str]:
    """Field paths in marshmallow's messages ("candidate.emails.0"); "body" for the top."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            name = "" if key == "_schema" else str(key)
            yield from _paths(inner, ".".join(part for part in (prefix, name) if part))
    else:
        yield prefix or "body"
