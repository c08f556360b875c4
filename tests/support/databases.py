"""Fresh migrated databases, fast: migrate one template per test run, copy it per test."""

from __future__ import annotations

import shutil
from pathlib import Path

from careerrelay.models.database import Database


def migrate(url: str) -> None:
    """Bring an empty database to the newest schema, by the product's own way."""
    database = Database(url)
    try:
        database.upgrade()
    finally:
        database.close()


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def sqlite_template(path: Path) -> Path:
    """A migrated SQLite file without open connections, so that the one file is all of it."""
    migrate(sqlite_url(path))
    left = list(path.parent.glob(f"{path.name}-*"))
    if left:
        raise RuntimeError(f"the template is still open: {left}")
    return path


def sqlite_copy(template: Path, target: Path) -> str:
    """The URL of a copy of ``template`` at ``target``."""
    shutil.copyfile(template, target)
    return sqlite_url(target)
