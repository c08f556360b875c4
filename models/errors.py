"""Every error we raise.

    CareerRelayError                 retryable = False, retry_after = None
      ConfigurationError             stops start-up; exit code 2; names the setting
        ProfileError                 the columns of a CSV cannot be mapped so
      UnsupportedCapabilityError
      WebhookError
        WebhookVerificationError     401; kept and shown with its cause
        PayloadError                 dead, replayable
          CellError                  a cell of an imported table; says what to write instead
        UnknownEventError            recorded as "unknown"
      LinkError
        LinkInvalidError             404 page: tampered or cut off
        LinkPurposeError             404 page: ours and whole, but made for another page
        LinkInactiveError            404 page: issued, no decision yet
        LinkExpiredError             410 page, says when it was issued
        LinkRevokedError             410 page
      ApiError                       connector, operation, status
        ApiAuthenticationError       also marks the connection "needs attention"
        ApiPermissionError           names the missing scope; doctor repeats it
        ApiNotFoundError
        ApiConflictError             409, or a field somebody else filled
        ApiRequestError              the vendor refuses what we sent (400, 422)
        ApiResponseError             an answer we cannot read (HTML, garbage)
        ApiRateLimitedError          retryable, retry_after from the vendor
        ApiUnavailableError          retryable: no answer, 5xx
        ApiUncertainError            a message was handed over, no answer: only a person can tell
      MailError
        MessageNotInjectableError    the message goes out unchanged
        AddressError                 not an e-mail address; ``problem`` says which part
        MilterProtocolError          the mail server's side of a milter connection is not that
        SmtpError                    phase, status
          SmtpRejectedError          5xx: this login, recipient or message will not be taken
          SmtpUnavailableError       retryable: 4xx, no answer before the message was handed over
          SmtpUncertainError         handed over, no answer: only a person can tell
        TemplateError                unknown placeholder or refused word
      OverloadedError                503 + Retry-After: nothing was acknowledged
      StoreError                     retryable: the database is away
        ConflictError                another process was faster with the same row
      InternalError                  a defect of ours: dead at once, named by its place
      TooOftenError                  429 + Retry-After: a mailbox or a link at its limit
      NotFoundError                  there is no such company, connection, signal, ...
      RefusedError                   an administrator's action that must not be done as asked
        SheetRefusedError            a CSV file that cannot be read, and what to do about it
      PostponedError                 not now (quiet hours, a paused account); costs no attempt

Messages are one sentence, built in the constructor, without bodies, tokens, names or
addresses. The worker reads ``retryable`` and ``retry_after`` (seconds) and nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar


class CareerRelayError(Exception):
    """Base of all our errors. ``code`` is stable and may be shown, logged and counted."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class ConfigurationError(CareerRelayError):
    """A setting is missing, unknown or impossible; the message names it."""

    code = "configuration"


class UnsupportedCapabilityError(CareerRelayError):
    """The connector does not declare this capability."""

    code = "unsupported"


class WebhookError(CareerRelayError):
    """Something about an incoming webhook."""


class WebhookVerificationError(WebhookError):
    """The request is not from the vendor, or the secret is not the one typed there."""

    code = "unverified"


class PayloadError(WebhookError):
    """Verified, but not the shape the vendor documents."""

    code = "payload"


class CellError(PayloadError):
    """A cell of an imported table cannot be read; ``column`` is the field it was mapped to.

    The message says what to write there, in English and (``message_ja``) in Japanese, and never
    what stands there now.
    """

    code = "cell"

    def __init__(self, column: str, message: str, message_ja: str) -> None:
        super().__init__(message)
        self.column = column
        self.message_ja = message_ja


class UnknownEventError(WebhookError):
    """A well-formed event whose name is in neither of the connector's lists."""

    code = "unknown_event"


class LinkError(CareerRelayError):
    """A relay, proof, stop or my-data link that does not open."""


class LinkInvalidError(LinkError):
    """Tampered or cut off, or nobody's."""

    code = "link_invalid"


class LinkPurposeError(LinkError):
    """Genuine, but made for another page: a stop link does not register."""

    code = "link_purpose"


class LinkInactiveError(LinkError):
    """Issued at application time; no decision has activated it."""

    code = "link_inactive"


class LinkExpiredError(LinkError):
    """Past its expiry. ``issued_at`` is shown to the person."""

    code = "link_expired"

    def __init__(self, message: str, *, issued_at: datetime) -> None:
        super().__init__(message)
        self.issued_at = issued_at


class LinkRevokedError(LinkError):
    """Taken back by the company or the operator."""

    code = "link_revoked"


