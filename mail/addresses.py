"""E-mail addresses as applicants in Japan type them, and the old ones that break the RFC.

Three spellings of one address, kept apart:

* what we keep and show: ``read_address`` (full-width signs made half-width, nothing else changed);
* what goes on the wire: ``sending_form`` (local part quoted where the RFC demands it);
* what is compared: ``normalise_for_matching`` and ``normalise_for_uniqueness``.
"""

from __future__ import annotations

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

from ..models.errors import AddressError

CARRIER_DOMAINS = frozenset(
    {
        "docomo.ne.jp",
        "ezweb.ne.jp",
        "au.com",
        "softbank.ne.jp",
        "i.softbank.jp",
        "vodafone.ne.jp",
    }
)
"""Until April 2009 docomo and au let people choose ``abc..def@``, ``abc.@`` and ``.abc@``;
such addresses live on (https://kurojica.tayori.com/q/schedule-help/detail/592117)."""

_CARRIER_ENDINGS = tuple(f".{domain}" for domain in CARRIER_DOMAINS)

DOTS_IGNORED_DOMAINS = frozenset({"gmail.com", "googlemail.com"})
"""Dots do not matter there (https://support.google.com/mail/answer/7436150)."""

MAX_LOCAL = 64  # octets, RFC 5321 4.5.3.1.1
MOST_SIGNS = 1000
"""More is no address in any spelling, and Unicode's normal forms take a time that grows with the
square of a text's accents."""

# The full-width forms of ASCII (U+FF01..U+FF5E) and the full stops a Japanese keyboard gives.
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord("。"): ".",
    ord("｡"): ".",
}
_EDGES = " \t\r\n\u3000\u00a0\u200b\u2060\ufeff"
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')

_PROBLEMS = {
    "empty": "the e-mail address is empty",
    "no_at": "the e-mail address has no @",
    "several_at": "the e-mail address has more than one @",
    "no_local_part": "the e-mail address has nothing before the @",
    "local_part": "the part of the e-mail address before the @ cannot exist",
    "non_ascii_local_part": "the part of the e-mail address before the @ has a letter that is "
    "not a half-width Latin letter, digit or sign",
    "domain": "the part of the e-mail address after the @ is not a domain name",
    "space": "the e-mail address has a space or a line break inside",
}


def read_address(text: str) -> str:
    """The address that ``text`` means, ready to be kept and shown.

    Full-width ＠, ．, letters and digits become half-width, spaces (U+3000 too) around it go,
    the domain becomes lower case and, if international, ASCII. The local part keeps its case:
    old carriers told ``Taro`` from ``taro``. An address of CARRIER_DOMAINS may break the RFC's
    rule on dots. Raises AddressError, whose ``problem`` is a key for a form's own words.
    """
    cleaned = text.translate(_HALF_WIDTH).strip(_EDGES)
    local, domain = _split(cleaned)
    if len(cleaned) > MOST_SIGNS:
        raise _error("local_part" if len(local) > MAX_LOCAL else "domain")
    if is_carrier(cleaned) and _breaks_dot_rule(local):
        return _read_legacy(local, domain=domain)
    try:
        found = validate_email(
            f"{local}@{domain}", check_deliverability=False, allow_smtputf8=False
        )
    except EmailNotValidError:
        raise _error(_problem(local, domain=domain)) from None
    return f"{found.local_part}@{found.ascii_domain}"


def is_carrier(address: str) -> bool:
    """Whether the address is a mobile carrier's: they filter mail with links, often silently."""
    domain = address.rpartition("@")[2].lower()
    return domain in CARRIER_DOMAINS or domain.endswith(_CARRIER_ENDINGS)


def is_legacy_carrier(address: str) -> bool:
    """Whether it is a carrier's address that breaks the RFC's rule on dots: many servers refuse."""
    return is_carrier(address) and _breaks_dot_rule(_unquoted(address.rpartition("@")[0]))


def sending_form(address: str) -> str:
    """``address`` (as ``read_address`` gave it) for SMTP and headers, the local part quoted
    where its dots demand it: ``"abc..def"@docomo.ne.jp``."""
    local, _, domain = address.rpartition("@")
    bare = _unquoted(local)
    return f'"{bare}"@{domain}' if _breaks_dot_rule(bare) else address


def normalise_for_matching(address: str) -> str:
    """The spelling under which two addresses are the same mailbox; feed it to the keyed hash.

    NFKC, case folded, spaces and quotes off, domain in ASCII. Dots and ``+tag`` stay: a rejection,
    a stop link and a proved mailbox must meet on the address the person really used, and at most
    providers ``a.b`` and ``ab`` are two people. Never raises: what an ATS holds may be rubbish,
    and rubbish simply matches nothing.
    """
    if len(address) > MOST_SIGNS:
        return address
    folded = unicodedata.normalize("NFKC", address.translate(_HALF_WIDTH)).casefold().strip(_EDGES)
    local, at, domain = folded.rpartition("@")
    return f"{_unquoted(local)}{at}{in_ascii(domain)}"


def normalise_for_uniqueness(address: str) -> str:
    """The spelling under which a person counts once per company; stricter than matching.

    ``+tag`` goes at every provider, dots go at Gmail, whose two domains are one: otherwise one
    mailbox could register ten times and earn a slot. The price, two people at a provider where
    ``a+b`` is a mailbox of its own counting once, costs a company one count and nobody a mail:
    never use this form for suppression, matching or sending.
    """
    local, at, domain = normalise_for_matching(address).rpartition("@")
    local = local.split("+", 1)[0] or local
    if domain in DOTS_IGNORED_DOMAINS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}{at}{domain}"


def in_ascii(domain: str) -> str:
    """The domain as DNS knows it; as it stands where there is no such form."""
    if domain.isascii():
        return domain
    try:
        return validate_email(f"a@{domain}", check_deliverability=False).ascii_domain
    except EmailNotValidError:
        return domain


def _split(cleaned: str) -> tuple[str, str]:
    if not cleaned:
        raise _error("empty")
    if any(character.isspace() for character in cleaned):
        raise _error("space")
    local, at, domain = cleaned.rpartition("@")
    if not at:
        raise _error("no_at")
    if not local:
        raise _error("no_local_part")
    if "@" in local:
        raise _error("several_at")
    return (_unquoted(local) if is_carrier(cleaned) else local), domain.lower()


def _read_legacy(local: str, *, domain: str) -> str:
    """Dots are forgiven, everything else is judged as usual on the address without them."""
    plain = ".".join(part for part in local.split(".") if part)
    if not plain:
        raise _error("no_local_part")
    try:
        validate_email(f"{plain}@{domain}", check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise _error(_problem(plain, domain=domain)) from None
    if len(local) > MAX_LOCAL:
        raise _error("local_part")
    return f"{local}@{domain}"


def _problem(local: str, *, domain: str) -> str:
    try:
        validate_email(f"a@{domain}", check_deliverability=False)
    except EmailNotValidError:
        return "domain"
    return "local_part" if local.isascii() else "non_ascii_local_part"


def _error(problem: str) -> AddressError:
    return AddressError(_PROBLEMS[problem], problem=problem)


def _breaks_dot_rule(local: str) -> bool:
    return local.startswith(".") or local.endswith(".") or ".." in local


def _unquoted(local: str) -> str:
    quoted = _QUOTED.fullmatch(local)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else local
