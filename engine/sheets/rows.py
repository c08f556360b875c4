"""A line of a file as a row of our columns, and as the event it means; or why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ...connectors.base import Connector
from ...mail.addresses import normalise_for_matching, read_address
from ...models.errors import AddressError, CellError
from ...models.events import ApplicationEvent
from ...models.tables import Connection
from ..runtime import Runtime
from .profiles import Profile
from .reader import Line, Sheet, cell_value, heading_key

LONGEST_ID = 100
LONGEST_CELL = 500
OWN_ID = "csv-"
"""Begins the ids we make where the ATS exports none."""

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line, where, and what to write. Never what stands there."""

    number: int
    heading: str
    message: str
    message_ja: str

    def told(self, locale: str) -> str:
        """One sentence for the reader."""
        if locale == "ja":
            place = f"「{self.heading}」：" if self.heading else ""
            return f"{self.number}行目{place or '：'}{self.message_ja}"
        place = f", {self.heading}" if self.heading else ""
        return f"row {self.number}{place}: {self.message}"


class RowReader:
    """Reads the lines of one file for one connection."""

    def __init__(
        self,
        runtime: Runtime,
        connection: Connection,
        profile: Profile,
        *,
        as_of: datetime,
    ) -> None:
        self._vault = runtime.vault
        self._connection = connection
        self._connector: Connector = runtime.connector(connection)
        self._profile = profile
        self._as_of = as_of.isoformat()
        self._statuses = {heading_key(w): m for w, m in profile.statuses.items()}
        self._reasons = {heading_key(w): (w, m) for w, m in profile.reasons.items()}

    def places(self, sheet: Sheet) -> dict[str, int]:
        """Our column -> the cell of a line; what is not here is never looked at."""
        where = {heading_key(heading): n for n, heading in enumerate(sheet.headings)}
        return {name: where[heading_key(h)] for name, h in self._profile.columns.items()}

    def row(self, line: Line, places: Mapping[str, int]) -> dict[str, str]:
        """The mapped cells, with an id. Raises CellError."""
        cells = line.cells
        row = {name: cell_value(cells[n]) if n < len(cells) else "" for name, n in places.items()}
        for name, value in row.items():
            _check_length(name, value)
        self._read_words(row)
        if row.get("email"):
            row["email"] = _addresses(row["email"])
        row["application_id"] = self._id(row)
        row["as_of"] = self._as_of
        return row

    def said(self, line: Line, places: Mapping[str, int]) -> tuple[str, tuple[str, ...]]:
        """The line's id and its mapped cells, without a look at what they mean where the ATS
        itself gives the id. Raises CellError."""
        cells = line.cells
        words = tuple(cell_value(cells[n]) if n < len(cells) else "" for n in places.values())
        if "application_id" in places:
            return words[list(places).index("application_id")], words
        return self.row(line, places)["application_id"], words

    def event(self, row: Row) -> ApplicationEvent | None:
        """What it means; None: nothing, by the company's own words. Raises CellError."""
        return self._connector.import_row(row)

    def fault(self, line: Line, error: CellError) -> Fault:
        """The error with the row's number and the heading as it stands in the file."""
        heading = self._profile.columns.get(error.column, "")
        return Fault(line.number, heading, error.message, error.message_ja)

    def _read_words(self, row: dict[str, str]) -> None:
        status = row.get("status", "")
        row.update({"status": self._statuses.get(heading_key(status), status)} if status else {})
        reason = row.get("reason", "")
        if not reason:
            return
        if heading_key(reason) not in self._reasons:
            raise CellError(
                "reason",
                "a word that is not in your closed list of reasons; write one of the list, or add "
                "it to the profile",
                "登録済みの理由の一覧にない語です。一覧の語に直すか、プロファイルに追加してください",
            )
        row["reason"], row["reason_side"] = self._reasons[heading_key(reason)]

    def _id(self, row: Row) -> str:
        if "application_id" in self._profile.columns:
            if not row["application_id"]:
                raise CellError(
                    "application_id",
                    "the id of the application is missing",
                    "応募IDがありません",
                )
            return row["application_id"]
        if not row.get("email"):
            raise CellError(
                "email",
                "the address is missing, and without it and without an id of the application the "
                "row cannot be told from others",
                "メールアドレスがありません。応募IDの列もないため、応募を特定できません",
            )
        parts = (
            normalise_for_matching(row["email"].split()[0]),
            row.get("job_id") or row.get("job", ""),
            row.get("applied_on", ""),
        )
        key = json.dumps(["csv row", self._connection.id, *parts], ensure_ascii=False)
        return OWN_ID + self._vault.match(key)[:32]


def _check_length(name: str, value: str) -> None:
    most = LONGEST_ID if name.endswith("_id") else LONGEST_CELL
    if len(value) > most:
        raise CellError(
            name,
            f"longer than {most} signs; is this the right column?",
            f"{most}文字を超えています。列の対応が正しいか確認してください",
        )


def _addresses(text: str) -> str:
    for sign in ";、,，；\n\r\t\u3000":
        text = text.replace(sign, " ")
    try:
        return " ".join(read_address(part) for part in text.split())
    except AddressError:
        raise CellError(
            "email",
            "no e-mail address; write one like name@example.jp, or leave the cell empty",
            "メールアドレスの形式ではありません。name@example.jp の形に直すか、空欄にしてください",
        ) from None


def overlong(line: Line, sheet: Sheet) -> CellError | None:
    """More cells than headings: usually a comma inside a cell that is not quoted."""
    if not any(cell.strip() for cell in line.cells[len(sheet.headings) :]):
        return None
    return CellError(
        "",
        "more cells than headings; put a cell that contains a comma in double quotes",
        '見出しより列が多くなっています。カンマを含むセルは「"」で囲んでください',
    )
