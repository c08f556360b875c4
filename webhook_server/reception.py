"""Where webhooks arrive: whose they are, and the opened connector that reads their signature."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..connectors.base import Connector
from ..connectors.registry import connector_classes
from ..engine.runtime import Runtime
from ..engine.turns import elsewhere
from ..models.tables import Connection

FRESH_SECONDS = 1.0


@dataclass(slots=True)
class _Desk:
    connection: Connection
    looked_up_at: float
    asked_at: float = -math.inf
    connector: Connector | None = None


class Reception:
    """Connections as they stood a second ago at most, and while that is looked up.

    A webhook asks for nothing but its signature's check, and a burst of them for the same one:
    looking up the row and opening its secrets each time would cost more than all the rest.
    """

    def __init__(self, runtime: Runtime, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._runtime = runtime
        self._clock = clock
        self._desks: dict[str, _Desk] = {}
        # Imported now, and not while the first webhooks wait for their answers.
        connector_classes()

    def connection(self, connection_id: str) -> Connection | None:
        """The connection of that id, None where there is none.

        Raises OverloadedError where the store does not say so in time.
        """
        now = self._clock()
        desk = self._desks.get(connection_id)
        if desk is not None:
            if now - desk.looked_up_at < FRESH_SECONDS:
                return desk.connection
            # One looks; who comes meanwhile goes on with what there is, instead of all looking,
            # but not for as long as looking fails: it may have been removed.
            if now < min(desk.asked_at, desk.looked_up_at + FRESH_SECONDS) + FRESH_SECONDS:
                return desk.connection
            desk.asked_at = now
        found = elsewhere(partial(self._look_up, connection_id), line="look-ups")
        if found is None:
            self._desks.pop(connection_id, None)
            return None
        self._desks[connection_id] = _Desk(found, now)
        return found

    def _look_up(self, connection_id: str) -> Connection | None:
        with self._runtime.database.read() as session:
            return session.get(Connection, connection_id)

    def connector(self, connection: Connection) -> Connector:
        """Its connector, opened once; webhook methods do no I/O, so that threads may share it."""
        desk = self._desks.get(connection.id)
        if desk is None or desk.connection is not connection:
            return self._runtime.connector(connection)
        if desk.connector is None:
            desk.connector = self._runtime.connector(connection)
        return desk.connector
