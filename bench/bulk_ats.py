"""An ATS with as many rejected people as wanted, made up page by page as they are polled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from careerrelay.connectors.base import Connector
from careerrelay.connectors.spec import Capability, ConnectorSpec, Evidence, Setting, Support
from careerrelay.models.candidates import (
    Application,
    ApplicationState,
    Candidate,
    Job,
    Reason,
    RejectionSide,
)
from careerrelay.models.events import ApplicationEvent, EventKind, PollPage

PAGE = 100
DOCS = "https://bulk.example/docs"


class BulkConnector(Connector):
    """Polls only; nothing leaves the process."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="bulk",
        title="Bulk ATS",
        docs_url=DOCS,
        capabilities={Capability.POLL: Support(Evidence.DOCUMENTED, DOCS)},
        settings=(Setting("people", "People", "人数"),),
    )

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        first, people = int(cursor.get("next", 0)), int(self.settings["people"])
        last = min(first + PAGE, people)
        events = tuple(_rejected(number) for number in range(first, last))
        return PollPage(events, {"next": last}, last < people)


def _rejected(number: int) -> ApplicationEvent:
    """Person ``number``, rejected in the last days."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1, seconds=number)
    case = Application(
        external_id=f"a{number}",
        candidate=Candidate(
            f"c{number}", (f"person{number}@example.com",), family_name="応募", given_name="太郎"
        ),
        state=ApplicationState.REJECTED,
        changed_at=at,
        job=Job(f"j{number % 20}", "営業職"),
        reason=Reason("r1", "経験不足", RejectionSide.COMPANY),
    )
    return ApplicationEvent(
        EventKind.REJECTED, at, case.external_id, case.candidate.external_id, case
    )
