"""The watched folder: a file put there is imported once and moved to ``done`` or ``failed``.

The file itself is the promise: it is moved only after its rows are stored, and rows that are
stored already are nothing new. So a kill anywhere and another turn end the same.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import structlog
from sqlalchemy import select

from ...connectors.registry import connector_classes
from ...connectors.spec import Capability
from ...models.errors import CareerRelayError, SheetRefusedError
from ...models.tables import Company, Connection
from ..runtime import Runtime
from ..worker import defect
from .importing import FailedRows, FileReading, Outcome, import_file, looking
from .opening import Manner, look_at, settled

log = structlog.get_logger(__name__)

ACTOR = "folder"
DONE, FAILED = "done", "failed"
ENDINGS = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xls"})
"""Workbooks too: they are answered with how to save them as CSV."""
LONGEST_NAME = 255
"""Bytes, on the file systems of Linux."""
STAMP = "%Y%m%dT%H%M%S"
_STAMPED = re.compile(r"(\d{8}T\d{6})-")


class WatchedFolder:
    """The folder as one process sees it; several processes take turns by a lock."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._seen: dict[Path, tuple[int, int]] = {}

    def turn(self) -> int:
        """Take every file that has not changed since the last turn; returns how many."""
        root = self._runtime.settings.csv["folder"]
        if not root:
            return 0
        self._seen = {path: at for path, at in self._seen.items() if os.path.lexists(path)}
        taken = 0
        for connection, locale in _reading_connections(self._runtime):
            home = Path(root) / connection.id
            with self._runtime.locks.hold(f"csv-folder:{connection.id}"):
                try:
                    taken += self._taken(connection, locale, home)
                except OSError as error:
                    # Its folder cannot be read or written; that must not stop the others.
                    kind = type(error).__name__
                    log.error("csv_folder_failed", connection=connection.id, kind=kind)
        return taken

    def _taken(self, connection: Connection, locale: str, home: Path) -> int:
        _make_folders(home)
        for left in (home / FAILED).glob(".*.part"):
            # By a process that was killed: whoever holds the lock is the only one to write there.
            left.unlink(missing_ok=True)
        return sum(self._tried(connection, locale, path) for path in self._settled(home))

    def _tried(self, connection: Connection, locale: str, path: Path) -> bool:
        """Whether the file is out of the way; one that cannot be moved must not stop the others."""
        try:
            self._take(connection, locale, path)
        except Exception as error:
            log.error("csv_file_failed", connection=connection.id, where=defect(error).message)
            return False
        return True

    def _settled(self, home: Path) -> Iterator[Path]:
        """Files that nobody is still writing: of the same size and time as a turn ago."""
        for path in sorted(home.iterdir()):
            if path.suffix.lower() not in ENDINGS or path.name.startswith((".", "~")):
                continue
            with suppress(FileNotFoundError):
                found = path.lstat()
                now = _state(found)
                if not stat.S_ISREG(found.st_mode):
                    continue
                if self._seen.get(path) == now:
                    del self._seen[path]
                    yield path
                else:
                    self._seen[path] = now

    def _take(self, connection: Connection, locale: str, path: Path) -> None:
        stamp = self._runtime.clock().strftime(STAMP)
        errors = path.parent / FAILED / _named(f"{stamp}-{path.stem}", "-errors.csv")
        outcome = self._read(connection, locale, path, errors)
        if outcome is None:
            log.warning("csv_file_still_written", connection=connection.id)
            return
        if isinstance(outcome, CareerRelayError):
            _write(errors.with_suffix(".txt"), _words(outcome, locale))
            _move(path, FAILED, stamp)
            log.warning("csv_file_refused", connection=connection.id, code=outcome.code)
            return
        _move(path, DONE, stamp)
        log.info(
            "csv_file_imported", connection=connection.id, rows=outcome.rows, failed=outcome.failed
        )

    def _read(
        self, connection: Connection, locale: str, path: Path, errors: Path
    ) -> Outcome | CareerRelayError | None:
        """What became of it. None: somebody goes on writing, or has put a newer one in its place:
        what they add must be read too, and may make it whole."""
        try:
            with _opened(path) as file:
                before = _state(os.fstat(file.fileno()))
                outcome = self._outcome(connection, locale, file, errors)
                is_whole = _state(os.fstat(file.fileno())) == before and _lies_at(path, file)
                return outcome if is_whole else None
        except SheetRefusedError as error:
            return error

    def _outcome(
        self, connection: Connection, locale: str, file: BinaryIO, errors: Path
    ) -> Outcome | CareerRelayError:
        """What became of it, or why it was refused; what may go better later is raised."""
        try:
            return self._import(connection, locale, file, errors)
        except CareerRelayError as error:
            if error.retryable:
                raise
            return error

    def _import(self, connection: Connection, locale: str, file: BinaryIO, errors: Path) -> Outcome:
        found = os.fstat(file.fileno())
        check_size(self._runtime, found.st_size)
        as_of = min(datetime.fromtimestamp(found.st_mtime, UTC), self._runtime.clock())
        sheet, profile = look_at(self._runtime, connection, file, Manner())
        reading = FileReading(
            self._runtime, connection, file,
            sheet=sheet, profile=settled(sheet, profile), as_of=as_of,
        )  # fmt: skip
        with _draft(errors) as out:
            failed = FailedRows(out, sheet, locale=locale)
            seen = reading.run(looking(self._runtime, connection, as_of=as_of), failed=failed)
            failed.close()
            self._check_number(connection, seen)
            outcome = import_file(self._runtime, connection, reading, as_of=as_of, actor=ACTOR)
            if outcome.failed:
                _keep_draft(errors)
        return outcome

    def _check_number(self, connection: Connection, seen: Outcome) -> None:
        settings = self._runtime.connector(connection).settings
        most = int(settings.get("folder_limit", "300"))
        if seen.new_rejections > most:
            raise SheetRefusedError(
                f"the file brings {seen.new_rejections} new rejections, more than folder_limit "
                f"({most}); look at it and import it by command or on the upload page",
                f"新しい不採用が{seen.new_rejections}件あり、上限（folder_limit：{most}件）を超えています。"
                "内容を確認のうえ、画面またはコマンドで取り込んでください",
            )


