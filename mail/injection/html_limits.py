"""HTML that costs a parser more than it is worth: found out before it is parsed.

Browsers and parsers follow one standard, by which a few kilobytes of tags that are never closed
become gigabytes of nodes, and tags in each other take quadratic time. All that is counted here
is counted too high rather than too low.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from .values import Refusal

MOST_NODES = 200_000
"""Nodes that tags left open may add."""
MOST_STEPS = 100_000_000
"""Steps through tags that stand in each other; about a tenth of a second."""
_FEWEST_TAGS = 10_000
"""With fewer, no nesting is too deep."""
_SAME = 3
"""https://html.spec.whatwg.org/multipage/parsing.html#push-onto-the-list-of-active-formatting-elements"""

_FORMATTING = "b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
_OPENED = re.compile(
    rf"<(?=(?-i:[BCEFINUbcefinu]|[Ss][MmTt\s/>]|[Tt][Tt]))(?:{_FORMATTING})(?=[\s/>])[^>]*",
    re.IGNORECASE,
)
"""First letters are asked without regard to case: thrice as fast, since most tags are others."""
_SCOPES = "table|td|th|caption|object|marquee|applet|template|button|select|svg|math"
_FORMATTING_OR_SCOPE = re.compile(
    rf"<(?:(/?)({_FORMATTING})|/?(?:{_SCOPES}))(?=[\s/>])", re.IGNORECASE
)
_TAG = re.compile(r"<(/?)([a-z][^\s/>]*)", re.IGNORECASE)
_VOID = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"),
        *("source", "track", "wbr"),
    )
)
_TABLE_PARTS = frozenset(("tbody", "thead", "tfoot", "tr", "td", "th", "caption"))
_SCOPE = frozenset(_SCOPES.split("|"))
_LOOK_BACK = 50


def refuse_explosive(html: str) -> None:
    """Raise Refusal for HTML that is not to be parsed."""
    tags = html.count("<")
    if tags * tags > 4 * MOST_NODES and _left_open(html, tags) * tags > MOST_NODES:
        raise Refusal("too_complex")
    if tags > _FEWEST_TAGS and any(depth * tags > MOST_STEPS for depth in _depths(html)):
        raise Refusal("too_complex")


def _left_open(html: str, tags: int) -> int:
    """How many formatting tags are open at once; each new block opens all of them again."""
    opened = _OPENED.findall(html)
    most = min(len(opened), _SAME * len(set(opened)))
    return min(most, _most_open(html)) if most * tags > MOST_NODES else most


def _most_open(html: str) -> int:
    """A closing tag does not reach out of a table's cell or the like."""
    most = out_of_reach = 0
    within: Counter[str] = Counter()
    for found in _FORMATTING_OR_SCOPE.finditer(html):
        name = (found[2] or "").lower()
        if not name:
            out_of_reach += within.total()
            within.clear()
        elif not found[1]:
            within[name] += 1
            most = max(most, out_of_reach + within.total())
        elif within[name]:
            within[name] -= 1
    return most


def _depths(html: str) -> Iterator[int]:
    """How many elements stand in each other, tag by tag; those closed without a tag count on."""
    stack: list[str] = []
    tables: list[int] = []
    for found in _TAG.finditer(html):
        name = found[2].lower()
        if found[1]:
            is_table = name == "table" and tables
            del stack[tables.pop() if is_table else _closed_from(stack, name) :]
        elif name not in _VOID:
            tables += [len(stack)] if name == "table" else []
            stack.append(name)
            yield len(stack)


def _closed_from(stack: list[str], name: str) -> int:
    """The lowest element that a closing tag ends; behind the stack where it ends none."""
    barriers = ("table",) if name in _TABLE_PARTS else _SCOPE
    for at in range(len(stack) - 1, max(len(stack) - _LOOK_BACK, 0) - 1, -1):
        if stack[at] == name:
            return at
        if stack[at] in barriers:
            break
    return len(stack)
