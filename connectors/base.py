"""The one class every connector derives from; one level deep, no mixins.

Rules of the contract:

1. A capability method raises UnsupportedCapabilityError until overridden, and is overridden
   if and only if the spec declares it.
2. Methods that call the vendor raise only ApiError kinds (or ConfigurationError for a setting
   that cannot work: an address not allowed, a secret that cannot be sent) and may be called
   twice with the same arguments: set a field or tag again, look for our marker before adding a
   note.
3. Nothing is done on a hint: with ``Trust.HINT``, or without a snapshot, the engine calls
   ``fetch_application`` first.
4. Names in ``ignored_events`` parse to ``[]``; unknown names raise UnknownEventError.
5. The engine holds a lock per candidate while ``write_link`` runs, so read-merge-write is safe
   among our own workers.
"""

# ruff: noqa: ARG002 - the defaults of the contract raise and do not use their arguments

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, NoReturn, TypeVar, cast, final

from ..models.candidates import Application, Reason
from ..models.errors import (
    ApiNotFoundError,
    ApiResponseError,
    PayloadError,
    UnsupportedCapabilityError,
    WebhookError,
)
from ..models.events import (
    ApplicationEvent,
    OutgoingMessage,
    PollPage,
    RegistrationReport,
    SentMail,
    WebhookReply,
    WebhookRequest,
    erased_event,
    snapshot_event,
)
from .http import HttpClient
from .oauth import MemoryTokens, TokenStore, utcnow
from .signatures import Signature
from .spec import Capability, ConnectorSpec
from .usual import Policy

Known = TypeVar("Known")

RECALL = timedelta(minutes=10)
MOST_RECALLED = 1000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing ``doctor`` looked at. ``remedy`` says what to change where, "" when fine."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


