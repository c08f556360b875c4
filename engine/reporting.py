"""Writes a registration on the candidate's ATS record; only for people who chose to be named."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from babel.dates import format_date

from ..connectors.spec import Capability
from ..models.events import RegistrationReport
from ..models.registrations import RegistrationState
from ..models.tables import (
    ApplicationRecord,
    Company,
    Connection,
    Registration,
    Report,
    WorkState,
)
from .claims import settle
from .people import open_application
from .runtime import Runtime

TAG = {"ja": "キャリアリレー登録", "en": "CareerRelay registered"}
TEXT = {
    "ja": (
        "キャリアリレー: {date}にご本人が登録されました（ご本人の同意に基づくお知らせです）。"
        "次の無料紹介枠まで、あと{remaining}件です。[{marker}]"
    ),
    "en": (
        "CareerRelay: this person registered on {date} (told with their consent). "
        "{remaining} more to the next free placement slot. [{marker}]"
    ),
}
SLOT_TEXT = {
    "ja": (
        "キャリアリレー: {date}にご本人が登録されました（ご本人の同意に基づくお知らせです）。"
        "この登録で無料紹介枠を1つ獲得しました。[{marker}]"
    ),
    "en": (
        "CareerRelay: this person registered on {date} (told with their consent). "
        "With this registration you earned one free placement slot. [{marker}]"
    ),
}


def report(runtime: Runtime, report_id: str) -> None:
    """Task: one owed write-back."""
    with runtime.database.read() as session:
        owed = session.get_one(Report, report_id)
        registration = session.get_one(Registration, owed.registration_id)
        record = session.get_one(ApplicationRecord, owed.application_id)
        connection = session.get_one(Connection, owed.connection_id)
        company = session.get_one(Company, connection.company_id)
    connector = runtime.connector(connection)
    if not connector.spec.can(Capability.REPORT):
        _finish(runtime, report_id, obstacle="unsupported")
        return
    if registration.state != RegistrationState.PROVED.value or record.person_sealed is None:
        _finish(runtime, report_id, obstacle="withdrawn")
        return
    with runtime.locks.hold(f"record:{connection.id}:{record.candidate_external_id}"):
        connector.report_registration(
            open_application(runtime.vault, record),
            words(owed, registration, company, url=runtime.settings.operator["about_url"]),
        )
    _finish(runtime, report_id)


def words(
    owed: Report, registration: Registration, company: Company, *, url: str = ""
) -> RegistrationReport:
    """The report in the company's language; the marker makes a second writing harmless."""
    locale = company.locale if company.locale in TEXT else "en"
    made_slot = registration.counted and owed.remaining == company.batch_size
    text = SLOT_TEXT if made_slot else TEXT
    marker = f"CR-{owed.id[:12]}"
    proved_at = (registration.proved_at or owed.created_at).astimezone(ZoneInfo(company.timezone))
    return RegistrationReport(
        marker=marker,
        text=text[locale].format(
            date=format_date(proved_at, "long", locale=locale),
            remaining=owed.remaining,
            marker=marker,
        ),
        tag=TAG[locale],
        url=url,
    )


def _finish(runtime: Runtime, report_id: str, *, obstacle: str = "") -> None:
    state = WorkState.SKIPPED if obstacle else WorkState.DONE
    with runtime.database.begin() as session:
        row = session.get_one(Report, report_id)
        settle(session, row, runtime.clock(), state=state, code=obstacle, ats_answered=not obstacle)
