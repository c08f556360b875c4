"""What command, page and folder do first: find out how a file is read, and ask where it is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from ...connectors.base import Connector
from ...connectors.spec import ConnectorSpec
from ...models.errors import CellError, SheetRefusedError
from ...models.tables import Connection
from ..runtime import Runtime
from .encoding import ENCODINGS
from .profiles import (
    LONGEST_WORD,
    Profile,
    find_profile,
    fitting_profile,
    known_headings,
    profiles_of,
    reading_spec,
)
from .reader import DELIMITERS, Sheet, cell_value, heading_key, open_sheet, read_lines

SAMPLES = 3
MOST_WORDS = 50
WORDS_OF = ("status", "reason")


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody says a file is to be read; None: find out."""

    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    profile: str | None = None


def look_at(
    runtime: Runtime, connection: Connection, file: BinaryIO, manner: Manner
) -> tuple[Sheet, Profile | None]:
    """How the file is read, and the profile for it. Raises SheetRefusedError, NotFoundError."""
    spec, profiles = reading_spec(connection), profiles_of(runtime, connection.company_id)
    sheet = open_sheet(
        file,
        known=known_headings(spec, profiles),
        encoding=manner.encoding,
        delimiter=manner.delimiter,
        header_number=manner.header_row,
    )
    if manner.profile is not None:
        return sheet, find_profile(runtime, connection.company_id, manner.profile)
    return sheet, fitting_profile(profiles, sheet)


def settled(sheet: Sheet, profile: Profile | None) -> Profile:
    """The profile, once nothing is left to ask. Raises SheetRefusedError saying what to answer."""
    if not sheet.encoding.certain:
        others = ", ".join(ENCODINGS)
        raise SheetRefusedError(
            f"the encoding is probably {sheet.encoding.label}, but that is not certain; say which "
            f"of {others} it is",
            f"文字コードは{sheet.encoding.label}のようですが、確かではありません。文字コードを指定してください",
        )
    if not sheet.header_certain:
        raise SheetRefusedError(
            f"the headings are probably in row {sheet.header_number}, but that is not certain; "
            "say which row holds them",
            f"見出しは{sheet.header_number}行目のようですが、確かではありません。見出しの行を指定してください",
        )
    if profile is None:
        raise SheetRefusedError(
            "no profile fits the headings of this file; map its columns first, or name a profile",
            "このファイルの見出しに合うプロファイルがありません。先に列の対応を設定してください",
        )
    return profile


@dataclass(frozen=True, slots=True)
class Preview:
    """For the eyes of whoever maps the columns; never kept."""

    encoding: str
    encoding_certain: bool
    delimiter: str
    header_row: int
    header_certain: bool
    doubled: Sequence[str]
    headings: Sequence[str]
    samples: Mapping[str, Sequence[str]]
    words: Mapping[str, Mapping[str, int]]
    """Of the columns status and reason: each word and how often; empty where it is free text."""


def preview(file: BinaryIO, sheet: Sheet, columns: Mapping[str, str]) -> Preview:
    """What is found in the file; ``columns`` are suggested or chosen."""
    samples: dict[str, list[str]] = {heading: [] for heading in sheet.headings}
    for line in islice(read_lines(file, sheet), SAMPLES):
        for heading, cell in zip(sheet.headings, line.cells, strict=False):
            samples[heading].append(cell_value(cell))
    words = {n: count_words(file, sheet, columns[n]) for n in WORDS_OF if n in columns}
    return Preview(
        sheet.encoding.label,
        sheet.encoding.certain,
        DELIMITERS.get(sheet.delimiter, sheet.delimiter),
        sheet.header_number,
        sheet.header_certain,
        sheet.doubled,
        sheet.headings,
        samples,
        words,
    )


def count_words(file: BinaryIO, sheet: Sheet, heading: str) -> dict[str, int]:
    """The words in a column, the most frequent first; none where it holds free text."""
    place = [heading_key(h) for h in sheet.headings].index(heading_key(heading))
    count: Counter[str] = Counter()
    for line in read_lines(file, sheet):
        word = cell_value(line.cells[place]) if place < len(line.cells) else ""
        if not word:
            continue
        count[word] += 1
        if len(word) > LONGEST_WORD or len(count) > MOST_WORDS:
            return {}
    return dict(count.most_common())


def unexplained(
    runtime: Runtime, connection: Connection, profile: Profile, file: BinaryIO, sheet: Sheet
) -> dict[str, dict[str, int]]:
    """Words of status and reason whose meaning nobody has said, and how often each stands."""
    known = {
        "status": {heading_key(word) for word in profile.statuses},
        "reason": {heading_key(word) for word in profile.reasons},
    }
    connector = runtime.connector(connection)
    found: dict[str, dict[str, int]] = {}
    for column in WORDS_OF:
        if column not in profile.columns:
            continue
        words = count_words(file, sheet, profile.columns[column])
        open_ = {w: n for w, n in words.items() if heading_key(w) not in known[column]}
        if column == "status":
            open_ = {w: n for w, n in open_.items() if not _is_status(connector, w)}
        if open_:
            found[column] = open_
    return found


def _is_status(connector: Connector, word: str) -> bool:
    """Whether the connector knows the word by itself."""
    row = {"application_id": "-", "as_of": "2026-01-01T00:00:00+00:00", "status": word}
    try:
        connector.import_row(row)
    except CellError as error:
        return error.column != "status"
    return True


def columns_of(spec: ConnectorSpec, locale: str) -> list[tuple[str, str]]:
    """Our columns and what each is, for people."""
    return [(c.name, c.help_ja if locale == "ja" else c.help) for c in spec.columns]
