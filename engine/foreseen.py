"""What the cases of one transaction will ask of the database, asked for all of them at once.

Sixteen rejections read together would otherwise ask each of these questions sixteen times. What
is not foreseen is asked when it comes; whoever changes an answer calls ``forget``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..models.tables import Connection, CountedPerson, Suppression
from .links import foresee_links
from .people import EVERYWHERE

ERASURE = "erasure"


class Foreseen:
    """For the cases of one connection, inside one transaction."""

    def __init__(self, session: Session, connection: Connection) -> None:
        self._session = session
        self._connection = connection
        self._suppressed: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._counted: dict[str, set[str]] = defaultdict(set)

    def ask(
        self, *, hashes: Collection[str], keys: Collection[str], candidates: Collection[str]
    ) -> None:
        """Everything at once; what is known already is not asked again."""
        self._ask_suppressed(hashes)
        self._ask_counted(keys)
        foresee_links(self._session, self._connection, candidates)

    def forget(self) -> None:
        """An answer may have changed."""
        self._suppressed.clear()
        self._counted.clear()

    def is_suppressed(self, hashes: Collection[str]) -> bool:
        """Any of these addresses must not get a link of this company."""
        return bool(self._suppressions(hashes))

    def is_erased(self, hashes: Collection[str]) -> bool:
        """Any of these addresses belongs to somebody who was erased at this company."""
        return (self._connection.company_id, ERASURE) in self._suppressions(hashes)

    def is_counted(self, keys: Collection[str]) -> bool:
        """This person counted for this company before."""
        self._ask_counted(keys)
        return any(self._counted[key] for key in keys)

    def _suppressions(self, hashes: Collection[str]) -> set[tuple[str, str]]:
        self._ask_suppressed(hashes)
        return {found for hash_ in hashes for found in self._suppressed[hash_]}

    def _ask_suppressed(self, hashes: Iterable[str]) -> None:
        new = [hash_ for hash_ in dict.fromkeys(hashes) if hash_ not in self._suppressed]
        if not new:
            return
        query = select(Suppression.email_hash, Suppression.scope, Suppression.cause).where(
            Suppression.email_hash.in_(new),
            Suppression.scope.in_((self._connection.company_id, EVERYWHERE)),
        )
        self._suppressed.update((hash_, set()) for hash_ in new)
        for hash_, scope, cause in self._session.execute(query):
            self._suppressed[hash_].add((scope, cause))

    def _ask_counted(self, keys: Iterable[str]) -> None:
        new = [key for key in dict.fromkeys(keys) if key not in self._counted]
        if not new:
            return
        query = select(CountedPerson.person_key, CountedPerson.entry_id).where(
            CountedPerson.company_id == self._connection.company_id,
            CountedPerson.person_key.in_(new),
        )
        self._counted.update((key, set()) for key in new)
        for key, entry_id in self._session.execute(query):
            self._counted[key].add(entry_id)
