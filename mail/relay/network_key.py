"""A header that proves whose mail it is, for networks that many share.

A mail provider sends all its customers' mail from the same addresses, and any of them may write
any sender. So the company's own rule at the provider adds the account's password as a header; here
it is looked at, and taken out before anybody behind us could read it.
"""

from __future__ import annotations

import asyncio
import re

import structlog

from .accounts import DeskAwayError
from .desk import Account, Reply
from .house import House

log = structlog.get_logger(__name__)

NAME = "X-CareerRelay-Key"
AWAY = Reply(451, "4.3.0 Accounts cannot be looked up now, please try again")
NO_KEY = Reply(
    550,
    f"5.7.1 Without the mail relay's password as {NAME}; this network is shared (network_key)",
)

_HEADER_END = b"\r\n\r\n"
_FIELD = re.compile(
    rb"^x-careerrelay-key[ \t]*+:([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+)\r\n",
    re.IGNORECASE | re.MULTILINE,
)


async def unlocked(
    house: House, account: Account, message: bytes, *, signed_in: bool
) -> bytes | Reply:
    """The message without its key; a refusal where it has none, more than one, or a wrong one."""
    keys, rest = without_keys(message)
    if signed_in:
        return rest
    try:
        found = len(keys) == 1 and await house.accounts.signed_in(account.id, keys[0])
    except DeskAwayError:
        return AWAY
    if found:
        return rest
    log.warning("relay_key_refused", relay=account.id, keys=len(keys))
    await asyncio.sleep(house.settings.refusal_seconds)
    return NO_KEY


def without_keys(message: bytes) -> tuple[list[str], bytes]:
    """The values of all such fields of the message's own header, and the message without them."""
    end = message.find(_HEADER_END)
    header = message[: end + 2 if end >= 0 else len(message)]
    values = [b"".join(found.split()) for found in _FIELD.findall(header)]
    if not values:
        return [], message
    keys = [value.decode("ascii", "replace") for value in values]
    return keys, _FIELD.sub(b"", header) + message[len(header) :]
