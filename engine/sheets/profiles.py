"""How a company's columns are read: suggested by headings, confirmed by a person, kept by name."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...connectors.registry import connector_class
from ...connectors.spec import Capability, ConnectorSpec
from ...models.errors import NotFoundError, ProfileError, UnsupportedCapabilityError
from ...models.tables import Connection, SheetProfile
from ..audit import note
from ..runtime import Runtime
from .reader import Sheet, heading_key

MOST_REASONS = 200
LONGEST_WORD = 60
ENDS = ("status", "rejected_on", "withdrawn_on", "hired_on")
DAYS = ("ended_on", "rejected_on")


@dataclass(frozen=True, slots=True)
class Profile:
    """``columns``: our column -> heading. ``statuses`` and ``reasons``: word -> meaning."""

    name: str
    columns: Mapping[str, str]
    statuses: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


def takes_csv(connection: Connection) -> bool:
    """Whether its signals are rows of files."""
    return connector_class(connection.connector).spec.can(Capability.CSV_IMPORT)


def reading_spec(connection: Connection) -> ConnectorSpec:
    """The spec of a connection that takes CSV. Raises UnsupportedCapabilityError."""
    spec = connector_class(connection.connector).spec
    if not spec.can(Capability.CSV_IMPORT):
        raise UnsupportedCapabilityError(
            f"{spec.title} takes no CSV; make a connection with the connector csv_bridge"
        )
    return spec


def known_headings(spec: ConnectorSpec, profiles: Collection[Profile]) -> set[str]:
    """Headings by which the heading line of a file is recognised."""
    suggested = {heading for column in spec.columns for heading in column.headings}
    return suggested | {h for profile in profiles for h in profile.columns.values()}


def suggested_columns(spec: ConnectorSpec, sheet: Sheet) -> dict[str, str]:
    """Our column -> the one heading that is surely meant; a heading that stands twice is not."""
    doubled = {heading_key(heading) for heading in sheet.doubled}
    there = {heading_key(h): h for h in sheet.headings if heading_key(h) not in doubled}
    found = {}
    for column in spec.columns:
        keys = (heading_key(heading) for heading in column.headings)
        heading = next((there[key] for key in keys if key in there), None)
        if heading is not None:
            found[column.name] = heading
    return found


def fitting_profile(profiles: Sequence[Profile], sheet: Sheet) -> Profile | None:
    """The one whose headings are all in the file, the most of them; None: none, or two alike."""
    fits = [p for p in profiles if not missing_headings(p, sheet)]
    most = max((len(p.columns) for p in fits), default=0)
    best = [p for p in fits if len(p.columns) == most]
    return best[0] if len(best) == 1 else None


def missing_headings(profile: Profile, sheet: Sheet) -> list[str]:
    """Headings of the profile that the file does not have."""
    there = {heading_key(heading) for heading in sheet.headings}
    return [h for h in profile.columns.values() if heading_key(h) not in there]


def check_profile(spec: ConnectorSpec, profile: Profile) -> None:
    """Raises ProfileError naming what is unknown, doubled or missing."""
    name = profile.name
    if not name.strip() or len(name) > LONGEST_WORD or _has_control(name):
        raise ProfileError(
            f"the name of a profile has 1 to {LONGEST_WORD} signs in one line",
            f"プロファイルの名前は、改行を入れずに1～{LONGEST_WORD}文字で入力してください",
        )
    unknown = [name for name in profile.columns if spec.column(name) is None]
    if unknown:
        known = ", ".join(column.name for column in spec.columns)
        raise ProfileError(
            f"column {unknown[0]} is unknown; choose among {known}",
            f"項目{unknown[0]}はありません。次から選んでください：{known}",
        )
    keys = [heading_key(heading) for heading in profile.columns.values()]
    if len(set(keys)) < len(keys):
        raise ProfileError(
            "one heading stands for two columns; give each its own",
            "一つの列を、二つの項目に対応させることはできません",
        )
    if any("\0" in heading for heading in profile.columns.values()):
        raise ProfileError("a heading holds a sign that is none", "見出しに使えない文字があります")
    _check_needs(profile.columns)
    _check_words(spec, "status", profile.statuses)
    _check_words(spec, "reason", profile.reasons)


def _has_control(text: str) -> bool:
    return any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in text)


def _check_needs(columns: Mapping[str, str]) -> None:
    if "application_id" not in columns and "email" not in columns:
        raise ProfileError(
            "a column is missing: application_id, or at least email",
            "応募IDの列（ない場合はメールアドレスの列）を選んでください",
        )
    if not any(name in columns for name in ENDS):
        raise ProfileError(
            f"a column is missing: one of {', '.join(ENDS)}",
            "選考の状況の列か、不合格日・辞退日・入社日のいずれかの列を選んでください",
        )
    if not any(name in columns for name in DAYS):
        raise ProfileError(
            f"a column is missing: one of {', '.join(DAYS)}; without the day, people rejected long "
            "ago would get a mail now",
            "不合格日または選考終了日の列を選んでください。日付がないと、以前に不採用となった方に今から"
            "連絡してしまうおそれがあります",
        )


def _check_words(spec: ConnectorSpec, column: str, words: Mapping[str, str]) -> None:
    declared = spec.column(column)
    choices = declared.choices if declared else ()
    if len(words) > MOST_REASONS or any(
        not 0 < len(word) <= LONGEST_WORD or "\0" in word for word in words
    ):
        raise ProfileError(
            f"the words of {column} are a closed list: at most {MOST_REASONS}, each of 1 to "
            f"{LONGEST_WORD} signs",
            f"語の一覧は{MOST_REASONS}語まで、1語は{LONGEST_WORD}文字までです",
        )
    if any(meaning not in choices for meaning in words.values()):
        raise ProfileError(
            f"a word of {column} means one of {', '.join(choices)}",
            f"語の意味は次から選んでください：{', '.join(choices)}",
        )


def save_profile(runtime: Runtime, connection: Connection, profile: Profile, *, actor: str) -> None:
    """Keep it for the connection's company, in place of one of that name."""
    check_profile(reading_spec(connection), profile)
    with runtime.database.begin() as session:
        row = _row(session, connection.company_id, profile.name)
        if row is None:
            row = SheetProfile(company_id=connection.company_id, name=profile.name)
            session.add(row)
        row.columns = dict(profile.columns)
        row.statuses, row.reasons = dict(profile.statuses), dict(profile.reasons)
        row.updated_at = runtime.clock()
        note(
            runtime, session, actor=actor, action="csv.profile", subject=connection.company_id,
            columns=sorted(profile.columns), words=len(profile.statuses) + len(profile.reasons),
        )  # fmt: skip


