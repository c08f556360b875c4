"""Whether a person sees the link: judged by an HTML5 parser, as browsers read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from .fragment import BLOCK_STYLE

_HIDING: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0?(?:\.0+)?\s*(?:;|!|$)"
    r"|(?<![\w-])(?:max-height|height|max-width|width)\s*:\s*0(?:px|pt|em|%)?\s*(?:;|!|$)"
    r"|clip\s*:\s*rect\(\s*0|text-indent\s*:\s*-\d{3,}|(?<![\w-])left\s*:\s*-\d{3,}"
    r"|(?<![\w-])(?:top|margin-left|margin-top)\s*:\s*-\d{4,}|transform\s*:\s*scale\(\s*0\s*[,)]"
    r"|clip-path\s*:\s*(?:inset\(\s*(?:50|100)%|circle\(\s*0)"
)
_SHORT: Final = 500
_NEVER_SHOWN: Final = frozenset(
    (
        "audio", "button", "canvas", "datalist", "details", "dialog", "head", "iframe", "math",
        "meter", "noembed", "noframes", "noscript", "object", "option", "progress", "script",
        "select", "style", "svg", "template", "textarea", "title", "video",
    )
)  # fmt: skip
_UNLESS_OPEN: Final = ("details", "dialog")


_TABLE: Final = re.compile(
    r"</div>(?:\s|<!--.*?-->|</(?![ct])[^>]*>)*+<table", re.DOTALL | re.IGNORECASE
)


def shown_once(html: bytes, *, url: str) -> bool:
    """One anchor with that address stands in our block, where that was put, for a person to see."""
    body = LexborHTMLParser(html).body
    # An address of ours holds nothing that would have to be escaped there.
    found = body.css(f'a[href="{url}"]') if body is not None else []
    if len(found) != 1 or not _is_shown(found[0]):
        return False
    block = found[0].parent
    if block is None or (block.tag, block.attributes.get("style")) != ("div", BLOCK_STYLE):
        return False
    return not _is_moved(block, html[html.rfind(url.encode()) :])


def _is_moved(block: LexborNode, behind: bytes) -> bool:
    """What stands between the cells of a table goes in front of it, however far above.

    https://html.spec.whatwg.org/multipage/parsing.html#foster-parent
    """
    following = block.next
    while following is not None and following.tag in ("-text", "-comment"):
        following = following.next if _is_empty(following) else None
    if following is None or following.tag != "table":
        return False
    text = behind.decode("utf-8", "replace")
    return not _TABLE.match(text, text.index("</div>"))


def _is_empty(node: LexborNode) -> bool:
    return node.tag == "-comment" or not node.text(deep=False).strip()


def shown(html: bytes, *, forms: tuple[str, ...]) -> bool:
    """Somewhere a person sees the link: its address in an anchor, or as text.

    ``forms``: the address as it may stand there, percent-encoded or not.
    """
    anchors = (
        a for a in _anchors(html) if any(f in (a.attributes.get("href") or "") for f in forms)
    )
    if any(_is_shown(a) for a in anchors):
        return True
    return any(_is_shown(text) for text in _texts(html) if forms[0] in text.text(deep=False))


def _anchors(html: bytes) -> list[LexborNode]:
    body = LexborHTMLParser(html).body
    return body.css("a[href]") if body is not None else []


def _texts(html: bytes) -> Iterator[LexborNode]:
    body = LexborHTMLParser(html).body
    nodes = body.traverse(include_text=True) if body is not None else ()
    return (node for node in nodes if node.tag == "-text")


def _is_shown(node: LexborNode) -> bool:
    above: LexborNode | None = node
    while above is not None:
        attributes = above.attributes
        is_closed = above.tag in _NEVER_SHOWN and not (
            above.tag in _UNLESS_OPEN and "open" in attributes
        )
        if is_closed or "hidden" in attributes:
            return False
        style = attributes.get("style")
        if style and (_hides(style) if len(style) <= _SHORT else _HIDING.search(style.lower())):
            return False
        above = above.parent
    return True


@lru_cache(maxsize=512)
def _hides(style: str) -> bool:
    """Our own styles are always asked about, and a company's mails have the same few."""
    return _HIDING.search(style.lower()) is not None
