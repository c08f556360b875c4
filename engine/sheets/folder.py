"""The watched folder: a file put there is imported once and moved to ``done`` or ``failed``.

The file itself is the promise: it is moved only after its rows are stored, and rows that are
stored already are nothing new. So a kill anywhere and another turn end the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
        self._seen = {path: at for path, at in self._seen.items() if path.exists()}
        taken = 0
        for connection, locale in _reading_connections(self._runtime):
            home = Path(root) / connection.id
            with self._runtime.locks.hold(f"csv-folder:{connection.id}"):
                _make_folders(home)
                for path in self._settled(home):
                    taken += self._tried(connection, locale, path)
        return taken

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
                now = (found.st_size, found.st_mtime_ns)
                if path.is_symlink() or not path.is_file():
                    continue
                if self._seen.get(path) == now:
                    del self._seen[path]
                    yield path
                else:
                    self._seen[path] = now

    def _take(self, connection: Connection, locale: str, path: Path) -> None:
        stamp = self._runtime.clock().strftime(STAMP)
        errors = path.parent / FAILED / f"{stamp}-{path.stem}-errors.csv"
        try:
            outcome = self._import(connection, locale, path, errors)
        except CareerRelayError as error:
            if error.retryable:
                raise
            _draft_of(errors).unlink(missing_ok=True)
            _write(errors.with_suffix(".txt"), _words(error, locale))
            _move(path, FAILED, stamp)
            log.warning("csv_file_refused", connection=connection.id, code=error.code)
            return
        _move(path, DONE, stamp)
        log.info(
            "csv_file_imported", connection=connection.id, rows=outcome.rows, failed=outcome.failed
        )

    def _import(self, connection: Connection, locale: str, path: Path, errors: Path) -> Outcome:
        with path.open("rb") as file:
            check_size(self._runtime, os.fstat(file.fileno()).st_size)
            now = self._runtime.clock()
            written = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
            as_of = min(written, now)
            sheet, found = look_at(self._runtime, connection, file, Manner())
            reading = FileReading(
                self._runtime, connection, file,
                sheet=sheet, profile=settled(sheet, found), as_of=as_of,
            )  # fmt: skip
            with _draft_of(errors).open("wb") as out:
                failed = FailedRows(out, sheet, locale=locale)
                seen = reading.run(looking(self._runtime, connection, as_of=as_of), failed=failed)
                failed.close()
            self._check_number(connection, seen)
            outcome = import_file(self._runtime, connection, reading, as_of=as_of, actor=ACTOR)
        _keep_draft(errors, wanted=outcome.failed > 0)
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


def _draft_of(path: Path) -> Path:
    """A name that no program looks for, until the file is whole."""
    return path.with_name(f".{path.name}.part")


def _keep_draft(path: Path, *, wanted: bool) -> None:
    if wanted:
        _draft_of(path).replace(path)
    else:
        _draft_of(path).unlink()


def _write(path: Path, text: str) -> None:
    draft = _draft_of(path)
    # With a mark, so that Windows shows the Japanese.
    draft.write_text(text + "\n", encoding="utf-8-sig")
    draft.replace(path)


def _words(error: CareerRelayError, locale: str) -> str:
    return str(getattr(error, "message_ja", error.message)) if locale == "ja" else error.message


def _move(path: Path, folder: str, stamp: str) -> None:
    path.replace(path.parent / folder / f"{stamp}-{path.name}")


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
                path.unlink(missing_ok=True)
                gone += 1
    return gone


def _is_older(path: Path, before: datetime) -> bool:
    """By the time in its name; a draft that a kill has left begins with a dot before it."""
    found = _STAMPED.match(path.name.lstrip("."))
    if found is None:
        return False
    return datetime.strptime(found[1], STAMP).replace(tzinfo=UTC) < before
