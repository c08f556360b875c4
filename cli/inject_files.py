"""Mails in files: read, written whole or not at all, and what is told of each."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..mail.injection import Policy, Status
from ..models.errors import ConfigurationError, NotFoundError

STREAM = Path("-")
"""stdin or stdout."""
LARGEST = Policy().max_bytes
"""Bytes; a larger mail is copied without being read into memory."""

MAIL = ".eml"


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one mail."""

    file: str
    status: Status
    code: str = ""
    notes: tuple[str, ...] = ()
    milliseconds: float = 0.0

    def told(self, file: str) -> dict[str, str | float | list[str]]:
        """For programs."""
        return {
            "file": file,
            "status": self.status.value,
            "code": self.code,
            "notes": list(self.notes),
            "milliseconds": self.milliseconds,
        }

    def as_json(self) -> str:
        """One line in ASCII, so that a file name of any bytes can be told."""
        return json.dumps(self.told(self.file))

    def sentence(self) -> str:
        """For people."""
        why = f" ({self.code})" if self.code else ""
        notes = f"; {', '.join(self.notes)}" if self.notes else ""
        return f"{self.status.value}{why}{notes}"


Treat = Callable[[bytes], tuple[bytes, Line]]


@dataclass(frozen=True, slots=True)
class Mailbag:
    """The mails of a folder, on their way to another one."""

    source: Path
    target: Path
    every: bool

    def treated(self, treat: Treat) -> Iterator[Line]:
        """Treat one after the other, in the order of their names; no more than one is in memory.

        Raises NotFoundError without the folder, ConfigurationError where one is in the other.
        """
        if not self.source.is_dir():
            raise NotFoundError(f"there is no folder {self.source}")
        one, other = self.source.resolve(), self.target.resolve()
        if one == other or one in other.parents or other in one.parents:
            raise ConfigurationError("IN and OUT: neither folder may be inside the other")
        yield from self._folder(Path(), treat)

    def _folder(self, inside: Path, treat: Treat) -> Iterator[Line]:
        try:
            with os.scandir(self.source / inside) as entries:
                found = sorted((e.name, e.is_dir(follow_symlinks=False)) for e in entries)
        except OSError:
            yield Line(str(inside), Status.FAILED, "unreadable")
            return
        for name, is_folder in found:
            if is_folder:
                yield from self._folder(inside / name, treat)
            elif self._is_mail(inside / name):
                yield replace(self._one(inside / name, treat), file=str(inside / name))

    def _is_mail(self, name: Path) -> bool:
        """A pipe or a device is no mail; a link to nowhere is one that cannot be read."""
        path = self.source / name
        wanted = self.every or name.suffix.lower() == MAIL
        return wanted and (path.is_file() or path.is_symlink())

    def _one(self, name: Path, treat: Treat) -> Line:
        source, target = self.source / name, self.target / name
        try:
            large = source.stat().st_size > LARGEST
            message = b"" if large else source.read_bytes()
        except OSError:
            return Line("", Status.FAILED, "unreadable")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if large:
                _copy(source, target)
                return Line("", Status.REFUSED, "too_large")
            treated, line = treat(message)
            write_message(target, treated, like=source)
        except OSError:
            return Line("", Status.FAILED, "unwritable")
        return line


def read_message(source: Path) -> bytes:
    """The bytes of a file, or of stdin. Raises OSError."""
    return sys.stdin.buffer.read() if source == STREAM else source.read_bytes()


def write_message(target: Path, message: bytes, *, like: Path) -> None:
    """Write whole or not at all, with the permissions of ``like``. Raises OSError."""
    if target == STREAM:
        sys.stdout.buffer.write(message)
        sys.stdout.buffer.flush()
        return
    _placed(target, lambda part: part.write_bytes(message), like=like)


def _copy(source: Path, target: Path) -> None:
    _placed(target, lambda part: shutil.copyfile(source, part), like=source)


def _placed(target: Path, fill: Callable[[Path], object], *, like: Path) -> None:
    number, name = tempfile.mkstemp(dir=target.parent, prefix=".careerrelay-")
    os.close(number)
    part = Path(name)
    try:
        fill(part)
        part.chmod(like.stat().st_mode & 0o777 if like != STREAM else 0o600)
        part.replace(target)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