class Connector:
    """One company's account on one ATS.

    ``settings`` are the connection's values with secrets opened and defaults filled in.
    ``tokens`` keeps short-lived OAuth tokens, shared by all processes.
    ``clock`` is the present, for polls and tokens; tests set it.
    ``policy`` is what the usual settings say, those of them that the spec declares.
    """

    spec: ClassVar[ConnectorSpec]

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        http: HttpClient | None = None,
        tokens: TokenStore | None = None,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self.settings = settings
        self.http = http or HttpClient(self.spec.name, rate_limit=self.spec.rate_limit)
        self.tokens = tokens or MemoryTokens(clock=clock)
        self.clock = clock
        self.policy = Policy.read(settings)
        self.prepare()

    def prepare(self) -> None:
        """Read the settings into what the methods need, so that a mistake shows where it is
        typed in. No I/O. Raises ConfigurationError naming the setting."""

    # WEBHOOK: no I/O in these three, for all other web hooks wait meanwhile.

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Return if the raw request is the vendor's; else WebhookVerificationError.

        Done here, as ``sign_webhook`` is, where the spec declares the ``signature``.
        """
        self._signature().verify(request, settings=self.settings)

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        """The events in a verified request. Raises PayloadError, UnknownEventError."""
        self._unsupported(Capability.WEBHOOK)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        """The request as the vendor would have signed it (``simulate``, tests, stand-ins)."""
        return self._signature().sign(request, settings=self.settings)

    # WEBHOOK, with working defaults.

    def answer_handshake(self, request: WebhookRequest) -> WebhookReply | None:
        """Answer a set-up ping that is no event; asked before verification. None: no ping."""
        return None

    def delivery_id(self, request: WebhookRequest) -> str:
        """The vendor's id of this delivery, else SHA-256 of the body: the dedupe key."""
        header = self.spec.webhook.delivery_id_header if self.spec.webhook else None
        sent = request.headers.get(header.lower()) if header else None
        return sent or hashlib.sha256(request.body).hexdigest()

    # One method per remaining capability.

    def fetch_application(self, application_id: str) -> Application:
        """The truth about one case. Raises ApiNotFoundError when it is gone."""
        self._unsupported(Capability.FETCH)

    def fetch_again(self, known: Application) -> Application:
        """The truth about a case that was read before, just before a notice of ours leaves.

        Overridden where the ``version`` of ``known`` spares a call. What the settings say is
        applied anew in any case: they may have changed since.
        """
        return self.fetch_application(known.external_id)

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        """One page of what changed since ``cursor``; ``{}`` means: from the beginning."""
        self._unsupported(Capability.POLL)

    def import_row(self, row: Mapping[str, str]) -> ApplicationEvent | None:
        """One row of an uploaded table."""
        self._unsupported(Capability.CSV_IMPORT)

    def write_link(self, application: Application, url: str, *, ours: str) -> None:
        """Put the personal link into the declared field, if it is empty or holds one of ours.

        ``ours`` is the prefix all our links share. A field with another value raises
        ApiConflictError and is left alone. ``url`` "" takes our link out again (the person
        used the stop link).
        """
        self._unsupported(Capability.FIELD_TOKEN)

    def send_message(self, application: Application, message: OutgoingMessage) -> None:
        """Have the ATS send this to the candidate, once per ``message.marker``.

        Where the spec says ``message_unseen``, by one call and without a look: it is called once.
        """
        self._unsupported(Capability.ATS_MESSAGE)

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        """Write the registration on the candidate's record, once per ``report.marker``."""
        self._unsupported(Capability.REPORT)

    def record_mail(self, application: Application, mail: SentMail) -> None:
        """Show a mail that we have sent on the candidate's record, once per ``mail.marker``."""
        self._unsupported(Capability.MAIL_RECORD)

    def reasons(self) -> Sequence[Reason]:
        """The ATS's list of rejection reasons, for the reason map."""
        self._unsupported(Capability.REASONS)

    def check(self) -> list[Check]:
        """For doctor: cheap calls that name the missing permission or setting."""
        return []

    @final
    def read_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        """``parse_webhook``, with anything malformed turned into PayloadError."""
        try:
            return self.parse_webhook(request)
        except WebhookError:
            raise
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise PayloadError(
                f"{self.spec.title}: the webhook body is not the documented shape "
                f"({type(error).__name__})"
            ) from None

    @final
    def recalled(self, what: str, read: Callable[[], Known], *, anew: bool = False) -> Known:
        """What an account seldom changes (its reasons, a job's title): asked for once in ten
        minutes, for all its cases together. ``anew``: asked now, as it lacks what a case names."""
        since, known = self.http.known.pop(what, (None, None))
        if since is None or anew or not timedelta() <= self.clock() - since < RECALL:
            since, known = self.clock(), read()
        self.http.known[what] = since, known
        if len(self.http.known) > MOST_RECALLED:
            self.http.known.pop(next(iter(self.http.known)), None)
        return cast("Known", known)

    @final
    def looked_up(self, case: str, *, person: str, ats_event: str = "") -> ApplicationEvent:
        """What became of a case: as it stands now, or that the ATS has it no more."""
        try:
            found = self.fetch_application(case)
        except ApiNotFoundError:
            return erased_event(case, at=self.clock(), person=person)
        return snapshot_event(found, ats_event=ats_event)

    @final
    @contextmanager
    def reading(self, operation: str) -> Iterator[None]:
        """Inside, a PayloadError is an answer to ``operation`` that is not as documented."""
        try:
            yield
        except PayloadError as error:
            raise ApiResponseError(
                f"{self.spec.title} answered '{operation}' {error.message}",
                connector=self.spec.name,
                operation=operation,
            ) from None

    @final
    def fail_response(self, operation: str, what: str) -> NoReturn:
        """An answer of the vendor that lacks what its documents promise."""
        raise ApiResponseError(
            f"{self.spec.title} answered {operation} without {what}",
            connector=self.spec.name,
            operation=operation,
        )

    @final
    def fail_missing(self, operation: str, what: str) -> NoReturn:
        """The vendor says otherwise than by a 404 that there is no such record."""
        raise ApiNotFoundError(
            f"{self.spec.title} has no such {what}",
            connector=self.spec.name,
            operation=operation,
        )

    def _signature(self) -> Signature:
        if self.spec.webhook is None or self.spec.webhook.signature is None:
            self._unsupported(Capability.WEBHOOK)
        return self.spec.webhook.signature

    def _unsupported(self, capability: Capability) -> NoReturn:
        raise UnsupportedCapabilityError(f"{self.spec.title} has no {capability.value} capability")
