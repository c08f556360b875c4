"""The catalogues: read what the code says, merge it into the .po files, compile them.

    python -m tests.webhook_server.catalogues

Run it after a change of a sentence, fill in what is empty in the Japanese catalogue, run it again.
English sentences are their own msgids, so the English catalogue fills itself.
"""

from __future__ import annotations

import io
import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from babel.messages import catalog as babel_catalog
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

FOLDER = Path(__file__).parents[2] / "webhook_server"
LOCALES = ("ja", "en")
UNDATED = datetime(2026, 11, 1, tzinfo=UTC)
"""git knows when a sentence changed; a date in the file would only make conflicts."""
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"silent": "false"}}
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "_l": None,
    "gettext": None,
    "ngettext": (1, 2),
}


def extracted() -> Catalog:
    """Every sentence in the code and the templates, in the order of the files."""
    catalogue = Catalog()
    found = extract_from_dir(str(FOLDER), METHODS, OPTIONS, KEYWORDS)
    for name, _line, message, comments, _context in sorted(found, key=lambda f: (f[0], f[1])):
        catalogue.add(message, locations=[(name, 0)], auto_comments=comments)
    return catalogue


def po_path(locale: str) -> Path:
    return FOLDER / "translations" / locale / "LC_MESSAGES" / "messages.po"


def read(locale: str) -> Catalog:
    with po_path(locale).open("rb") as file:
        return read_po(file, locale=locale)


def undated() -> AbstractContextManager[object]:
    """The header names Babel without its version: a new release changes no sentence of ours."""
    return patch.object(babel_catalog, "VERSION", "2")


def compiled(catalogue: Catalog) -> bytes:
    """The .mo of a catalogue."""
    out = io.BytesIO()
    with undated():
        write_mo(out, catalogue)
    return out.getvalue()


def written(catalogue: Catalog) -> bytes:
    """The .po of a catalogue, without anything that changes by itself."""
    out = io.BytesIO()
    with undated():
        write_po(
            out, catalogue, width=96, omit_header=False, include_lineno=False, no_location=True
        )
    return out.getvalue()


def _fresh(locale: str) -> Catalog:
    return Catalog(
        locale=locale,
        project="CareerRelay",
        version="1",
        header_comment="#",
        creation_date=UNDATED,
        revision_date=UNDATED,
        fuzzy=False,
    )


def _fill(message: Message, old: Message | None, *, locale: str) -> None:
    if locale == "en":
        message.string = message.id
    elif old is not None:
        message.string = old.string


def update(locale: str) -> list[str]:
    """Bring a catalogue up to date; returns the sentences without a translation."""
    path = po_path(locale)
    old = read(locale) if path.exists() else _fresh(locale)
    new = _fresh(locale)
    missing = []
    for message in extracted():
        if not message.id:
            continue
        added = new.add(message.id)
        _fill(added, old.get(message.id), locale=locale)
        if not added.string or not any(added.string):
            missing.append(str(message.id))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written(new))
    path.with_suffix(".mo").write_bytes(compiled(new))
    return missing


if __name__ == "__main__":
    for locale in LOCALES:
        for sentence in update(locale):
            sys.stdout.write(f"{locale}: {sentence}\n")
