"""採用一括かんりくん, new-graduate edition: who is 不採用 now, compared with who was before.

https://developer.career-cloud.asia/api/v1.0/new-graduate/index.html : every call is a POST, with
a token of an hour. Lists are asked for by one status and the days of entry, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from marshmallow import ValidationError, fields, validate

from careerrelay import connectors as kit

from .spec import SPEC

JST = timezone(timedelta(hours=9))
DAY = timedelta(days=1)
SIZE = 100
CREDENTIALS = "client_id and client_secret"
WHERE = "各種設定 > 外部公開API設定"
RIGHTS = f"for the API of students ({WHERE})"
LIST = "list students"
FIELDS = ["id", "sei_kanji", "mei_kanji", "pc_email", "mobile_email", "status", "entry_date"]
STATUSES = ("rejected_statuses", "other_statuses", "hired_statuses", "withdrawn_statuses")
Record = Mapping[str, Any]


class Day(fields.Field[date]):
    """A date, with - or /, whatever time stands behind it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:  # noqa: ARG002 - as marshmallow calls it
        try:
            return date.fromisoformat(str(value)[:10].replace("/", "-"))
        except ValueError:
            raise ValidationError("not a date") from None


class StudentSchema(kit.PayloadSchema):
    id = kit.ExternalId(required=True)
    status = kit.ExternalId(required=True)
    entry_date = Day(required=True)
    sei_kanji = kit.OptionalText()
    mei_kanji = kit.OptionalText()
    pc_email = kit.OptionalText()
    mobile_email = kit.OptionalText()


class ListSchema(kit.PayloadSchema):
    total = fields.Integer(required=True, strict=True)
    students = fields.List(fields.Nested(StudentSchema), required=True)


class TokenSchema(kit.PayloadSchema):
    """``expire_in`` is a moment in seconds since 1970, whatever its name says."""

    access_token = fields.String(required=True, validate=validate.Length(min=1))
    expire_in = fields.Integer(required=True, strict=True, validate=validate.Range(0, 2**32))


