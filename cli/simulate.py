"""``careerrelay simulate``: a webhook as the ATS would send it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..engine.simulate import Answer, sample_names, send, stored_webhook
from ..models.errors import NotFoundError
from .context import Cli, named_connection, with_output
from .output import Output
from .prompts import pairs


@click.command("simulate", short_help="Send a signed test webhook.")
@click.argument("connection_id", metavar="CONNECTION")
@click.argument("event", metavar="[FIXTURE|EVENT]", required=False)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="PATH=VALUE",
    help="Replace a value of the JSON body before signing, for example "
    "payload.application.id=7; {new} in it becomes a fresh id. May be repeated.",
)
@click.option("--to", default="", help="Another server (https://host) or address to post to.")
@click.option("--times", type=click.IntRange(1, 1000), default=1, help="Post it so many times.")
@click.option("--tamper", is_flag=True, help="Change one byte after signing: must be refused.")
@with_output
def simulate(
    cli: Cli,
    out: Output,
    connection_id: str,
    event: str | None,
    changes: Sequence[str],
    to: str,
    times: int,
    tamper: bool,
) -> None:
    """Sign a webhook with the connection's secret and post it to the running server.

    FIXTURE is a file with a whole request (request line, headers, blank line, body); EVENT one
    of the connector's samples. Without either, the samples are listed. The same request twice
    is what an ATS does when it got no answer: it does nothing twice. Exit 1 unless every one
    was acknowledged (with --tamper: unless every one was refused).
    """
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        connector = runtime.connector(connection)
        if event is None:
            raise NotFoundError(
                "name a file or one of the samples: "
                + (", ".join(sample_names(connector)) or "none")
            )
        answers = send(
            runtime,
            connection,
            stored_webhook(connector, event),
            changes=pairs(changes, option="--set"),
            to=to,
            times=times,
            tamper=tamper,
        )
    good = [_as_hoped(answer, tamper=tamper) for answer in answers]
    if not out.data([{"url": a.url, "status": a.status, "ok": g}
                     for a, g in zip(answers, good, strict=True)]):  # fmt: skip
        for answer, fine in zip(answers, good, strict=True):
            out.line(f"{answer.status} {answer.url} {'as it should be' if fine else answer.text}")
    if not all(good):
        raise click.exceptions.Exit(1)


def _as_hoped(answer: Answer, *, tamper: bool) -> bool:
    return 400 <= answer.status < 500 if tamper else answer.taken
