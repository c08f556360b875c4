"""The paragraph with a link as it goes into somebody else's mail: text, and the same in ASCII.

ASCII is for mails in charsets that hold no Japanese; the licence number and the operator's name
are written in Latin letters there.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

from ..link_signing import Purpose
from ..mail.compose import Hiring, RelayBlock, render_block
from ..mail.injection import Paragraph
from ..models.errors import ConfigurationError
from ..models.tables import ApplicationRecord, Company, Connection, RelayLink
from .own_mail import locale_of
from .runtime import Runtime

_LATIN = str.maketrans({"ユ": "Yu", "ム": "Mu"})
"""The letters of placement licence numbers: 有料 (ユ) and 無料 (ム)."""


def paragraph_for(
    runtime: Runtime,
    link: RelayLink,
    *,
    connection: Connection,
    company: Company,
    record: ApplicationRecord | None,
) -> Paragraph:
    """In the applicant's language where it is known, else the company's.

    Raises ConfigurationError naming what of [operator] is not set.
    """
    operator = runtime.settings.operator
    missing = [name for name in ("name", "license_no") if not operator[name]]
    if missing:
        raise ConfigurationError(
            f"[operator] {', '.join(missing)}: not set; the paragraph must name them"
        )
    locale = locale_of(record, company) if record is not None else company.locale
    block = RelayBlock.SHORT if connection.hiring == Hiring.PART_TIME else RelayBlock.FULL
    urls = {
        "relay_link": runtime.signer.url_for(link.id),
        "optout_link": runtime.signer.url_for(link.id, purpose=Purpose.STOP),
    }
    named = {"relay_operator_name": operator["name"], "agency_license_no": operator["license_no"]}
    latin = {name: _latin(value, runtime) for name, value in named.items()}
    return Paragraph(
        text=render_block(block, locale=locale, values={**urls, **named}),
        url=urls["relay_link"],
        link_id=link.id,
        ascii_text=render_block(block, locale="en", values={**urls, **latin}),
        language=locale,
    )


def _latin(value: str, runtime: Runtime) -> str:
    """``value`` in ASCII; a name that has no such form is stood for by our own address."""
    plain = unicodedata.normalize("NFKC", value).translate(_LATIN)
    if plain.isascii():
        return plain
    return runtime.settings.operator["latin_name"] or _host(runtime)


def _host(runtime: Runtime) -> str:
    return urlsplit(runtime.settings.server["base_url"]).hostname or "CareerRelay"
