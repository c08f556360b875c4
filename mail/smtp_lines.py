"""What a mail looks like on the wire of SMTP: addresses that fit into a command, content that fits
behind DATA."""

from __future__ import annotations

import re

from ..models.errors import SmtpRejectedError


def _address_line(letters: str) -> re.Pattern[str]:
    return re.compile(rf'[{letters}]{{1,320}}|"[ {letters}]{{1,64}}"@[{letters}]{{1,255}}')


_ADDRESS_LINE = _address_line("!-;=?-~")
_INTERNATIONAL_LINE = _address_line("!-;=?-~\u00a1-\ud7ff\uf900-\U0010ffff")
"""With the letters of RFC 6531."""


def check_addresses(envelope_from: str, to: str, *, utf8: bool) -> None:
    """No line end, blank or bracket ever gets into a command."""
    line = _INTERNATIONAL_LINE if utf8 else _ADDRESS_LINE
    for name, address in (("envelope sender", envelope_from), ("recipient", to)):
        if not line.fullmatch(address) and (address or name == "recipient"):
            told = f"the {name} is not an address SMTP can carry"
            raise SmtpRejectedError(told, phase="mail", answer=f"5.1.3 {told.capitalize()}")


def dotted(message: bytes) -> bytes:
    """CRLF lines only (a bare LF or CR lets other text be smuggled in), dots doubled, final dot."""
    both = message.count(b"\r\n")
    is_clean = message.count(b"\n") == both == message.count(b"\r")
    lines = message if is_clean else re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    ended = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    first = b"." if ended.startswith(b".") else b""
    return first + ended.replace(b"\r\n.", b"\r\n..") + b".\r\n"
