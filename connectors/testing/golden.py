"""Our values as JSON and back, for golden files and for what exchanges hand over and return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ...models.candidates import Application, Reason
from ...models.events import (
    ApplicationEvent,
    OutgoingMessage,
    PollPage,
    RegistrationReport,
    SentMail,
)
from ...models.schemas import (
    ApplicationEventSchema,
    ApplicationSchema,
    ReasonSchema,
    dump_event,
)
from ..base import Check

_EMPTY = (None, "", [], {})


def same_events(events: Sequence[ApplicationEvent], golden: Sequence[Any]) -> None:
    """Raise AssertionError unless the events are those of the golden file.

    Keys the golden leaves out stand for their defaults; ``ats_event`` is compared only where
    the golden names it.
    """
    same(
        [_shown_event(event, like) for event, like in _pairs(events, golden)],
        [_normal(ApplicationEventSchema(), like) for like in golden],
        what="the events",
    )


def same_result(result: Any, golden: Any) -> None:
    """Raise AssertionError unless a method returned what the exchange says."""
    if isinstance(result, PollPage):
        same_events(result.events, golden["events"])
        same(dict(result.cursor), golden["cursor"], what="the cursor")
        same(result.more, golden.get("more", False), what="'more'")
    elif isinstance(result, Application):
        schema = ApplicationSchema()
        same(schema.dump(result), _normal(schema, golden), what="the application")
    elif isinstance(result, ApplicationEvent):
        same_events([result], [golden])
    elif isinstance(result, list | tuple):
        _same_list(result, golden)
    else:
        same(result, golden, what="the result")


def argument(name: str, data: Any) -> Any:
    """A method's argument from an exchange's JSON."""
    readers: Mapping[str, Callable[[Any], Any]] = {
        "application": lambda value: ApplicationSchema().load(value),
        "report": lambda value: RegistrationReport(**value),
        "message": lambda value: OutgoingMessage(**value),
        "mail": lambda value: SentMail(
            **value | {"sent_at": datetime.fromisoformat(value["sent_at"])}
        ),
    }
    return readers[name](data) if name in readers else data


def same(got: Any, wanted: Any, *, what: str) -> None:
    """Raise an AssertionError that shows where two JSON values part."""
    for difference in _differences(got, wanted, ""):
        raise AssertionError(f"{what} differ at {difference}")


def well_formed(event: ApplicationEvent) -> None:
    """Raise AssertionError for an event the engine could not store."""
    ids = (event.application_id, event.candidate_id, event.merged_into, *event.application_ids)
    for value in ids:
        if value is not None and not (isinstance(value, str) and value):
            raise AssertionError(f"an id is {value!r}, not a text")
    if event.application_id is None and event.candidate_id is None and not event.application_ids:
        raise AssertionError(f"the {event.kind} event names neither application nor candidate")
    if not isinstance(event.occurred_at, datetime) or event.occurred_at.tzinfo is None:
        raise AssertionError("occurred_at is not an aware datetime")
    if event.application is not None:
        _whole(event.application, event)
    ApplicationEventSchema().load(dump_event(event))


def _whole(application: Application, event: ApplicationEvent) -> None:
    if application.external_id != event.application_id:
        raise AssertionError("the snapshot is of another application than the event")
    for moment in (application.changed_at, application.applied_at):
        if moment is not None and moment.tzinfo is None:
            raise AssertionError("a time in the snapshot is not aware")


def _same_list(result: Sequence[Any], golden: Any) -> None:
    shown = [_shown(item) for item in result]
    if result and isinstance(result[0], Reason):
        golden = [_normal(ReasonSchema(), item) for item in golden]
    elif result and isinstance(result[0], Check):
        keys = [set(item) for item in golden] or [set()]
        shown = [
            {k: v for k, v in s.items() if k in keys[min(i, len(keys) - 1)]}
            for i, s in enumerate(shown)
        ]
    same(shown, golden, what="the result")


def _shown(item: Any) -> Any:
    if isinstance(item, Reason):
        return ReasonSchema().dump(item)
    return asdict(item) if isinstance(item, Check) else item


def _pairs(
    events: Sequence[ApplicationEvent], golden: Sequence[Any]
) -> list[tuple[ApplicationEvent, Any]]:
    padded = [*golden, *[{}] * (len(events) - len(golden))]
    return list(zip(events, padded, strict=False))


def _shown_event(event: ApplicationEvent, like: Mapping[str, Any]) -> dict[str, Any]:
    shown = dump_event(event)
    if "ats_event" not in like:
        shown.pop("ats_event", None)
    return shown


def _normal(schema: Any, data: Any) -> Any:
    """Golden JSON with defaults filled in; a key the schema does not know is an error."""
    normal = schema.dump(schema.load(data))
    for path in _unknown(data, normal, ""):
        raise AssertionError(f"the golden file has an unknown key {path}")
    return normal


def _unknown(data: Any, normal: Any, path: str) -> Iterator[str]:
    """Keys of the data that did not survive being read and written again."""
    if not (isinstance(data, dict) and isinstance(normal, dict)):
        return
    for key, value in data.items():
        if key in normal:
            yield from _unknown(value, normal[key], f"{path}.{key}")
        elif value not in _EMPTY:
            yield f"{path}.{key}"


def _differences(got: Any, wanted: Any, path: str) -> list[str]:
    if isinstance(got, dict) and isinstance(wanted, dict):
        return [
            found
            for key in sorted({*got, *wanted}, key=str)
            for found in _differences(
                got.get(key, "(nothing)"), wanted.get(key, "(nothing)"), f"{path}.{key}"
            )
        ]
    if isinstance(got, list | tuple) and isinstance(wanted, list | tuple):
        if len(got) != len(wanted):
            return [f"{path or 'the top'}: {len(got)} items {got!r}, not {len(wanted)} {wanted!r}"]
        return [
            found
            for index, pair in enumerate(zip(got, wanted, strict=True))
            for found in _differences(*pair, f"{path}.{index}")
        ]
    return [] if got == wanted else [f"{path or 'the top'}: {got!r}, not {wanted!r}"]
