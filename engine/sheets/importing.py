"""A whole file: looked through for what contradicts itself, then read row by row and handed on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from ...models.candidates import ApplicationState
from ...models.errors import CellError, SheetRefusedError
from ...models.events import ApplicationEvent
from ...models.tables import Connection
from ..audit import note
from ..runtime import Runtime
from .profiles import Profile, missing_headings
from .reader import Line, Sheet, read_lines
from .rows import Fault, Row, RowReader, overlong
from .store import BATCH, look_up, store_events, verdict
from .writing import SheetWriter

FAULTS_SHOWN = 200
ERROR_HEADING = {"ja": "CareerRelayエラー", "en": "CareerRelay error"}

Taken = tuple[ApplicationEvent, Row]
Take = Callable[[Sequence[Taken]], Sequence[str]]


@dataclass(slots=True)
class Outcome:
    """What a file says, in numbers. ``faults`` holds the first; ``failed`` counts all."""

    rows: int = 0
    failed: int = 0
    repeated: int = 0
    ignored: int = 0
    """Rows the company's own words say to leave out."""
    verdicts: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    new_rejections: int = 0
    """New here, and from after the connection was made: those that may lead to a mail."""
    oldest_rejection: datetime | None = None
    faults: list[Fault] = field(default_factory=list)

    def counts(self) -> dict[str, Any]:
        """For pages, JSON and the upload's row; no words of the file."""
        return {
            "rows": self.rows,
            "failed": self.failed,
            "repeated": self.repeated,
            "ignored": self.ignored,
            **{name: self.verdicts[name] for name in ("new", "changed", "unchanged", "untold")},
            "rejected": self.states[ApplicationState.REJECTED.value],
            "withdrawn": self.states[ApplicationState.WITHDRAWN.value],
            "hired": self.states[ApplicationState.HIRED.value],
            "active": self.states[ApplicationState.ACTIVE.value],
            "new_rejections": self.new_rejections,
            "oldest_rejection": self.oldest_rejection and self.oldest_rejection.isoformat(),
        }


class FailedRows:
    """The rows with faults as they stood in the file, with a column that says what to write."""

    def __init__(
        self, file: BinaryIO, sheet: Sheet, *, locale: str, most_bytes: int | None = None
    ) -> None:
        self._file, self._most = file, most_bytes
        self.left_out = 0
        """Rows that did not fit into ``most_bytes``; they come back with the next file."""
        codec = sheet.encoding.codec
        self._writer = SheetWriter(file, codec=codec, delimiter=sheet.delimiter)
        self._locale = locale
        self._width = len(sheet.header_cells)
        self._writer.write([*sheet.header_cells, ERROR_HEADING[locale]])

    def add(self, line: Line, fault: Fault) -> None:
        """One row, its error in the first cell behind the headings."""
        if self._most is not None and self._file.tell() > self._most:
            self.left_out += 1
            return
        cells = [*line.cells, *[""] * (self._width - len(line.cells))]
        self._writer.write([*cells[: self._width], fault.told(self._locale), *cells[self._width :]])

    def close(self) -> None:
        self._writer.close()


