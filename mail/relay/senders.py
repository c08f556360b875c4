"""Whose mail it is, by the addresses in it: the same for every way in."""

from __future__ import annotations

import re

from ..addresses import in_ascii
from ..letterhead import read_letterhead
from .desk import Account

LONGEST_FROM = 4000
"""Characters; longer ones are no addresses but an attack."""

_WORD = re.compile(r'"(?:\\.|[^"\\])*"(?:@[^\s<>,;:()"]*)?|[^\s<>,;:()"]+')


def is_sender(address: str, account: Account) -> bool:
    """The address, or its domain, is on the account's list."""
    local, _, domain = address.lower().rpartition("@")
    domain = in_ascii(domain)
    return domain in account.senders or f"{local}@{domain}" in account.senders


def may_write_as(message: bytes, account: Account) -> bool:
    """Whatever a reader could take for an address in From is one of the account's, and there is
    one From: readers differ about the rest, and a forger would choose the one he likes."""
    authors = read_letterhead(message).authors
    if len(authors) != 1 or len(authors[0]) > LONGEST_FROM:
        return False
    words = [word for word in _WORD.findall(authors[0]) if "@" in word]
    # A display name in quotes may hold any address.
    addresses = [word for word in words if not (word.startswith('"') and word.endswith('"'))]
    return bool(addresses) and all(is_sender(address, account) for address in addresses)
