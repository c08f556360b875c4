"""Sign a changed message again with the company's own DKIM key (RFC 6376, RFC 8463).

For the relay that is the last hop before the applicant. A changed body breaks every signature, so
the old ones of the company's own domain are taken away and a new one is put on top, as edits: the
message is never printed again. ARC sets, and other domains' signatures unless told otherwise,
stay as they are.

Canonicalisation is relaxed/relaxed. Hashing needs one pass; the body is rewritten only where it
has something to reduce, which base64 has not.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ..models.errors import ConfigurationError
from .injection.values import Edit

SIGNED = (
    *("from", "to", "cc", "subject", "date", "message-id", "reply-to", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-transfer-encoding"),
    # One-click unsubscribe counts only when both are signed: RFC 8058 section 4.
    *("list-unsubscribe", "list-unsubscribe-post"),
)
OVERSIGNED = frozenset({"from", "subject", "date"})
"""Named once more than they occur, so that nobody adds a second one: RFC 6376 section 8.15."""

_SMALLEST_RSA = 2048  # bits; RFC 8301 section 3.2
_CHUNK = 1 << 16
_NAME = "DKIM-Signature:"
_LINE = 72  # octets of our field per line, well under the 78 of RFC 5322 section 2.1.1
_LONGEST_FROM = 4000  # characters; longer ones are no addresses but an attack

_LABELS = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)"
_DOMAIN = re.compile(_LABELS + "+")
_SELECTOR = re.compile(_LABELS + "*")
_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:[^\r]*+(?:\r\n[ \t][^\r]*+)*+\r\n")
_BLANKS = re.compile(rb"[ \t]+")
_DOMAIN_TAG = re.compile(rb"(?:^|;)[ \t]*d[ \t]*=[ \t]*([^;]*)")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\([^()]*\)', re.DOTALL)
_ADDRESS = re.compile(r"<([^<>]*)>")


@dataclass(frozen=True, slots=True)
class DkimKey:
    """The company's key. ``domain`` is the ``d=`` of the signature, an ASCII domain name;
    ``selector`` the label under ``_domainkey``; ``private_key`` PEM, RSA of 2,048 bits or more, or
    Ed25519, without a pass phrase. Not every receiver checks Ed25519 yet.
    """

    domain: str
    selector: str
    private_key: str = field(repr=False)
    _key: RSAPrivateKey | Ed25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises ConfigurationError naming the setting that cannot work."""
        object.__setattr__(self, "domain", self.domain.lower())
        object.__setattr__(self, "selector", self.selector.lower())
        if len(self.domain) > 253 or not _DOMAIN.fullmatch(self.domain):
            raise ConfigurationError(
                "dkim domain must be a domain name in ASCII (xn-- for others), like example.jp"
            )
        if len(self.selector) > 63 or not _SELECTOR.fullmatch(self.selector):
            raise ConfigurationError("dkim selector must be letters, digits, hyphens and dots")
        object.__setattr__(self, "_key", _loaded(self.private_key))

    @property
    def algorithm(self) -> str:
        """The ``a=`` of the signature."""
        return "rsa-sha256" if isinstance(self._key, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, data: bytes) -> bytes:
        """The raw signature of canonical header bytes."""
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self._key.sign(hashlib.sha256(data).digest())  # RFC 8463 section 3

    def public_key(self) -> bytes:
        """What stands in DNS as ``p=``, before base64."""
        public = self._key.public_key()
        if isinstance(self._key, RSAPrivateKey):
            kind = serialization.PublicFormat.SubjectPublicKeyInfo
            return public.public_bytes(serialization.Encoding.DER, kind)
        return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class DnsRecord(NamedTuple):
    """A TXT record: its full name without a final dot, and its text in one piece."""

    name: str
    text: str