def remove_profile(runtime: Runtime, company_id: str, name: str, *, actor: str) -> None:
    """Raises NotFoundError."""
    with runtime.database.begin() as session:
        row = _row(session, company_id, name)
        if row is None:
            raise NotFoundError("there is no such profile; 'careerrelay csv profiles' lists them")
        session.delete(row)
        note(
            runtime, session, actor=actor, action="csv.profile-remove", subject=company_id,
        )  # fmt: skip


def profiles_of(runtime: Runtime, company_id: str) -> list[Profile]:
    """A company's, by name."""
    query = select(SheetProfile).where(SheetProfile.company_id == company_id)
    with runtime.database.read() as session:
        rows = session.scalars(query.order_by(SheetProfile.name)).all()
    return [Profile(row.name, row.columns, row.statuses, row.reasons) for row in rows]


def find_profile(runtime: Runtime, company_id: str, name: str) -> Profile:
    """Raises NotFoundError."""
    found = [p for p in profiles_of(runtime, company_id) if p.name == name]
    if not found:
        raise NotFoundError("there is no such profile; 'careerrelay csv profiles' lists them")
    return found[0]


def _row(session: Session, company_id: str, name: str) -> SheetProfile | None:
    return session.scalars(
        select(SheetProfile).where(SheetProfile.company_id == company_id, SheetProfile.name == name)
    ).first()
