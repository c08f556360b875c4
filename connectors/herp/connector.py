"""HERP Hire: polling, reasons and the comment on the timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any

from careerrelay.connectors import (
    ApiAuthenticationError,
    ApiError,
    ApiNotFoundError,
    ApiPermissionError,
    ApiRequestError,
    Application,
    ApplicationEvent,
    Check,
    Connector,
    EventKind,
    HttpClient,
    PollPage,
    Reason,
    RegistrationReport,
    TokenStore,
    utcnow,
)

from .candidacies import EVENTS, REASONS, application_from
from .client import LIST_APPLICATIONS, READ, READ_REQUISITIONS, WRITE, HerpClient
from .options import Options
from .spec import SPEC
from .walk import Walk

_JST = timezone(timedelta(hours=9))
_KEY = "API key"
_WHERE = "as an administrator: menu at the top right 右上メニュー > APIキー"
_NO_SUCH_CASE = "00000000-0000-0000-0000-000000000000"


class HerpConnector(Connector):
    """One tenant of HERP Hire."""

    spec = SPEC

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        http: HttpClient | None = None,
        tokens: TokenStore | None = None,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        super().__init__(settings, http=http, tokens=tokens, clock=clock)
        self._options = Options.read(settings)
        self._client = HerpClient(
            self.http,
            url=settings["api_url"],
            key=settings["api_key"],
            reserve=self._options.reserve,
            clock=clock,
        )

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        """One page of ended cases, or one look at a case that vanished from them."""
        walk = Walk.resume(cursor, now=self.clock())
        self._client.allowance.wait_turn("wait", not_before=_moment(walk.not_before))
        walk.not_before = ""
        events = self._settle(walk) if walk.doubts else self._read_page(walk)
        pause = self._client.allowance.not_before
        walk.not_before = pause.isoformat() if pause and walk.more else ""
        return PollPage(tuple(events), walk.cursor(), more=walk.more)

    def fetch_application(self, application_id: str) -> Application:
        """The case as the list shows it: two calls, more only on days with over 100 rows.

        The single read says on which day and to which requisition; only the list says the
        e-mail address and the reason.
        """
        self._client.allowance.wait_turn("wait")
        return self._whole(self._client.candidacy(application_id))

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
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

    def reasons(self) -> Sequence[Reason]:
        """The four fixed reasons; nobody can add one in HERP."""
        return tuple(REASONS.values())

    def check(self) -> list[Check]:
        """Three calls, one per permission; none changes anything."""
        probes: tuple[tuple[str, Callable[[], object]], ...] = (
            (READ, lambda: self._client.page(1, filters=self._options.filters)),
            (READ_REQUISITIONS, lambda: self._client.requisitions(1)),
            (WRITE, self._probe_write),
        )
        checks: list[Check] = []
        for scope, probe in probes:
            checks.append(_checked(scope, probe))
            if checks[-1].name == _KEY:
                break
        return checks

    def _probe_write(self) -> None:
        """HERP cannot be asked for a key's scopes, so write where nothing can be written."""
        try:
            self._client.add_comment(_NO_SUCH_CASE, "", mention=())
        except (ApiNotFoundError, ApiRequestError):
            return

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
        except ApiNotFoundError:
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
    kind = EVENTS[application.state]
    rejected_at = walk.watch.get(application.external_id)
    if rejected_at is not None and kind is not EventKind.REJECTED:
        after = datetime.fromtimestamp(rejected_at + 1, UTC)
        late = kind is EventKind.UNREJECTED or application.changed_at < after
        application = replace(application, changed_at=after) if late else application
    return ApplicationEvent(
        kind=kind,
        occurred_at=application.changed_at,
        application_id=application.external_id,
        candidate_id=application.candidate.external_id,
        application=application,
        ats_event=application.reason.external_id if application.reason else "reopened",
    )


def _erased(candidacy_id: str, *, at: datetime) -> ApplicationEvent:
    """HERP keeps the person inside the application, so a deleted one is a deleted person."""
    return ApplicationEvent(
        kind=EventKind.ERASED,
        occurred_at=at,
        candidate_id=candidacy_id,
        application_ids=(candidacy_id,),
        ats_event="deleted",
    )


def _holds(data: Any, text: str) -> bool:
    """Whether any string in an answer holds the text, whatever the keys are called."""
    if isinstance(data, str):
        return text in data
    if isinstance(data, Mapping):
        return any(_holds(value, text) for value in data.values())
    return isinstance(data, list) and any(_holds(value, text) for value in data)


def _checked(scope: str, probe: Callable[[], object]) -> Check:
    try:
        probe()
    except ApiAuthenticationError as error:
        return Check(_KEY, False, error.message, f"Issue a new key in HERP Hire ({_WHERE})")
    except ApiPermissionError as error:
        return Check(scope, False, error.message, f"Issue a key with {scope} ({_WHERE})")
    except ApiError as error:
        return Check(scope, False, error.message, "Try again later; check api_url if it persists")
    return Check(scope, True, "HERP Hire did not refuse it")