def check_size(runtime: Runtime, size: int) -> None:
    """Raises SheetRefusedError for a file above the limit."""
    most = runtime.settings.csv["megabytes"]
    if size > most * 1024 * 1024:
        raise SheetRefusedError(
            f"the file is larger than {most} MiB ([csv] megabytes); export fewer columns or a "
            "shorter period",
            f"ファイルが上限（{most}MB）を超えています。列を減らすか、期間を区切って書き出してください",
        )


def _reading_connections(runtime: Runtime) -> list[tuple[Connection, str]]:
    """Those that take CSV, and the language of their company."""
    query = select(Connection, Company.locale).join(Company).where(Connection.removed_at.is_(None))
    classes = connector_classes()
    with runtime.database.read() as session:
        found = session.execute(query.order_by(Connection.id)).all()
    return [
        (connection, locale)
        for connection, locale in found
        if connection.connector in classes
        and classes[connection.connector].spec.can(Capability.CSV_IMPORT)
    ]


def _make_folders(home: Path) -> None:
    for folder in (home, home / DONE, home / FAILED):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _state(found: os.stat_result) -> tuple[int, int]:
    """What changes when a file is written to."""
    return found.st_size, found.st_mtime_ns


def _lies_at(path: Path, file: BinaryIO) -> bool:
    """Whether that name still is this file's."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file itself: not what a link leads to, nor a pipe that came in its place meanwhile.

    Raises SheetRefusedError where we may not read it.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError:
        raise SheetRefusedError(
            f"CareerRelay has no permission to read the file {path.name}; let the user it runs as "
            "read it, and put the file into the folder again",
            f"ファイル「{path.name}」を読み取る権限がありません。CareerRelayの実行ユーザーが読み取れるように"
            "設定したうえで、もう一度フォルダーに置いてください",
        ) from None
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise FileNotFoundError
        yield file


def _draft_of(path: Path) -> Path:
    """A name that no program looks for, until the file is whole."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def _draft(path: Path) -> Iterator[BinaryIO]:
    """A new file; gone in the end, whatever happens, unless it was kept: people's data is in it."""
    draft = _draft_of(path)
    draft.unlink(missing_ok=True)
    try:
        with draft.open("xb") as file:
            yield file
    finally:
        draft.unlink(missing_ok=True)


def _keep_draft(path: Path) -> None:
    _draft_of(path).replace(path)


def _write(path: Path, text: str) -> None:
    with _draft(path) as file:
        # With a mark, so that Windows shows the Japanese.
        file.write(f"{text}\n".encode("utf-8-sig"))
        file.flush()
        _keep_draft(path)


def _named(stem: str, ending: str) -> str:
    """A name that fits the file system, also as a draft's: Japanese takes three bytes a sign."""
    most = LONGEST_NAME - len(os.fsencode(f"..part{ending}"))
    return os.fsdecode(_cut(os.fsencode(stem), most)) + ending


def _cut(name: bytes, most: int) -> bytes:
    """At most that many bytes, and no half sign."""
    if len(name) <= most:
        return name
    return name[:most].decode("utf-8", "ignore").encode()


def _words(error: CareerRelayError, locale: str) -> str:
    return str(getattr(error, "message_ja", error.message)) if locale == "ja" else error.message


def _move(path: Path, folder: str, stamp: str) -> None:
    path.replace(path.parent / folder / _named(f"{stamp}-{path.stem}", path.suffix))


def purge_folder(runtime: Runtime) -> int:
    """Delete files in ``done`` and ``failed`` that are older than signals are kept: they hold
    people's data. Returns how many."""
    root = runtime.settings.csv["folder"]
    if not root or not Path(root).is_dir():
        return 0
    before = runtime.clock() - timedelta(days=runtime.settings.retention["signal_days"])
    gone = 0
    for folder in (DONE, FAILED):
        # Of removed connections too.
        for path in Path(root).glob(f"*/{folder}/*"):
            if _is_older(path, before):
                gone += _deleted(path)
    return gone


def _deleted(path: Path) -> bool:
    """One that cannot be deleted must not keep the others."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.error("csv_file_not_deleted", kind=type(error).__name__)
        return False
    return True


def _is_older(path: Path, before: datetime) -> bool:
    """By the time in its name; a draft that a kill has left begins with a dot before it."""
    found = _STAMPED.match(path.name.lstrip("."))
    if found is None:
        return False
    return datetime.strptime(found[1], STAMP).replace(tzinfo=UTC) < before