class ApiError(CareerRelayError):
    """A call to a vendor's API did not do what we asked.

    ``status`` is the HTTP status, or None where no answer came.
    """

    code = "api"

    def __init__(
        self,
        message: str,
        *,
        connector: str,
        operation: str,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.connector = connector
        self.operation = operation
        self.status = status


class ApiAuthenticationError(ApiError):
    """The credentials are refused."""

    code = "api_authentication"


class ApiPermissionError(ApiError):
    """The credentials are good but lack a permission, which the message names."""

    code = "api_permission"


class ApiNotFoundError(ApiError):
    """The record is not there (any more)."""

    code = "api_not_found"


class ApiConflictError(ApiError):
    """The record changed under us, or a field holds somebody else's value."""

    code = "api_conflict"


class ApiRequestError(ApiError):
    """The vendor refuses what we sent."""

    code = "api_request"


class ApiResponseError(ApiError):
    """The vendor's answer is not what its documents promise."""

    code = "api_response"
    retryable = True


class ApiRateLimitedError(ApiError):
    """Too many calls; ``retry_after`` is the vendor's word where it gave one."""

    code = "api_rate_limited"
    retryable = True


class CallsUsedUpError(ApiRateLimitedError):
    """What the company allows us of its account's calls is used up until ``retry_after``."""

    code = "calls_used_up"


class ApiUnavailableError(ApiError):
    """No answer, or a 5xx."""

    code = "api_unavailable"
    retryable = True


class ApiUncertainError(ApiError):
    """A message was handed over and the answer was lost; asking again might double it."""

    code = "api_uncertain"


class MailError(CareerRelayError):
    """Something about a mail."""


class MessageNotInjectableError(MailError):
    """The message cannot be changed safely and goes out as it came."""

    code = "not_injectable"


class AddressError(MailError):
    """Not an e-mail address. ``problem`` is a stable word that a form can translate."""

    code = "address"

    def __init__(self, message: str, *, problem: str) -> None:
        super().__init__(message)
        self.problem = problem


class MilterProtocolError(MailError):
    """What connected to the milter does not speak its protocol; the connection is closed."""

    code = "milter_protocol"


class SmtpError(MailError):
    """``phase``: connect, starttls, auth, mail, rcpt, data or content, "" where no server
    was asked; ``status``: the reply code; ``answer``: the server's own words, which may quote
    addresses: for who sends the mail, never for a log.

    Everything up to ``auth`` concerns the account and so every mail sent through it; ``rcpt``
    and later concern this one mail.
    """

    code = "smtp"

    def __init__(
        self, message: str, *, phase: str = "", status: int | None = None, answer: str = ""
    ) -> None:
        super().__init__(message)
        self.phase = phase
        self.status = status
        self.answer = answer

    @property
    def concerns_account(self) -> bool:
        """Refused before any mail was named."""
        return self.phase in ("connect", "starttls", "auth")


class SmtpRejectedError(SmtpError):
    """The server refuses for good (5xx)."""

    code = "smtp_rejected"


class SmtpUnavailableError(SmtpError):
    """Nothing was handed over: no connection, or 4xx."""

    code = "smtp_unavailable"
    retryable = True


class SmtpUncertainError(SmtpError):
    """The message was handed over and the answer was lost; sending again might double it."""

    code = "smtp_uncertain"


class TemplateError(MailError):
    """Unknown placeholder, missing block or refused word."""

    code = "template"


class OverloadedError(CareerRelayError):
    """The ingest queue is full or cannot commit; nothing was acknowledged."""

    code = "overloaded"
    retryable = True


class StoreError(CareerRelayError):
    """The database did not take a change: it is away or full."""

    code = "store"
    retryable = True


class ConflictError(StoreError):
    """Another process was faster with the same row: looking again finds what it wrote."""


class InternalError(CareerRelayError):
    """A defect of ours. The message says where, never what was in hand."""

    code = "bug"


class PostponedError(CareerRelayError):
    """Not now: ``retry_after`` seconds from now, and no failure is counted."""

    code = "postponed"
    retryable = True


class TooOftenError(CareerRelayError):
    """One more would flood a mailbox; ``retry_after`` seconds from now it is welcome."""

    code = "too_often"


class NotFoundError(CareerRelayError):
    """What an administrator named is not here."""

    code = "not_found"


class RefusedError(CareerRelayError):
    """An administrator's action that must not be done, or not without saying so."""

    code = "refused"


class SheetRefusedError(RefusedError):
    """A CSV file cannot be read; the message says what to do, in ``message_ja`` in Japanese."""

    def __init__(self, message: str, message_ja: str) -> None:
        super().__init__(message)
        self.message_ja = message_ja


class ProfileError(ConfigurationError):
    """The columns of a company's CSV cannot be mapped so; ``message_ja`` says it in Japanese."""

    code = "profile"

    def __init__(self, message: str, message_ja: str) -> None:
        super().__init__(message)
        self.message_ja = message_ja