class KanrikunConnector(kit.Connector):
    """One company's new-graduate edition."""

    spec = SPEC

    def prepare(self) -> None:
        self._statuses = kit.Statuses.read(self.settings)
        self._rejected, *others = (_codes(self.settings, name) for name in STATUSES)
        self._codes = [*self._rejected, *(code for codes in others for code in codes)]
        url = self.settings["api_url"]
        told: dict[str, Any] = {"url": url, "setting": CREDENTIALS, "reads": RIGHTS}
        self._door = kit.VendorApi(self.http, **told)
        session = kit.token_session(self, self._token, header="X-KANRIKUN-TOKEN")
        self._api = kit.VendorApi(session, **told)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """A page of the rejected, or a search for those who are not among them any more."""
        roster = kit.Roster.resume(cursor, now=self.clock())
        return roster.turned(self._search(roster) if roster.doubts else self._page(roster))

    def check(self) -> list[kit.Check]:
        remedy = f"Switch the API on under {WHERE}."
        return kit.run_probes(
            [kit.Probe("students", self._count, remedy)],
            credentials=CREDENTIALS,
            remedy=f"Type in client id and secret as they stand under {WHERE}; check api_url.",
        )

    def _count(self) -> str:
        """By status, to be compared with the screen."""
        days = self._days(self.clock())
        counts = {code: self._list(code, 1, days, size=1)["total"] for code in self._codes}
        return ", ".join(f"{code}: {count}" for code, count in counts.items())

    def _page(self, roster: kit.Roster) -> Sequence[kit.ApplicationEvent]:
        """Who is new counts as rejected now; but not in the first round, nor where a longer
        history_days brings up older ones."""
        code, _, number = (roster.page or f"{self._rejected[0]}:1").partition(":")
        days = self._days(roster.began_at)
        oldest = days[0].isoformat()
        if not roster.page:
            roster.forget([id_ for id_, day in roster.known.items() if day < oldest])
        found = self._list(code, int(number), days)
        rows = {row["id"]: row for row in found["students"] if row["status"] == code}
        more = found["students"] and int(number) * SIZE < found["total"]
        page = f"{code}:{int(number) + 1}" if more else self._after(code)
        first, before = roster.first, roster.mark
        new = roster.take({i: str(r["entry_date"]) for i, r in rows.items()}, page=page)
        if not page:
            roster.mark = oldest
        events: list[kit.ApplicationEvent] = []
        for row in (row for id_, row in rows.items() if id_ in new):
            old = first or row["entry_date"].isoformat() < before
            events.append(self._event(row, _midnight(row["entry_date"]) if old else self.clock()))
        return events

    def _after(self, code: str) -> str:
        """The first page of the next status that means a rejection; "" after the last."""
        later = self._rejected[self._rejected.index(code) + 1 :]
        return f"{later[0]}:1" if later else ""

    def _search(self, roster: kit.Roster) -> Sequence[kit.ApplicationEvent]:
        """Those of one day of entry, under every status, and twice before they are deleted: they
        may move while we look. Where the API shows nobody at all, nobody is deleted."""
        day = roster.known[roster.doubts[0]]
        missing = [id_ for id_ in roster.doubts if roster.known[id_] == day]
        found, alive = self._find(missing, date.fromisoformat(day))
        if len(found) < len(missing) and not alive and len(roster.known) == len(roster.doubts):
            roster.settle(list(roster.doubts))
            return []
        still = {i for i, row in found.items() if row["status"] in self._rejected}
        roster.settle(still)
        roster.forget(id_ for id_ in missing if id_ not in still)
        at = self.clock()
        return [
            self._event(found[id_], at)
            if id_ in found
            else kit.erased_event(id_, at=at, person=id_)
            for id_ in missing
            if id_ not in still
        ]

    def _find(self, ids: Sequence[str], day: date) -> tuple[dict[str, Record], bool]:
        """Each where it stands now, and whether anybody was seen."""
        found: dict[str, Record] = {}
        alive = False
        for code in self._codes * 2:
            for row in self._everybody(code, (day - DAY, day + DAY)):
                alive = True
                if row["id"] in ids:
                    found[row["id"]] = row
            if len(found) == len(ids):
                break
        return found, alive

    def _everybody(self, code: str, days: tuple[date, date]) -> Iterator[Record]:
        number, total = 0, 1
        while number * SIZE < total:
            number += 1
            page = self._list(code, number, days)
            total = page["total"] if page["students"] else 0
            yield from page["students"]

    def _days(self, until: datetime) -> tuple[date, date]:
        """The days of entry that are read; whether the last one counts in is not documented."""
        last = until.astimezone(JST).date()
        return last - self.policy.history, last + DAY

    def _list(
        self, code: str, number: int, days: tuple[date, date], *, size: int = SIZE
    ) -> dict[str, Any]:
        entered = {"start": days[0].isoformat(), "end": days[1].isoformat()}
        search = {"status": int(code), "entry_date": entered}
        path = ("new-graduate", "v1.0", "student", "get")
        body = {"page": number, "size": size, "search": search, "request": FIELDS}
        return self._api.call("POST", path, operation=LIST, json=body).read(ListSchema())

    def _token(self) -> kit.AccessToken:
        path, what = ("auth", "v1.0", "token", "get"), "get an access token"
        client = {name: self.settings[name] for name in ("client_id", "client_secret")}
        found = self._door.call("POST", path, operation=what, json=client).read(TokenSchema())
        ends = datetime.fromtimestamp(found["expire_in"], UTC)
        return kit.AccessToken(found["access_token"], ends)

    def _event(self, row: Record, at: datetime) -> kit.ApplicationEvent:
        state = self._statuses.state(row["status"])
        channel = kit.Channel(self.settings["channel"])
        mine = (row["pc_email"], row["mobile_email"]) if channel is kit.Channel.DIRECT else ()
        return kit.snapshot_event(
            kit.Application(
                external_id=row["id"],
                candidate=kit.Candidate(
                    row["id"],
                    emails=tuple(dict.fromkeys(text for text in mine if text)),
                    family_name=row["sei_kanji"],
                    given_name=row["mei_kanji"],
                ),
                state=state,
                changed_at=at,
                job=kit.Job("new-graduate", self.settings["job_title"]),
                reason=self._statuses.reason(state, row["status"]),
                channel=channel,
                applied_at=_midnight(row["entry_date"]),
                notice_after=self.policy.notice_after(at, state),
            )
        )


def _codes(settings: Mapping[str, str], name: str) -> list[str]:
    codes = sorted(kit.listed(settings, name=name))
    if not all(code.isascii() and code.isdigit() for code in codes):
        raise kit.ConfigurationError(f"{name} must be numbers, separated by commas")
    if name == STATUSES[0] and not codes:
        raise kit.ConfigurationError(f"{name} must name at least one status")
    return codes


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), JST).astimezone(UTC)
