"""What can be set on a mail relay, checked in one place for CLI and console."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from ..mail.addresses import read_address
from ..mail.injection.values import MARKER
from ..mail.smtp import Security
from ..models.errors import AddressError
from ..models.relays import WithoutLink

SPOOL_MODE = "spool"
MODES = ("proxy", SPOOL_MODE)
BARE_LINE_ENDS = ("reject", "normalise")
NEXT_HOP: Mapping[str, str] = {
    "host": "next_hop_host",
    "port": "next_hop_port",
    "security": "next_hop_security",
    "username": "next_hop_username",
}
SIGNING: Mapping[str, str] = {"domain": "dkim_domain", "selector": "dkim_selector"}
"""Names inside the relay's groups, and what they are called outside."""

_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+")
_HEADER_RULE = re.compile(r"[!-9;-~]{1,70}:[ -9;-~]{0,200}")


def _one_line(value: str) -> None:
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValidationError("must be one line")


def _network(value: str) -> None:
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        raise ValidationError("must be an address or network such as 203.0.113.0/24") from None
    if network.prefixlen < (8 if network.version == 4 else 16):
        raise ValidationError("is too wide: that would be an open relay")


def _sender(value: str) -> None:
    if _DOMAIN.fullmatch(value):
        return
    try:
        read_address(value)
    except AddressError:
        raise ValidationError("must be a domain or an e-mail address, in lower case") from None


def _address_or_nothing(value: str) -> None:
    try:
        if value:
            read_address(value)
    except AddressError:
        raise ValidationError("must be an e-mail address, or empty") from None


def _header_rule(value: str) -> None:
    if not _HEADER_RULE.fullmatch(value):
        raise ValidationError("must be written 'Header-Name: text it holds'")


def _text(help_: str, default: str, *checks: Any) -> fields.String:
    return fields.String(
        validate=[_one_line, *checks], metadata={"help": help_, "default": default}
    )


def _number(help_: str, default: int | None, low: int, high: int) -> fields.Integer:
    return fields.Integer(
        validate=validate.Range(low, high), metadata={"help": help_, "default": default}
    )


def _choice(help_: str, default: str, choices: Any) -> fields.String:
    return fields.String(
        validate=validate.OneOf([str(c) for c in choices]),
        metadata={"help": help_, "default": default},
    )


def _switch(help_: str, *, default: bool) -> fields.Boolean:
    return fields.Boolean(metadata={"help": help_, "default": default})


def _list(help_: str, check: Any) -> fields.List:
    inner = fields.String(validate=[_one_line, check])
    return fields.List(inner, metadata={"help": help_, "default": []})


class RelayValues(Schema):
    """What can be set on a relay; every field optional, unknown ones refused."""

    networks = _list("Networks that may send without signing in, as CIDR.", _network)
    senders = _list("Domains and addresses that may stand in the envelope and From.", _sender)
    next_hop_host = _text(
        "SMTP host the mails go on to.",
        "",
        validate.Regexp(r"[^\s/@]+\Z", error="must be a host name"),
    )
    next_hop_port = _number("Its port.", None, 1, 65535)
    next_hop_security = _choice("starttls, tls, or none (loopback only).", "starttls", Security)
    next_hop_username = _text("SMTP user there; empty: no sign-in.", "")
    dkim_domain = _text(
        "Domain we sign for (d=), where nobody after us signs.",
        "",
        validate.Regexp(rf"({_DOMAIN.pattern})?\Z", error="must be a domain"),
    )
    dkim_selector = _text(
        "Selector of the key in DNS (s=).",
        "",
        validate.Regexp(r"[A-Za-z0-9._-]{0,63}\Z", error="must be a DNS label"),
    )
    marker = _text(
        "Text in the template that becomes the link.",
        MARKER,
        validate.Regexp(r"[!-~]{6,60}\Z", error="must be 6 to 60 printable ASCII signs, no blanks"),
    )
    subjects = _list(
        "A subject that holds one of these texts tells a rejection, without a marker.",
        validate.Length(2, 100),
    )
    headers = _list(
        "The same by header, for instance a template's id: 'X-Template: rejection'.", _header_rule
    )
    recent_hours = _number(
        "Hours after a rejection in which any mail to that person gets the paragraph; 0: off.",
        0, 0, 168,
    )  # fmt: skip
    wait_minutes = _number(
        "Minutes a mail is asked to come again (451) while the rejection is not known yet.",
        15, 0, 1440,
    )  # fmt: skip
    without_link = _choice(
        "What becomes of a marker when it never is: static, erase or refuse.",
        WithoutLink.STATIC.value,
        WithoutLink,
    )
    mode = _choice(
        "proxy: a mail is taken once the next hop has it; spool: once it is on disk here.",
        MODES[0],
        MODES,
    )
    notices_to = _text(
        "For spool: the company's address that hears of undelivered mails; empty: their sender.",
        "",
        _address_or_nothing,
    )
    bare_line_ends = _choice("Mails with bare CR or LF: reject or normalise.", "reject",
                             BARE_LINE_ENDS)  # fmt: skip
    demand = _switch("Refuse a rejection mail that cannot carry the link.", default=False)
    next_hop_signs = _switch("The next hop, or one after it, signs with DKIM.", default=True)
    milter = _switch(
        "Its mails come by the milter of your own mail server: no sign-in and no next hop here.",
        default=False,
    )
    network_key = _switch(
        "For networks that others share, as a mail provider's: whoever does not sign in must send "
        "the password as the header X-CareerRelay-Key.",
        default=False,
    )
    per_hour = _number("Most mails in an hour.", 2000, 1, 100_000)
    people_per_hour = _number("Most recipients in an hour, each counted once.", 1000, 1, 100_000)


@cache
def _defaults() -> Mapping[str, Any]:
    """Of every rule; networks, senders, next hop and signature are none."""
    apart = {"networks", "senders", *NEXT_HOP.values(), *SIGNING.values()}
    declared = RelayValues().fields.items()
    return {name: field.metadata["default"] for name, field in declared if name not in apart}


def completed(rules: Mapping[str, Any]) -> dict[str, Any]:
    """Every rule, those that were never set with their defaults."""
    return {**_defaults(), **rules}
