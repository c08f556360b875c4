"""AUTH: PLAIN (RFC 4616) and LOGIN, the old way, which many ATSs still use."""

from __future__ import annotations

import asyncio
from base64 import b64decode

import structlog
from aiosmtpd.smtp import MISSING, SMTP, AuthResult

from .accounts import DeskAwayError
from .house import House
from .talk import talk_of

log = structlog.get_logger(__name__)

LATER = "454 4.7.0 Accounts cannot be looked up now, please try again"
NOT_BASE64 = AuthResult(success=False, handled=False, message="501 5.5.2 Not base64")
WRONG = AuthResult(
    success=False,
    handled=False,
    message="535 5.7.8 User (the mail relay's id) or password is wrong",
)


class SigningIn:
    """The part of the handler that aiosmtpd asks at AUTH."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def auth_PLAIN(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        """The authorisation id must be empty or the login itself."""
        given = await _said(server, args, b"")
        if isinstance(given, AuthResult):
            return given
        authorised, _, rest = given.partition(b"\0")
        login, _, password = rest.partition(b"\0")
        if authorised not in (b"", login):
            return WRONG
        return await self._sign_in(server, login, password)

    async def auth_LOGIN(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        """Some clients send the user with the command, as .NET does."""
        said: list[bytes] = []
        for question, sent in ((b"Username:", args), (b"Password:", args[:1])):
            answer = await _said(server, sent, question)
            if isinstance(answer, AuthResult):
                return answer
            said.append(answer)
        return await self._sign_in(server, *said)

    async def _sign_in(self, server: SMTP, login: bytes, password: bytes) -> AuthResult:
        talk = talk_of(server)
        # Our ids and passwords are ASCII without control characters.
        words = [part.decode("ascii", "replace") for part in (login, password)]
        if not all(word.isprintable() and word for word in words):
            return await self._refused(talk.address)
        try:
            found = await self._house.accounts.signed_in(*words)
        except DeskAwayError:
            return AuthResult(success=False, handled=False, message=LATER)
        if not found:
            return await self._refused(talk.address)
        talk.accounts, talk.away = found, False
        return AuthResult(success=True)

    async def _refused(self, peer: str) -> AuthResult:
        log.warning("relay_sign_in_refused", peer=peer)
        await asyncio.sleep(self._house.settings.refusal_seconds)
        return WRONG


async def _said(server: SMTP, args: list[str], question: bytes) -> bytes | AuthResult:
    """What came with the command, or the answer to the question."""
    if len(args) > 1:
        try:
            return b64decode(args[1], validate=True) if args[1] != "=" else b""
        except ValueError:
            return NOT_BASE64
    answer = await server.challenge_auth(question)
    if answer is MISSING:
        return AuthResult(success=False, handled=True)
    return bytes(answer)  # type: ignore[arg-type] - MISSING is excluded above
