"""``careerrelay csv link``: who may upload on the page."""

from __future__ import annotations

import click

from ..engine.sheets.uploads import issue_link, revoke_links
from .context import Cli, command, named_connection
from .output import Output
from .sheet_profiles import csv_files


@command(csv_files, "link")
@click.argument("connection_id", metavar="CONNECTION")
@click.option(
    "--days",
    type=click.IntRange(1, 400),
    default=90,
    show_default=True,
    help="How long it works.",
)
def link(cli: Cli, out: Output, connection_id: str, days: int) -> None:
    """Print a link to the page on which CONNECTION's recruiters upload CSV files.

    Whoever holds it can upload for this connection and download its registrations, so send it to
    the recruiter alone. 'careerrelay csv link-revoke' takes it back.
    """
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        url = issue_link(runtime, connection.id, days=days, actor=cli.actor)
    if not out.data({"url": url, "days": days}):
        out.line(url)


@command(csv_files, "link-revoke")
@click.argument("connection_id", metavar="CONNECTION")
def link_revoke(cli: Cli, out: Output, connection_id: str) -> None:
    """Take back every upload link of CONNECTION; what was uploaded and confirmed is imported."""
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        number = revoke_links(runtime, connection.id, actor=cli.actor)
    if not out.data({"revoked": number}):
        out.line(f"{number} upload links are taken back")
