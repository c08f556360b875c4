"""``careerrelay links``: the paragraph to paste, and taking links back."""

from __future__ import annotations

from typing import Any

import click

from ..engine.link_admin import paste_texts, revoke_link, static_links
from ..models.candidates import Stage
from .context import Cli, Group, command, named_connection
from .output import Output
from .wording import translated

STAGES = [stage.value for stage in Stage if stage not in (Stage.UNKNOWN, Stage.OFFER)]


@click.group(short_help="The paragraph to paste; taking links back.", cls=Group)
def links() -> None:
    """Relay links: the paragraph for the ATS's template, lists, taking back."""


@command(links, "static")
@click.argument("connection_id", metavar="[CONNECTION]", required=False)
@click.option("--job", help="The ATS's id of a job: a link of its own for that job's template.")
@click.option("--stage", type=click.Choice(STAGES), help="A link for one stage's template.")
@click.option(
    "--field-token",
    metavar="TOKEN",
    help="For field_token: the ATS's merge token of the link field stands in the link's place.",
)
@click.option(
    "--job-title",
    "name_job",
    is_flag=True,
    help="With a line above that names the job, by the ATS's own merge field.",
)
def static(
    cli: Cli,
    out: Output,
    connection_id: str | None,
    job: str | None,
    stage: str | None,
    field_token: str | None,
    name_job: bool,
) -> None:
    """Print the paragraph to paste into the ATS's rejection template, Japanese and English.

    The link in it is the company's; who registers is matched to a rejection by the mailbox.
    The same command prints the same link. Some ATSs leave the job's merge field empty in bulk
    rejections; use --job-title only where you reject one by one.

    With --field-token the template shows each person's own link, from the field that
    CareerRelay fills; everything else of the paragraph, the stop link too, stays.
    """
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        texts = paste_texts(
            runtime,
            connection.id,
            job=job,
            stage=Stage(stage) if stage else None,
            actor=cli.actor,
            name_job=name_job,
            field_token=field_token,
        )
    if out.data(texts):
        return
    for locale, text in texts.texts.items():
        out.line(f"--- {locale} ---")
        out.line(text)
        out.line()
        if locale in texts.notes:
            out.line(f"--- {texts.notes[locale]}")
            out.line()
    if not field_token:
        out.line(f"--- link: {texts.url}")
    if texts.job_title_token and not name_job:
        out.line(f"--- the job's title, should you name it, is {texts.job_title_token} there")
    if texts.hint:
        out.line(f"--- {translated(texts.hint, lang=cli.lang)}")


@command(links, "list")
@click.argument("connection_id", metavar="[CONNECTION]", required=False)
def list_(cli: Cli, out: Output, connection_id: str | None) -> None:
    """List the static links of a connection. Personal ones are in 'signals show'."""
    with cli.runtime() as runtime:
        found = static_links(runtime, named_connection(runtime, connection_id).id)
    names = ("id", "job_external_id", "stage", "issued_at", "revoked_at")
    rows: list[list[Any]] = [[getattr(link, name) for name in names] for link in found]
    if not out.data([dict(zip(names, row, strict=True)) for row in rows]):
        out.table(("id", "job", "stage", "issued", "revoked"), rows)


@command(links, "revoke")
@click.argument("link", metavar="LINK")
def revoke(cli: Cli, out: Output, link: str) -> None:
    """Take back LINK (its URL, token or id): it opens no page any more. Its stop link still works.

    A revoked static link is replaced by a new one at the next 'links static'.
    """
    with cli.runtime() as runtime:
        id_, again = revoke_link(runtime, link, actor=cli.actor)
    if not out.data({"id": id_, "revoked": True, "was_revoked": again}):
        out.line(f"link {id_} {'was revoked before' if again else 'is revoked'}")
