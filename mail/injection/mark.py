"""Our header: says what was done to a message, and cannot be made by anybody else.

``X-CareerRelay: v=1; s=injected; c=append; id=<link id>; m=<mac>``. The mac covers the Message-ID,
so that the header of one message is worth nothing on another.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache
from typing import Final

from .header import Field
from .structure import Part
from .values import Policy

NAME: Final = "X-CareerRelay"
_NAME: Final = NAME.lower().encode()
_VALUE: Final = re.compile(
    rb"\s*v=1;\s*s=([a-z_]{1,20});\s*c=([a-z_]{1,30});\s*id=([A-Za-z0-9._-]{1,64});"
    rb"\s*m=([0-9a-f]{32})\s*"
)
_LINE: Final = re.compile(
    rb"X-CareerRelay: v=1; s=[a-z_]+; c=[a-z_]+; id=[A-Za-z0-9._-]+;\r?\n m=[0-9a-f]+\r?\n"
)


def mark(root: Part, policy: Policy, *, status: str, code: str, link_id: str, eol: bytes) -> bytes:
    """The header line, with its end."""
    said = f"v=1; s={status}; c={code}; id={link_id}"
    mac = _mac(said, root, policy)
    return f"{NAME}: {said};\r\n m={mac}".encode("ascii").replace(b"\r\n", eol) + eol


def marks(root: Part) -> list[Field]:
    """All headers of that name, whoever wrote them."""
    return root.header.all(_NAME)


def is_line(written: bytes) -> bool:
    """One whole field of the form that ``mark`` gives it."""
    return _LINE.fullmatch(written) is not None


def is_genuine(value: bytes, root: Part, policy: Policy) -> bool:
    """Written by somebody who has the key, for this message."""
    read = _VALUE.fullmatch(value)
    if not policy.mark_key or not read:
        return False
    status, code, link_id, mac = (group.decode("ascii") for group in read.groups())
    said = f"v=1; s={status}; c={code}; id={link_id}"
    return hmac.compare_digest(mac, _mac(said, root, policy))


def link_in(value: bytes, root: Part, policy: Policy) -> str:
    """The id of the link that a genuine header names; "" of any other."""
    read = _VALUE.fullmatch(value)
    return read[3].decode("ascii") if read and is_genuine(value, root, policy) else ""


def _mac(said: str, root: Part, policy: Policy) -> str:
    message_id = b"".join((root.get(b"message-id") or b"").split())
    signed = said.encode("ascii") + b"|" + message_id
    mac = _keyed(policy.mark_key).copy()
    mac.update(signed)
    return mac.hexdigest()[:32]


@lru_cache(maxsize=64)
def _keyed(key: bytes) -> hmac.HMAC:
    """Beginning is most of the work."""
    return hmac.new(key, digestmod=hashlib.sha256)
