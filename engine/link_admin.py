"""Static links for a company's template, and taking links back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from ..connectors.registry import connector_class
from ..connectors.spec import ConnectorSpec
from ..link_signing import Purpose
from ..mail.compose import RelayBlock, render_block
from ..models.candidates import Stage
from ..models.companies import Strategy
from ..models.errors import ConfigurationError, LinkError, NotFoundError
from ..models.links import LinkKind
from ..models.tables import Connection, RelayLink
from .audit import note
from .config import LOCALES
from .connections import connection_of, obstacle
from .delivery import fills_field
from .links import static_link
from .runtime import Runtime

_IN_BLOCK = {"name": "relay_operator_name", "license_no": "agency_license_no"}
"""Settings of [operator] that the paragraph names."""
_TO_APPLICANTS = {
    "ja": "{job}にご応募くださった皆様へ",
    "en": "To everyone who applied for {job}",
}
"""A line above the paragraph that names the job, as the ATS will fill it in."""


@dataclass(frozen=True, slots=True)
class PasteTexts:
    """What to paste and what to know of this ATS's templates, by language; and how they write a
    job's title ("" if they cannot). ``url`` is "" where the ATS's field token stands for it, and
    ``hint`` what is still to be done before that shows anything."""

    id: str
    url: str
    texts: Mapping[str, str]
    job_title_token: str
    notes: Mapping[str, str]
    hint: str = ""


def paste_texts(
    runtime: Runtime,
    connection_id: str,
    *,
    job: str | None,
    stage: Stage | None,
    actor: str,
    name_job: bool = False,
    field_token: str | None = None,
) -> PasteTexts:
    """The paragraph with the company's own link, issued at the first call.

    ``name_job`` puts a line above it with the job's title in the ATS's own merge-field syntax.
    ``field_token`` stands in the link's place: the ATS shows each person's own there, while the
    stop link stays the company's.
    Raises NotFoundError, ConfigurationError naming what of [operator] is not set, or an ATS that
    has no such field.
    """
    operator = runtime.settings.operator
    missing = [name for name in _IN_BLOCK if not operator[name]]
    if missing:
        raise ConfigurationError(
            f"[operator] {', '.join(missing)}: not set; the paragraph must name them"
        )
    asked_at = runtime.clock()
    with runtime.database.begin() as session:
        connection = connection_of(session, connection_id)
        spec = connector_class(connection.connector).spec
        _check_wishes(spec, name_job=name_job, field_token=field_token)
        link = static_link(runtime, session, connection, job=job, stage=stage)
        if link.issued_at >= asked_at:
            note(runtime, session, actor=actor, action="links.static", subject=link.id)
    values = {token: operator[name] for name, token in _IN_BLOCK.items()}
    url = runtime.signer.url_for(link.id)
    values["relay_link"] = f"{url}?{spec.link_query}" if spec.link_query else url
    values["optout_link"] = runtime.signer.url_for(link.id, purpose=Purpose.STOP)
    return PasteTexts(
        id=link.id,
        url="" if field_token else url,
        texts={
            locale: _above(locale, spec.merge_syntax if name_job else "")
            + _with_token(
                render_block(RelayBlock.FULL, locale=locale, values=values),
                url=values["relay_link"],
                token=field_token,
            )
            for locale in LOCALES
        },
        job_title_token=spec.merge_syntax,
        notes=spec.paste_note,
        hint=_unfilled(connection) if field_token else "",
    )


def _check_wishes(spec: ConnectorSpec, *, name_job: bool, field_token: str | None) -> None:
    """Before a link is issued for them."""
    if name_job and not spec.merge_syntax:
        raise ConfigurationError(f"the templates of {spec.title} cannot name the job")
    if field_token is None:
        return
    if why := obstacle(spec, Strategy.FIELD_TOKEN):
        raise ConfigurationError(f"strategy {Strategy.FIELD_TOKEN}: {why}")
    # A shell leaves nothing of a token in double quotes that begins with a dollar; the paragraph
    # would then show no link, or the company's in place of each person's.
    if not field_token.strip() or not field_token.isprintable():
        raise ConfigurationError("field-token: must be one line, as the ATS's editor shows it")


def _unfilled(connection: Connection) -> str:
    if fills_field(connection):
        return ""
    strategy = f"connections set {connection.id} --strategy {Strategy.FIELD_TOKEN}"
    return f"nothing fills that field yet; run 'careerrelay {strategy}'"


def _with_token(text: str, *, url: str, token: str | None) -> str:
    return text.replace(url, token.strip()) if token else text


def _above(locale: str, job: str) -> str:
    return _TO_APPLICANTS[locale].format(job=job) + "\n\n" if job else ""


def static_links(runtime: Runtime, connection_id: str) -> Sequence[RelayLink]:
    """A connection's static links, revoked ones too, latest first."""
    query = select(RelayLink).where(
        RelayLink.connection_id == connection_id, RelayLink.kind == LinkKind.STATIC.value
    )
    with runtime.database.read() as session:
        return session.scalars(query.order_by(RelayLink.issued_at.desc())).all()


def revoke_link(runtime: Runtime, link: str, *, actor: str) -> tuple[str, bool]:
    """Take a link back: by id, token or URL. Returns its id, and whether it was revoked before.

    Raises NotFoundError.
    """
    id_ = _id_of(runtime, link)
    with runtime.database.begin() as session:
        row = session.get(RelayLink, id_, with_for_update=True)
        if row is None:
            raise NotFoundError("there is no such link")
        before = row.revoked_at is not None
        if not before:
            row.revoked_at = runtime.clock()
            note(runtime, session, actor=actor, action="links.revoke", subject=id_)
    return id_, before


def _id_of(runtime: Runtime, link: str) -> str:
    token = link.strip().rpartition("/")[2]
    if "." not in token:
        return token
    try:
        return runtime.signer.open(token)
    except LinkError:
        raise NotFoundError("that is no relay link of this installation") from None
