"""``careerrelay connections poll``: ask the ATS now instead of when it is due."""

from __future__ import annotations

import click

from ..connectors.registry import connector_class
from ..engine.connections import shown_connection
from ..engine.polling import can_poll, poll_now
from ..models.errors import UnsupportedCapabilityError
from .connections_transfer import connections
from .context import Cli, command, named_connection
from .output import Output


@command(connections, "poll")
@click.argument("connection_id", metavar="[ID]", required=False)
def poll(cli: Cli, out: Output, connection_id: str | None) -> None:
    """Ask the ATS for what changed now instead of when it is due.

    The running 'careerrelay serve' (or worker) does it within a second or two; what came is in
    'careerrelay signals list'. A pause that the ATS demanded is kept.
    """
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        if not can_poll(connection):
            title = connector_class(connection.connector).spec.title
            raise UnsupportedCapabilityError(f"{title} cannot be polled; it sends webhooks")
        now = runtime.clock()
        poll_now(runtime, connection.id, at=now)
        shown = shown_connection(runtime, named_connection(runtime, connection.id))
    if not out.data(shown):
        wait = shown["paused_until"]
        when = f"after the pause, at {wait:%H:%M} UTC" if wait and wait > now else "now"
        out.line(f"connection {connection.id} is polled {when}")