def dns_record(key: DkimKey) -> DnsRecord:
    """What the company must publish before the first message is signed with ``key``."""
    kind = key.algorithm.partition("-")[0]
    public = base64.b64encode(key.public_key()).decode("ascii")
    return DnsRecord(
        f"{key.selector}._domainkey.{key.domain}", f"v=DKIM1; k={kind}; h=sha256; p={public}"
    )


def aligned(domain: str, other: str) -> bool:
    """Whether one is the other or above it: relaxed alignment without a public-suffix list.

    Stricter than DMARC, which also aligns two subdomains of one organisation.
    """
    one, two = domain.lower().rstrip("."), other.lower().rstrip(".")
    return bool(one and two) and (one == two or one.endswith("." + two) or two.endswith("." + one))


def author_domain(message: bytes) -> str:
    """The one domain of the From field, lower case; "" when there is none or more than one."""
    fields = [f for f in _fields(message) if f.name == "from"]
    if len(fields) != 1 or fields[0].end - fields[0].start > _LONGEST_FROM:
        return ""
    value = _value(message, fields[0]).decode("utf-8", "replace")
    plain = _QUOTED.sub(" ", value)
    addresses = _ADDRESS.findall(plain) or plain.split(",")
    domains = {address.rpartition("@")[2].strip().lower() for address in addresses}
    return domains.pop() if len(domains) == 1 else ""


def is_signed(message: bytes) -> bool:
    """By whomever."""
    return any(f.name == "dkim-signature" for f in _fields(message))


def resign(
    message: bytes, *, key: DkimKey, at: datetime, drop_foreign: bool = False
) -> tuple[Edit, ...]:
    """The edits that sign ``message`` as it is now: one field on top, the replaced ones removed.

    ``message``: wire form, CRLF only; what will be sent, after the last other change. ``at``:
    aware, becomes ``t=``. Removed are the signatures of domains aligned with the From field, and
    with ``drop_foreign`` all others. No edits where ``key`` is not aligned with the From field, or
    line ends are not CRLF: such a signature would help nobody.
    """
    author = author_domain(message)
    fields = list(_fields(message))
    if not aligned(key.domain, author) or not _is_wire_form(message, fields[-1].end):
        return ()
    top = Edit(0, 0, _signature(message, fields, key=key, at=at))
    replaced = (
        Edit(f.start, f.end, b"")
        for f in fields
        if f.name == "dkim-signature"
        and (drop_foreign or aligned(_signing_domain(message, f), author))
    )
    return (top, *replaced)


def _loaded(pem: str) -> RSAPrivateKey | Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(
            "dkim private key must be a private key in PEM form without a pass phrase"
        ) from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    if isinstance(key, RSAPrivateKey) and key.key_size >= _SMALLEST_RSA:
        return key
    raise ConfigurationError(
        f"dkim private key must be RSA of {_SMALLEST_RSA} bits or more, or Ed25519"
    )


class _Field(NamedTuple):
    """``name`` in lower case; the span ends after the field's last CRLF."""

    name: str
    start: int
    colon: int
    end: int


def _fields(message: bytes) -> Iterator[_Field]:
    """The header block from the top; stops at the blank line or at what is no field."""
    position = 0
    while found := _FIELD.match(message, position):
        name = found[1].decode("ascii").lower()
        yield _Field(name, position, message.index(b":", found.end(1)), found.end())
        position = found.end()


def _value(message: bytes, of: _Field) -> bytes:
    return _relaxed(message[of.colon + 1 : of.end])


def _relaxed(value: bytes) -> bytes:
    """Unfolded, blanks reduced and trimmed: RFC 6376 section 3.4.2."""
    return _BLANKS.sub(b" ", value.replace(b"\r\n", b"")).strip(b" ")


def _signing_domain(message: bytes, of: _Field) -> str:
    found = _DOMAIN_TAG.search(_value(message, of))
    return found[1].strip().decode("ascii", "replace") if found else ""


