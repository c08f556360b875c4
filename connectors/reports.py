"""Writing a registration on the ATS's record, so that it may be tried again at any line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..models.errors import ApiConflictError
from ..models.events import RegistrationReport
from .base import Connector


@dataclass(frozen=True, slots=True)
class Notes:
    """The texts of the notes that may hold ours, newest first if there are many; and one more."""

    read: Callable[[], Iterable[str]]
    add: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Tags:
    """A record's tags. ``write`` gets all that shall be there, or only ours where it ``adds``.

    Should an ATS that is known to add replace after all, it gets those back that it lost.
    """

    read: Callable[[], Sequence[str]]
    write: Callable[[Sequence[str]], object]
    adds: bool = False


def write_report(
    report: RegistrationReport,
    *,
    by: Connector,
    notes: Notes | None = None,
    tags: Tags | None = None,
    field: Callable[[str], object] | None = None,
    tag_last: bool = False,
) -> None:
    """Field, tag and note, each once; ``field`` sets its text, the same again as often as tried.

    The note comes last. With ``tag_last`` the tag does and tells that all is written, for an ATS
    whose notes are many to look through.
    """
    if tags and tag_last and report.tag in tags.read():
        return
    if field:
        field(report.text)
    if tags and not tag_last:
        _merge(report.tag, tags, by=by)
    if notes and not any(report.marker in text for text in notes.read()):
        notes.add(report.text)
    if tags and tag_last:
        _merge(report.tag, tags, by=by)


def put_link(
    url: str,
    *,
    by: Connector,
    ours: str,
    field: str,
    held: str,
    write: Callable[[str], object],
) -> None:
    """Into the field that link_field names, if what it ``held`` is nothing or ours."""
    if held == url:
        return
    if held and not held.startswith(ours):
        raise ApiConflictError(
            f"the field {field} of this application holds something else; empty it in "
            f"{by.spec.title}, or name another field in link_field",
            connector=by.spec.name,
            operation="write a field",
        )
    write(url)


def _merge(tag: str, tags: Tags, *, by: Connector) -> None:
    """Read, merge, write, and read again: an array that is replaced must lose nothing."""
    before = tags.read()
    if tag in before:
        return
    tags.write([tag] if tags.adds else [*before, tag])
    now = set(tags.read())
    if tags.adds and set(before) - now:
        tags.write([*before, tag])
        now = set(tags.read())
    if {*before, tag} - now:
        by.fail_response("write tags", "the tags it was sent")
