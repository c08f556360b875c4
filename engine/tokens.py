"""OAuth tokens shared by all processes: one live token per credential, sealed in the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from ..connectors.oauth import AccessToken
from ..models.crypto import Vault
from ..models.database import Database
from ..models.tables import SharedToken
from .locks import Locks

MARGIN = timedelta(seconds=60)
"""A token that would die while a call is under way counts as dead."""


class DatabaseTokens:
    """The TokenStore of ``connectors/oauth.py`` on our tables."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        locks: Locks,
        *,
        clock: Callable[[], datetime],
        company: str = "",
    ) -> None:
        self._database = database
        self._vault = vault
        self._locks = locks
        self._clock = clock
        self._company = company

    def of(self, company_id: str) -> DatabaseTokens:
        """One company's. A key names a client, which is no secret: whoever types in another
        company's must not be handed the token that its secret got."""
        parts = (self._database, self._vault, self._locks)
        return DatabaseTokens(*parts, clock=self._clock, company=f"{company_id}/")

    def get(self, key: str) -> AccessToken | None:
        """The live token of that key, if there is one."""
        return self._stored(f"{self._company}{key}")

    def _stored(self, key: str) -> AccessToken | None:
        with self._database.read() as session:
            row = session.get(SharedToken, key)
            if row is None or row.expires_at <= self._clock() + MARGIN:
                return None
            return AccessToken(
                self._vault.open(row.token_sealed, place=_place(key)), row.expires_at
            )

    def replace(
        self, key: str, fetch: Callable[[], AccessToken], *, seen: str | None
    ) -> AccessToken:
        """A token other than ``seen``: another process's new one, or a fetched one."""
        key = f"{self._company}{key}"
        with self._locks.hold(f"token:{key}"):
            known = self._stored(key)
            if known is not None and known.value != seen:
                return known
            fresh = fetch()
            sealed = self._vault.seal(fresh.value, place=_place(key))
            with self._database.begin() as session:
                session.merge(
                    SharedToken(key=key, token_sealed=sealed, expires_at=fresh.expires_at)
                )
            return fresh


def _place(key: str) -> str:
    return f"shared_tokens:{key}"
