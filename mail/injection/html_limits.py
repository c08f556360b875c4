"""HTML that costs a parser more than it is worth: found out before it is parsed.

Browsers and parsers follow one standard, by which a few kilobytes of tags that are never closed
become gigabytes of nodes, and tags in each other take quadratic time. All that is counted here
is counted too high rather than too low.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from .values import Refusal

MOST_NODES: Final = 200_000
"""Nodes that tags left open may add."""
MOST_STEPS: Final = 100_000_000
"""Steps through tags that stand in each other; about a tenth of a second."""
_BEGINNING: Final = 1 << 16
"""Bytes that are looked at first; whoever means harm does it there already."""
_FEWEST_TAGS: Final = 10_000
"""With fewer, no nesting is too deep."""
_SAME: Final = 3
"""https://html.spec.whatwg.org/multipage/parsing.html#push-onto-the-list-of-active-formatting-elements"""

FORMATTING: Final = rb"b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"
_OPENED: Final = re.compile(
    rb"<(?=(?-i:[CEFNcefn]|[IiUu][\s/>]|[Bb][Ii\s/>]|[Ss][MmTt\s/>]|[Tt][Tt]))(?:%b)(?=[\s/>])[^>]*"
    % FORMATTING,
    re.IGNORECASE,
)
"""First letters are asked without regard to case: thrice as fast, since most tags are others."""
_SCOPES: Final = rb"table|td|th|caption|object|marquee|applet|template|button|select|svg|math"
_FORMATTING_OR_SCOPE: Final = re.compile(
    rb"<(?:(/?)(%b)|/?(?:%b))(?=[\s/>])" % (FORMATTING, _SCOPES), re.IGNORECASE
)
_TAG: Final = re.compile(
    rb"<(?=[/a-z])(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)[\s/>])"
    rb"/?[a-z][^\s/>]*"
)
"""Of elements that may hold others."""
_TABLE_PARTS: Final = frozenset(b"</tbody </thead </tfoot </tr </td </th </caption".split())
_SCOPE: Final = frozenset(b"</" + name for name in _SCOPES.split(b"|"))
_SPECIAL: Final = frozenset(
    b"""</address </applet </article </aside </blockquote </body </button </caption </center
    </colgroup </dd </details </dir </div </dl </dt </fieldset </figcaption </figure </footer </form
    </frameset </h1 </h2 </h3 </h4 </h5 </h6 </head </header </hgroup </html </iframe </li </listing
    </main </marquee </menu </nav </noembed </noframes </noscript </object </ol </p </plaintext
    </pre </script </search </section </select </style </summary </table </tbody </td </template
    </textarea </tfoot </th </thead </title </tr </ul </xmp""".split()
)
"""https://html.spec.whatwg.org/multipage/parsing.html#special, without those that hold nothing"""
_CLOSES_ALL: Final = _SPECIAL - {b"</form", b"</li"}
_CLOSES_TABLE: Final = b"</table"
_TABLE: Final = frozenset((_CLOSES_TABLE,))
_SLASH: Final = ord("/")
_SOME: Final = 1 << 16
_LOOK_BACK: Final = 50


def refuse_explosive(html: bytes, *, formatting: int | None = None) -> None:
    """Raise Refusal for HTML, in UTF-8, that is not to be parsed.

    ``formatting``: so many formatting elements begin in it, if somebody has counted them.
    """
    tags = html.count(b"<")
    many = MOST_NODES // (tags or 1) + 1
    is_tried = tags * tags > 4 * MOST_NODES and (formatting is None or formatting >= many)
    if is_tried and _are_left_open(html, many):
        raise Refusal("too_complex")
    if tags > _FEWEST_TAGS:
        most = MOST_STEPS / tags
        # Tags that only close stand in nothing, and are the more costly to follow.
        if tags - html.count(b"</") > most and _is_deeper(html.lower(), most):
            raise Refusal("too_complex")


def _are_left_open(html: bytes, many: int) -> bool:
    """So many formatting tags are open at once; each new block opens all of them again."""
    ends = [html.rfind(b"<", 0, _BEGINNING)] if len(html) > _BEGINNING else []
    for end in [*ends, len(html)]:
        opened = _OPENED.findall(html, 0, end)
        if min(len(opened), _SAME * len(set(opened))) >= many:
            return _most_open(html, many) >= many
    return False


def _most_open(html: bytes, most: int) -> int:
    """Looked for up to ``most`` of them.

    A closing tag does not reach out of a table's cell or the like.
    """
    here = out_of_reach = highest = 0
    within: dict[bytes, int] = {}
    for found in _FORMATTING_OR_SCOPE.finditer(html):
        name = (found[2] or b"").lower()
        if not name:
            out_of_reach, here = out_of_reach + here, 0
            within.clear()
        elif not found[1]:
            within[name] = within.get(name, 0) + 1
            here += 1
            highest = max(highest, out_of_reach + here)
            if highest >= most:
                return most
        elif within.get(name):
            within[name] -= 1
            here -= 1
    return highest


def _is_deeper(html: bytes, most: float) -> bool:
    """More elements than that stand in each other; those closed without a tag count on.

    The tag that closes the innermost one is asked for before any other, as most of them are it.
    """
    stack = [b""]
    tables: list[int] = []
    closing = b""
    for tag in chain.from_iterable(_tags(html)):
        if tag == closing != _CLOSES_TABLE:
            del stack[-1]
        elif tag[1] == _SLASH:
            if tag in stack[-_LOOK_BACK:] or tag == _CLOSES_TABLE:
                del stack[_closed_from(stack, tables, tag) :]
        else:
            if tag == b"<table":
                tables.append(len(stack))
            stack += (b"</" + tag[1:],)
            if len(stack) > most + 1:
                return True
        closing = stack[-1]
    return False


def _tags(html: bytes) -> Iterator[list[bytes]]:
    """How each tag begins; some at a time, since all of them may be more than memory holds."""
    at = 0
    while at < len(html):
        end = len(html) if at + _SOME >= len(html) else html.find(b"<", at + _SOME)
        end = len(html) if end < 0 else end
        yield _TAG.findall(html, at, end)
        at = end


def _closed_from(stack: list[bytes], tables: list[int], tag: bytes) -> int:
    """The lowest element that a closing tag ends; behind the stack where it ends none."""
    if tag == _CLOSES_TABLE and tables:
        return tables.pop()
    within = stack[: -_LOOK_BACK - 1 : -1]
    if tag not in within:
        return len(stack)
    above = within.index(tag)
    is_out_of_reach = not _barriers(tag).isdisjoint(within[:above])
    return len(stack) - (0 if is_out_of_reach else above + 1)


def _barriers(tag: bytes) -> frozenset[bytes]:
    """What a closing tag does not reach out of, or leaves open though it does.

    https://html.spec.whatwg.org/multipage/parsing.html#parsing-main-inbody
    """
    if tag in _TABLE_PARTS:
        return _TABLE
    return _SCOPE if tag in _CLOSES_ALL else _SPECIAL
