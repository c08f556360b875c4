"""The HERP Hire endpoints we call, and the care taken of the tenant's shared allowance.

https://public-api.herp.cloud/hire/public/doc : 100 requests a minute and tenant, whoever makes
them; every answer says how many remain (``x-remaining-request``) and until when
(``x-reset-at``, a timestamp).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from careerrelay import connectors as kit

from .candidacies import CandidacyPageSchema, CandidacySchema, RequisitionPageSchema

READ = "candidacy:read"
WRITE = "candidacy:write"
READ_REQUISITIONS = "requisition:read"
LIST_APPLICATIONS = "list applications"
ROOT, COMMENTS = ("candidacies",), "timeline-comments"

_LONGEST_WAIT = 3600.0
_WINDOW = 60.0
_OPERATION = 3
"""Calls that an operation takes: it is begun only where it can end above the reserve."""


class HerpClient:
    """One method per endpoint.

    ``allowance.wait_turn`` is asked once before an operation, so that what was begun can be
    finished above the reserve.
    """

    def __init__(self, by: kit.Connector, *, reserve: int) -> None:
        self._by = by
        url = kit.join_url(by.settings["api_url"], "v1")
        self._api = kit.VendorApi.bearer(by, "api_key", url=url, reads=READ, writes=WRITE)
        self._titles: dict[str, str] = {}
        self.allowance = kit.Allowance(
            "herp",
            reserve=reserve + _OPERATION,
            clock=by.clock,
            remedy="; lower reserved_requests to use more of them",
        )

    def page(self, number: int, *, filters: Mapping[str, str]) -> dict[str, Any]:
        """``{candidacies, hasNextPage}``: 100 rows, newest application first."""
        params = {**filters, "sort": "appliedAt", "direction": "desc", "page": str(number)}
        answer = self._call("GET", ROOT, operation=LIST_APPLICATIONS, params=params)
        return answer.read(CandidacyPageSchema())

    def candidacy(self, candidacy_id: str) -> dict[str, Any]:
        """One case, without e-mail, reason and updatedAt. Raises ApiNotFoundError."""
        answer = self._call("GET", (*ROOT, candidacy_id), operation="get application")
        return answer.read(CandidacySchema())

    def titles(self, wanted: Iterable[str]) -> Mapping[str, str]:
        """Names of requisitions by id, "" where HERP gives none; each is asked for once."""
        missing = set(wanted) - self._titles.keys()
        number = 1
        while missing:
            page = self.requisitions(number)
            for row in page["requisitions"]:
                self._titles[row["id"]] = row["name"] or row["title"]
            missing -= self._titles.keys()
            if not page["hasNextPage"]:
                break
            number += 1
        self._titles.update(dict.fromkeys(missing, ""))
        return self._titles

    def requisitions(self, number: int) -> dict[str, Any]:
        """``{requisitions, hasNextPage}``: 100 rows, newest first."""
        return self._call(
            "GET",
            ("requisitions",),
            operation="list requisitions",
            permission=READ_REQUISITIONS,
            params={"page": str(number)},
        ).read(RequisitionPageSchema())

    def comments(self, candidacy_id: str) -> Any:
        """All timeline comments at once. The names in the answer are not documented.

        Something that can hold no comments is refused: taken for none, it would double ours.
        """
        path, what = (*ROOT, candidacy_id, COMMENTS), "list timeline comments"
        data = self._call("GET", path, operation=what).json()
        if not isinstance(data, dict | list):
            self._by.fail_response(what, "anything that could hold comments")
        return data

    def add_comment(self, candidacy_id: str, text: str, *, mention: Sequence[str]) -> None:
        """Add one comment. Not idempotent, and never to be edited or deleted."""
        path, what = (*ROOT, candidacy_id, COMMENTS), "add timeline comment"
        self._call("POST", path, operation=what, json=comment_body(text, mention=mention))

    def _call(
        self, method: str, path: Sequence[str], *, operation: str, **sent: Any
    ) -> kit.HttpResponse:
        response = self._api.call(method, path, operation=operation, accept=(429,), **sent)
        if response.status == 429:
            self._refused(response)
        left = response.headers.get("x-remaining-request", "")
        self.allowance.note(left, resets_in=self._wait(response.headers))
        return response

    def _refused(self, response: kit.HttpResponse) -> NoReturn:
        """HERP sends no Retry-After: wait until x-reset-at, or a whole window without it."""
        error = self._by.http.error_for(response)
        error.retry_after = self._wait(response.headers) or _WINDOW
        self.allowance.note("0", resets_in=error.retry_after)
        raise error

    def _wait(self, headers: Mapping[str, str]) -> float | None:
        """Seconds until x-reset-at, by the server's own clock where it tells the time."""
        reset = _moment(headers.get("x-reset-at", ""), parse=datetime.fromisoformat)
        if reset is None:
            return None
        now = _moment(headers.get("date", ""), parse=parsedate_to_datetime) or self._by.clock()
        return min(max((reset - now).total_seconds(), 1.0), _LONGEST_WAIT)


def comment_body(text: str, *, mention: Sequence[str]) -> dict[str, Any]:
    """The only place that knows the shape of a comment.

    Public clients disagree (``body``/``textType`` against ``comment``/``contentType``). This is
    the one whose author states the documented limit of 20,000 characters. Plain text, because
    comments go on to Slack, where markup would be read differently.
    """
    body: dict[str, Any] = {"body": text, "textType": "text/plain"}
    return {**body, "mentionTo": list(mention)} if mention else body


def _moment(text: str, *, parse: Callable[[str], datetime]) -> datetime | None:
    """None for anything but an aware time: a wait must not depend on a guessed zone."""
    try:
        moment = parse(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