class FileReading:
    """One file for one connection, by one profile, as of one moment."""

    def __init__(
        self,
        runtime: Runtime,
        connection: Connection,
        file: BinaryIO,
        *,
        sheet: Sheet,
        profile: Profile,
        as_of: datetime,
        most_rows: int | None = None,
    ) -> None:
        """``most_rows``: of somebody who waits for the answer.

        Raises SheetRefusedError naming the headings of the profile that the file lacks.
        """
        missing = missing_headings(profile, sheet)
        if missing:
            raise SheetRefusedError(
                f"the file has no column {', '.join(missing)}, which the profile "
                f"'{profile.name}' reads; export it with that column, or choose another profile",
                f"プロファイル「{profile.name}」で使う列「{'」「'.join(missing)}」がファイルにありません。"
                "その列を含めて書き出すか、別のプロファイルを選んでください",
            )
        self._runtime, self._connection = runtime, connection
        self._file, self._sheet, self._most_rows = file, sheet, most_rows
        self._reader = RowReader(runtime, connection, profile, as_of=as_of)
        self._places = self._reader.places(sheet)

    def run(self, take: Take, *, failed: FailedRows | None = None) -> Outcome:
        """Hand the good rows to ``take`` in batches; it tells the verdict on each."""
        outcome = Outcome()
        clashing = self._clashing()
        batch: list[Taken] = []
        for line, found in self._readings(clashing, outcome):
            if isinstance(found, Fault):
                outcome.failed += 1
                outcome.faults += [found] if len(outcome.faults) < FAULTS_SHOWN else []
                if failed is not None:
                    failed.add(line, found)
                continue
            batch.append(found)
            if len(batch) == BATCH:
                self._hand_on(batch, take, outcome)
                batch = []
        if batch:
            self._hand_on(batch, take, outcome)
        return outcome

    def _readings(
        self, clashing: set[int], outcome: Outcome
    ) -> Iterator[tuple[Line, Taken | Fault]]:
        seen: set[int] = set()
        for line in read_lines(self._file, self._sheet):
            outcome.rows += 1
            try:
                row = self._row(line)
                key = hash(row["application_id"])
                if key in clashing:
                    raise _clash("application_id" if "application_id" in self._places else "email")
                event = self._reader.event(row)
            except CellError as error:
                yield line, self._reader.fault(line, error)
                continue
            if key in seen:
                outcome.repeated += 1
            elif event is None:
                outcome.ignored += 1
            else:
                yield line, (event, row)
            seen.add(key)

    def _row(self, line: Line) -> dict[str, str]:
        error = overlong(line, self._sheet)
        if error is not None:
            raise error
        return self._reader.row(line, self._places)

    def _clashing(self) -> set[int]:
        """Ids of which two lines say different things: nobody can tell which one holds."""
        said: dict[int, int] = {}
        clashing: set[int] = set()
        for count, line in enumerate(read_lines(self._file, self._sheet), 1):
            if self._most_rows is not None and count > self._most_rows:
                raise _too_many(self._most_rows)
            try:
                id_, words = self._reader.said(line, self._places)
            except CellError:
                continue
            key = hash(id_)
            if said.setdefault(key, hash(words)) != hash(words):
                clashing.add(key)
        return clashing

    def _hand_on(self, batch: Sequence[Taken], take: Take, outcome: Outcome) -> None:
        start = self._connection.links_from or self._connection.created_at
        for (event, _), said in zip(batch, take(batch), strict=True):
            outcome.verdicts[said] += 1
            case = event.application
            if case is None:
                continue
            outcome.states[case.state.value] += 1
            if case.state is ApplicationState.REJECTED:
                oldest = outcome.oldest_rejection or case.changed_at
                outcome.oldest_rejection = min(oldest, case.changed_at)
                fresh = said in ("new", "changed") and case.changed_at >= start
                outcome.new_rejections += fresh


def _too_many(most: int) -> SheetRefusedError:
    return SheetRefusedError(
        f"the file has more than {most:,} rows, too many to look at here; export a shorter period, "
        "or have it imported by 'careerrelay csv import'",
        f"データが{most:,}行を超えています。期間を区切って書き出すか、コマンド"
        "（careerrelay csv import）で取り込んでください",
    )


def _clash(column: str) -> CellError:
    return CellError(
        column,
        "another row is of the same application and says something else; leave the one that holds",
        "同じ応募の行がほかにもあり、内容が異なります。正しい行だけを残してください",
    )


def looking(runtime: Runtime, connection: Connection, *, as_of: datetime) -> Take:
    """A dry run: says what would become of the rows, and stores nothing."""

    def take(batch: Sequence[Taken]) -> Sequence[str]:
        with runtime.database.read() as session:
            known = look_up(session, connection.id, [e.application_id or "" for e, _ in batch])
        return [verdict(runtime, event, known, as_of=as_of) for event, _ in batch]

    return take


def storing(runtime: Runtime, connection: Connection, *, as_of: datetime) -> Take:
    """The import itself: each batch a commit."""

    def take(batch: Sequence[Taken]) -> Sequence[str]:
        with runtime.database.begin() as session:
            events = [event for event, _ in batch]
            return store_events(runtime, session, connection, events, as_of=as_of)

    return take


def import_lock(connection_id: str) -> str:
    """One import at a time per connection: two of them could each think a row is new."""
    return f"csv:{connection_id}"


def import_file(
    runtime: Runtime,
    connection: Connection,
    reading: FileReading,
    *,
    as_of: datetime,
    actor: str,
    failed: FailedRows | None = None,
) -> Outcome:
    """Import a file and write down that it was."""
    with runtime.locks.hold(import_lock(connection.id)):
        outcome = reading.run(storing(runtime, connection, as_of=as_of), failed=failed)
    with runtime.database.begin() as session:
        counts = {name: n for name, n in outcome.counts().items() if name != "oldest_rejection"}
        note(
            runtime, session, actor=actor, action="csv.import", subject=connection.id, **counts
        )  # fmt: skip
    return outcome