def _is_wire_form(message: bytes, header_end: int) -> bool:
    ends = message.count(b"\r\n")
    separated = message.startswith(b"\r\n", header_end)
    return separated and ends == message.count(b"\n") == message.count(b"\r")


def _signature(message: bytes, fields: Sequence[_Field], *, key: DkimKey, at: datetime) -> bytes:
    """Our whole DKIM-Signature field, folded, with its CRLF."""
    chosen = list(_chosen(fields))
    body = fields[-1].end + 2
    tags = [
        *("v=1", f"a={key.algorithm}", "c=relaxed/relaxed"),
        *(f"d={key.domain}", f"s={key.selector}", f"t={int(at.timestamp())}"),
        "h=" + ":".join(name for name, _ in chosen),
        "bh=" + base64.b64encode(_body_digest(message, start=body)).decode("ascii"),
        "b=",
    ]
    unsigned = _folded(tags)
    hashed = b"".join(b"%s:%s\r\n" % (f.name.encode(), _value(message, f)) for _, f in chosen if f)
    signed = key.sign(hashed + b"dkim-signature:" + _relaxed(unsigned))
    return _NAME.encode("ascii") + unsigned + _wrapped(base64.b64encode(signed)) + b"\r\n"


def _chosen(fields: Sequence[_Field]) -> Iterator[tuple[str, _Field | None]]:
    """Each name of ``h=`` with the field it stands for, the lowest first; None: oversigned."""
    for name in SIGNED:
        yield from ((name, f) for f in reversed(fields) if f.name == name)
        if name in OVERSIGNED:
            yield name, None


def _folded(tags: Sequence[str]) -> bytes:
    """The tags, " " before each, a new line where one would be too long; ``h=`` at its colons."""
    words = [w for tag in tags for w in re.split(r"(?<=:)", " " + tag + ";")]
    lines = [_NAME]
    for word in words:
        if len(lines[-1]) + len(word) > _LINE:
            lines.append(" ")
        lines[-1] += word
    return "\r\n".join(lines).removeprefix(_NAME).removesuffix(";").encode("ascii")


def _wrapped(signature: bytes) -> bytes:
    parts = (signature[n : n + _LINE] for n in range(0, len(signature), _LINE))
    return b"".join(b"\r\n " + part for part in parts)


def _body_digest(message: bytes, *, start: int) -> bytes:
    """SHA-256 of the body in relaxed form: RFC 6376 section 3.4.4."""
    digest = hashlib.sha256()
    end = _end_of_text(message, start=start)
    if end == start:
        return digest.digest()
    view = memoryview(message)
    while start < end:
        stop = _line_end(message, start=start, end=end)
        digest.update(_reduced(message, start, stop) or view[start:stop])
        start = stop
    digest.update(b"\r\n")
    return digest.digest()


def _end_of_text(message: bytes, *, start: int) -> int:
    """Where the last character stands that is neither blank nor line end, plus one."""
    end = len(message)
    while end > start:
        low = max(start, end - _CHUNK)
        kept = message[low:end].rstrip(b" \t\r\n")
        if kept:
            return low + len(kept)
        end = low
    return start


def _line_end(message: bytes, *, start: int, end: int) -> int:
    """The end of a chunk of whole lines, or of the text."""
    if end - start <= _CHUNK:
        return end
    found = message.find(b"\r\n", start + _CHUNK, end)
    return found + 2 if found >= 0 else end


def _reduced(message: bytes, start: int, end: int) -> bytes | None:
    """The chunk with blanks reduced; None when there is nothing to reduce, as in base64."""
    if not any(message.find(what, start, end) >= 0 for what in (b"\t", b"  ", b" \r\n")):
        return None
    chunk = message[start:end].replace(b"\t", b" ")
    while b"  " in chunk:  # each round halves the runs
        chunk = chunk.replace(b"  ", b" ")
    return chunk.replace(b" \r\n", b"\r\n")
