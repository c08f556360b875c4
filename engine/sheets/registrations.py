"""The registrations as CSV, for ATSs nothing can be written to: keyed by the ATS's own id.

Only people who chose to be named to the company; their provision record was made when they proved
their address. Everything else in a row is what the company's own file said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO
from zoneinfo import ZoneInfo

from sqlalchemy import select

from ...models.registrations import RegistrationState
from ...models.tables import ApplicationRecord, Company, Connection, Registration, Report
from ..audit import note
from ..people import open_candidate
from ..runtime import Runtime
from .profiles import Profile
from .rows import OWN_ID
from .writing import SheetWriter

HEADINGS = {
    "application_id": "応募ID",
    "candidate_id": "候補者ID",
    "email": "メールアドレス",
    "full_name": "氏名",
}
"""Where the profile knows no heading of the ATS's own."""
ADDED = ("CareerRelay登録日", "CareerRelay状態")
REGISTERED = "登録済み"


@dataclass(frozen=True, slots=True)
class Written:
    """``replaced``: cells with a sign that the encoding does not have."""

    rows: int
    replaced: int


def write_registrations(
    runtime: Runtime,
    connection: Connection,
    file: BinaryIO,
    *,
    profile: Profile | None,
    codec: str,
    delimiter: str = ",",
    actor: str,
) -> Written:
    """Every named registration of the connection, oldest first."""
    known = dict(profile.columns) if profile else {}
    names = [n for n in HEADINGS if n != "full_name" or "full_name" in known or not known]
    writer = SheetWriter(file, codec=codec, delimiter=delimiter)
    writer.write([*(known.get(n, HEADINGS[n]) for n in names), *ADDED])
    found = _registrations(runtime, connection)
    for cells, day in found:
        writer.write([*(cells[name] for name in names), day, REGISTERED])
    writer.close()
    with runtime.database.begin() as session:
        note(
            runtime, session, actor=actor, action="csv.registrations", subject=connection.id,
            rows=len(found),
        )  # fmt: skip
    return Written(len(found), writer.replaced)


def _registrations(runtime: Runtime, connection: Connection) -> list[tuple[dict[str, str], str]]:
    query = (
        select(Registration, ApplicationRecord)
        .join(Report, Report.registration_id == Registration.id)
        .join(ApplicationRecord, ApplicationRecord.id == Report.application_id)
        .where(
            Report.connection_id == connection.id,
            Registration.state == RegistrationState.PROVED.value,
            Registration.named_to_company.is_(True),
            ApplicationRecord.person_sealed.is_not(None),
        )
        .order_by(Registration.proved_at)
    )
    with runtime.database.read() as session:
        zone = ZoneInfo(session.get_one(Company, connection.company_id).timezone)
        rows = session.execute(query).all()
    return [
        (_cells(runtime, record), f"{(r.proved_at or r.started_at).astimezone(zone):%Y/%m/%d}")
        for r, record in rows
    ]


def _cells(runtime: Runtime, record: ApplicationRecord) -> dict[str, str]:
    person = open_candidate(runtime.vault, record)
    own = record.external_id.startswith(OWN_ID)
    candidate = record.candidate_external_id
    return {
        "application_id": "" if own else record.external_id,
        "candidate_id": "" if candidate == record.external_id else candidate,
        "email": next(iter(person.emails), ""),
        "full_name": person.display_name("ja"),
    }
