"""Inserting the rows of new cases: a statement for each table, whatever their number.

The unit of work sends the same statements, but takes twice their time to find out which.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from ..models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    Decision,
    Delivery,
    RelayLink,
)

_KINDS: tuple[type[Any], ...] = (
    ApplicationRecord,
    ApplicationAddress,
    Decision,
    RelayLink,
    Delivery,
)
"""Each after those it refers to."""
_TABLES = {kind: kind.metadata.tables[kind.__tablename__] for kind in _KINDS}
_INSERTS = {kind: insert(_TABLES[kind]) for kind in _KINDS}
_COLUMNS = {kind: frozenset(_TABLES[kind].c.keys()) for kind in _KINDS}


def insert_new(session: Session) -> None:
    """Insert what the session holds as new of cases, and let go of it: the last but the commit.

    Everything else of the session, such as what changed in rows it loaded, is left to it.
    """
    rows: dict[type[Any], list[Any]] = defaultdict(list)
    for row in session.new:
        rows[type(row)].append(row)
    cases = {case.id for case in rows[ApplicationRecord]}
    # A loaded case writes its new addresses itself, for its list of them holds them.
    rows[ApplicationAddress] = [a for a in rows[ApplicationAddress] if a.application_id in cases]
    connection = session.connection()
    for kind in _KINDS:
        for values in _alike(kind, rows[kind]):
            connection.execute(_INSERTS[kind], values)
    for kind in reversed(_KINDS):
        for row in rows[kind]:
            session.expunge(row)


def _alike(kind: type[Any], rows: Iterable[Any]) -> Iterable[list[Mapping[str, Any]]]:
    """Values of these rows, those together that have the same columns set: what a row does not
    set is its column's default."""
    columns = _COLUMNS[kind]
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        values = {name: value for name, value in vars(row).items() if name in columns}
        alike[tuple(values)].append(values)
    return alike.values()
