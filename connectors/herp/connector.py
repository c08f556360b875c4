"""HERP Hire: polling, reasons and the comment on the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any

from careerrelay import connectors as kit
from careerrelay.connectors import Application, ApplicationEvent, EventKind

from .candidacies import REASONS, application_from
from .client import LIST_APPLICATIONS, READ, READ_REQUISITIONS, WRITE, HerpClient
from .options import Options
from .spec import SPEC
from .walk import Walk

_JST = timezone(timedelta(hours=9))
_WHERE = "as an administrator: menu at the top right 右上メニュー > APIキー"
_NO_SUCH_CASE = "00000000-0000-0000-0000-000000000000"


class HerpConnector(kit.Connector):
    """One tenant of HERP Hire."""

    spec = SPEC

    def prepare(self) -> None:
        self._options = Options.read(self.settings)
        self._client = HerpClient(self, reserve=self._options.reserve)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """One page of ended cases, or one look at a case that vanished from them."""
        walk = Walk.resume(cursor, now=self.clock())
        self._client.allowance.wait_turn("wait", not_before=_moment(walk.not_before))
        walk.not_before = ""
        events = self._settle(walk) if walk.doubts else self._read_page(walk)
        pause = self._client.allowance.not_before
        walk.not_before = pause.isoformat() if pause and walk.more else ""
        return kit.PollPage(tuple(events), walk.cursor(), more=walk.more)

    def fetch_application(self, application_id: str) -> Application:
        """The case as the list shows it: two calls, more only on days with over 100 rows.

        The single read says on which day and to which requisition; only the list says the
        e-mail address and the reason.
        """
        self._client.allowance.wait_turn("wait")
        return self._whole(self._client.candidacy(application_id))

    def report_registration(self, application: Application, report: kit.RegistrationReport) -> None:
        """One comment, unless a comment holds the marker already.

        The reading tells how much of the minute is left; nothing is written into the reserve.
        """
        self._client.allowance.wait_turn("wait")
        if _holds(self._client.comments(application.external_id), report.marker):
            return
        self._client.allowance.wait_turn("wait")
        self._client.add_comment(
            application.external_id, report.text, mention=self._options.mention
        )

    def reasons(self) -> Sequence[kit.Reason]:
        """Nobody can add one in HERP. The fourth, a hire, is none that could be mapped."""
        return tuple(reason for key, reason in REASONS.items() if key != "hired")

    def check(self) -> list[kit.Check]:
        """Three calls, one per permission; none changes anything."""
        looks = {
            READ: lambda: self._client.page(1, filters=self._options.filters),
            READ_REQUISITIONS: lambda: self._client.requisitions(1),
            WRITE: self._probe_write,
        }
        probes = [
            kit.Probe(scope, look, f"Issue a key with {scope} ({_WHERE}); check api_url.")
            for scope, look in looks.items()
        ]
        remedy = f"Issue a new key in HERP Hire ({_WHERE}) and type it in api_key."
        return kit.run_probes(probes, credentials="api_key", remedy=remedy)

    def _probe_write(self) -> str:
        """HERP cannot be asked for a key's scopes, so write where nothing can be written."""
        try:
            self._client.add_comment(_NO_SUCH_CASE, "", mention=())
        except (kit.ApiNotFoundError, kit.ApiRequestError):
            return "HERP Hire did not refuse it"
        return "permitted"

    def _read_page(self, walk: Walk) -> Iterator[ApplicationEvent]:
        page = self._client.page(walk.page, filters=self._options.filters)
        rows = walk.within_reach(page["candidacies"], options=self._options)
        self._client.titles(row["requisitionId"] for row in rows if "requisitionId" in row)
        events = [_event(self._application(row), walk=walk) for row in rows]
        walk.take(page["candidacies"], has_next=page["hasNextPage"], options=self._options)
        return iter(events)

    def _settle(self, walk: Walk) -> Iterator[ApplicationEvent]:
        """A rejection that left the list: reopened, ended for another reason, or deleted."""
        candidacy_id = walk.doubts.pop(0)
        try:
            single = self._client.candidacy(candidacy_id)
        except kit.ApiNotFoundError:
            event = _erased(candidacy_id, at=self.clock())
        else:
            event = _event(self._whole(single), walk=walk)
        if event.kind is not EventKind.REJECTED:
            walk.forget(candidacy_id)
        return iter((event,))

    def _whole(self, single: Mapping[str, Any]) -> Application:
        rows = self._rows_around(single)
        row = next((row for row in rows if row["id"] == single["id"]), None)
        if row is None:
            self.fail_response(LIST_APPLICATIONS, "an application that it shows by its id")
        return self._application(row)

    def _rows_around(self, single: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """A day on either side: whether the last day counts in is not documented."""
        day = single["appliedAt"].astimezone(_JST).date()
        filters = {
            "appliedAtFrom": (day - timedelta(days=1)).isoformat(),
            "appliedAtTo": (day + timedelta(days=1)).isoformat(),
        }
        if "requisitionId" in single:
            filters["requisitionId"] = single["requisitionId"]
        for number in count(1):
            page = self._client.page(number, filters=filters)
            yield from page["candidacies"]
            if not page["hasNextPage"]:
                return

    def _application(self, row: dict[str, Any]) -> Application:
        job_id = row.get("requisitionId")
        title = self._client.titles([job_id])[job_id] if job_id else ""
        return application_from(row, title=title, options=self._options)


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _event(application: Application, *, walk: Walk) -> ApplicationEvent:
    """A correction of a known rejection is later than it, whatever time HERP shows for it.

    Reopening has no time of its own in HERP, and a corrected reason keeps ``terminatedAt``.
    """
    rejected_at = walk.watch.get(application.external_id)
    reopened = application.state is kit.ApplicationState.ACTIVE
    if rejected_at is not None and application.state is not kit.ApplicationState.REJECTED:
        after = datetime.fromtimestamp(rejected_at + 1, UTC)
        late = reopened or application.changed_at < after
        application = replace(application, changed_at=after) if late else application
    name = application.reason.external_id if application.reason else "reopened"
    event = kit.snapshot_event(application, ats_event=name)
    return replace(event, kind=EventKind.UNREJECTED) if reopened else event


def _erased(candidacy_id: str, *, at: datetime) -> ApplicationEvent:
    """HERP keeps the person inside the application, so a deleted one is a deleted person."""
    gone, ids = EventKind.ERASED, (candidacy_id,)
    return ApplicationEvent(
        gone, at, candidate_id=candidacy_id, application_ids=ids, ats_event="deleted"
    )


def _holds(data: Any, text: str) -> bool:
    """Whether any string in an answer holds the text, whatever the keys are called."""
    if isinstance(data, str):
        return text in data
    if isinstance(data, Mapping):
        return any(_holds(value, text) for value in data.values())
    return isinstance(data, list) and any(_holds(value, text) for value in data)
