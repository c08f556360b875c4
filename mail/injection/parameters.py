"""Structured header values: ``type/subtype; name=value``, comments and quoting undone.

What decides the structure (type, boundary, charset) is read strictly: a spelling that readers take
in different ways is a Refusal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from .values import Refusal

MAX_VALUE: Final = 8192
"""Bytes of one such value; real ones are below 500."""

# Each of them matches wherever it begins, so that time is linear: what never ends takes the rest.
_QUOTED_OR_COMMENT: Final = re.compile(
    r'("(?:[^"\\]|\\.)*+(?:"|\Z))|\((?:[^()\\]|\\.)*+(?:\)|\Z|)', re.DOTALL
)
_PIECE: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*+(?:"|\Z)|[^;"])+', re.DOTALL)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_TOKEN: Final = re.compile(r"[!#$%&+.^_`{|}~0-9A-Za-z-]+")
"""Of RFC 2045's token all but the apostrophe and the star, which RFC 2231 gave another meaning."""
_IN_QUOTES: Final = re.compile(r"[!#-\[\]-~](?:[ -!#-\[\]-~]*[!#-\[\]-~])?")
_TYPE: Final = re.compile(r"[!#$&^_.+a-z0-9-]+/[!#$&^_.+a-z0-9-]+")
_STRUCTURAL: Final = ("boundary", "charset")
_REGULAR: Final = re.compile(
    r'[^;"()\\]*+(?:;\s*+(?:[^\s=;"()\\]++\s*+=\s*+(?:"(?:[^"\\]|\\.)*+"|[^\s;"()\\]++)\s*+)?+)*+',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Value:
    """``text`` in lower case, ``params`` by lower-case name, unquoted. ``is_named``: one of them is
    the name of a file."""

    text: str
    params: Mapping[str, str]
    is_named: bool = False


def read_type(raw: bytes) -> Value:
    """The value of Content-Type. Raises Refusal."""
    if len(raw) > MAX_VALUE:
        raise Refusal("too_complex")
    return _read_type(raw)


@lru_cache(maxsize=256)
def _read_type(raw: bytes) -> Value:
    value = _read(raw)
    if not _TYPE.fullmatch(value.text):
        raise Refusal("malformed_header")
    return value


def read_value(raw: bytes) -> Value:
    """The value of Content-Type and its like. Raises Refusal."""
    if len(raw) > MAX_VALUE:
        raise Refusal("too_complex")
    return _read(raw)


@lru_cache(maxsize=256)
def _read(raw: bytes) -> Value:
    """Mails of one sender have the same few."""
    text = raw.decode("latin-1")
    first, _, rest = text.partition(";")
    if "(" in first:
        # For some readers a comment is a part of the type.
        raise Refusal("malformed_header")
    kind = first.strip().lower()
    if kind.startswith("multipart/") and not _REGULAR.fullmatch(text):
        raise Refusal("structure_ambiguous")
    params = _params(rest)
    is_named = any(name.partition("*")[0] in ("name", "filename") for name in params)
    return Value(kind, params, is_named)


def _params(text: str) -> Mapping[str, str]:
    params: dict[str, str] = {}
    plain = _QUOTED_OR_COMMENT.sub(lambda found: found[1] or " ", text)
    for piece in _PIECE.findall(plain):
        name, has_value, value = piece.partition("=")
        if has_value:
            _add(params, name.strip().lower(), value.strip())
    return params


def _add(params: dict[str, str], name: str, value: str) -> None:
    if name.partition("*")[0] in _STRUCTURAL and "*" in name:
        # RFC 2231: some readers join such pieces, some see no parameter at all.
        raise Refusal("structure_ambiguous")
    value = _boundary(value) if name == "boundary" else _lenient(value)
    if name in _STRUCTURAL and params.get(name, value) != value:
        raise Refusal("duplicate_field")
    params.setdefault(name, value)


def _boundary(value: str) -> str:
    if _TOKEN.fullmatch(value):
        return value
    quoted = _QUOTED.fullmatch(value)
    if not quoted or not _IN_QUOTES.fullmatch(quoted[1]):
        raise Refusal("structure_ambiguous")
    return quoted[1]


def _lenient(value: str) -> str:
    """As far as it can be read; a charset that nobody knows is found out from the bytes."""
    quoted = _QUOTED.match(value)
    if quoted:
        return _ESCAPED.sub(r"\1", quoted[1])
    return value.strip('"').split(None, 1)[0] if value.strip('" \t\r\n') else ""
