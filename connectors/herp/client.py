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
from urllib.parse import quote

from careerrelay.connectors import (
    Allowance,
    ApiResponseError,
    HttpClient,
    HttpResponse,
    PayloadError,
    PayloadSchema,
)

from .candidacies import CandidacyPageSchema, CandidacySchema, RequisitionPageSchema

READ = "candidacy:read"
WRITE = "candidacy:write"
READ_REQUISITIONS = "requisition:read"
LIST_APPLICATIONS = "list applications"

_LONGEST_WAIT = 3600.0
_WINDOW = 60.0
_OPERATION = 3
"""Calls that an operation takes: it is begun only where it can end above the reserve."""


class HerpClient:
    """One method per endpoint. ``clock`` gives the aware present moment.

    ``allowance.wait_turn`` is asked once before an operation, so that what was begun can be
    finished above the reserve.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        url: str,
        key: str,
        reserve: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._http = http
        self._base = url.rstrip("/") + "/v1"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._clock = clock
        self._titles: dict[str, str] = {}
        self.allowance = Allowance(
            "herp",
            reserve=reserve + _OPERATION,
            clock=clock,
            remedy="; lower reserved_requests to use more of them",
        )

    def page(self, number: int, *, filters: Mapping[str, str]) -> dict[str, Any]:
        """``{candidacies, hasNextPage}``: 100 rows, newest application first."""
        params = {**filters, "sort": "appliedAt", "direction": "desc", "page": str(number)}
        return self._read(
            "/candidacies",
            schema=CandidacyPageSchema(),
            operation=LIST_APPLICATIONS,
            permission=READ,
            params=params,
        )

    def candidacy(self, candidacy_id: str) -> dict[str, Any]:
        """One case, without e-mail, reason and updatedAt. Raises ApiNotFoundError."""
        return self._read(
            _path(candidacy_id),
            schema=CandidacySchema(),
            operation="get application",
            permission=READ,
        )

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
        return self._read(
            "/requisitions",
            schema=RequisitionPageSchema(),
            operation="list requisitions",
            permission=READ_REQUISITIONS,
            params={"page": str(number)},
        )

    def comments(self, candidacy_id: str) -> Any:
        """All timeline comments at once. The names in the answer are not documented.

        Something that can hold no comments is refused: taken for none, it would double ours.
        """
        answer = self._call(
            "GET",
            _path(candidacy_id) + "/timeline-comments",
            operation="list timeline comments",
            permission=READ,
        )
        data = answer.json()
        if not isinstance(data, dict | list):
            raise ApiResponseError(
                f"herp answered '{answer.operation}' with something that holds no comments",
                connector="herp",
                operation=answer.operation,
                status=answer.status,
            )
        return data

    def add_comment(self, candidacy_id: str, text: str, *, mention: Sequence[str]) -> None:
        """Add one comment. Not idempotent, and never to be edited or deleted."""
        self._call(
            "POST",
            _path(candidacy_id) + "/timeline-comments",
            operation="add timeline comment",
            permission=WRITE,
            json=comment_body(text, mention=mention),
        )

    def _read(
        self,
        path: str,
        *,
        schema: PayloadSchema,
        operation: str,
        permission: str,
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        data = self._call(
            "GET", path, operation=operation, permission=permission, params=params
        ).json()
        try:
            return schema.read(data)
        except PayloadError as error:
            raise ApiResponseError(
                f"herp answered '{operation}' in another shape: {error.message}",
                connector="herp",
                operation=operation,
            ) from None

    def _call(
        self, method: str, path: str, *, operation: str, permission: str, **sent: Any
    ) -> HttpResponse:
        response = self._http.request(
            method,
            self._base + path,
            operation=operation,
            headers=self._headers,
            permission=permission,
            setting="api_key",
            accept=(429,),
            **sent,
        )
        if response.status == 429:
            self._refused(response)
        left = response.headers.get("x-remaining-request", "")
        self.allowance.note(left, resets_in=self._wait(response.headers))
        return response

    def _refused(self, response: HttpResponse) -> NoReturn:
        """HERP sends no Retry-After: wait until x-reset-at, or a whole window without it."""
        error = self._http.error_for(response)
        error.retry_after = self._wait(response.headers) or _WINDOW
        self.allowance.note("0", resets_in=error.retry_after)
        raise error

    def _wait(self, headers: Mapping[str, str]) -> float | None:
        """Seconds until x-reset-at, by the server's own clock where it tells the time."""
        reset = _moment(headers.get("x-reset-at", ""), parse=datetime.fromisoformat)
        if reset is None:
            return None
        now = _moment(headers.get("date", ""), parse=parsedate_to_datetime) or self._clock()
        return min(max((reset - now).total_seconds(), 1.0), _LONGEST_WAIT)


def comment_body(text: str, *, mention: Sequence[str]) -> dict[str, Any]:
    """The only place that knows the shape of a comment.

    Public clients disagree (``body``/``textType`` against ``comment``/``contentType``). This is
    the one whose author states the documented limit of 20,000 characters. Plain text, because
    comments go on to Slack, where markup would be read differently.
    """
    body: dict[str, Any] = {"body": text, "textType": "text/plain"}
    return {**body, "mentionTo": list(mention)} if mention else body


def _path(candidacy_id: str) -> str:
    return "/candidacies/" + quote(candidacy_id, safe="")


def _moment(text: str, *, parse: Callable[[str], datetime]) -> datetime | None:
    """None for anything but an aware time: a wait must not depend on a guessed zone."""
    try:
        moment = parse(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
