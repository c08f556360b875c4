"""Whether a person sees the link: judged by an HTML5 parser, as browsers read."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0?(?:\.0+)?\s*(?:;|!|$)"
    r"|(?:max-height|height|max-width|width)\s*:\s*0(?:px|pt|em|%)?\s*(?:;|!|$)"
    r"|clip\s*:\s*rect\(\s*0|text-indent\s*:\s*-\d{3,}|left\s*:\s*-\d{3,}"
)
_NEVER_SHOWN = frozenset(
    (
        "audio", "button", "canvas", "datalist", "head", "iframe", "math", "noembed", "noframes",
        "noscript", "object", "option", "script", "select", "style", "svg", "template", "textarea",
        "title", "video",
    )
)  # fmt: skip


def shown_once(html: str, *, url: str) -> bool:
    """One anchor with that address stands in the body, and a person sees it."""
    found = [a for a in _anchors(html) if a.attributes.get("href") == url]
    return len(found) == 1 and _is_shown(found[0])


def shown(html: str, *, forms: tuple[str, ...]) -> bool:
    """Somewhere a person sees the link: its address in an anchor, or as text.

    ``forms``: the address as it may stand there, percent-encoded or not.
    """
    anchors = (
        a for a in _anchors(html) if any(f in (a.attributes.get("href") or "") for f in forms)
    )
    if any(_is_shown(a) for a in anchors):
        return True
    body = LexborHTMLParser(html).body
    return body is not None and forms[0] in body.text(deep=True)


def _anchors(html: str) -> list[LexborNode]:
    body = LexborHTMLParser(html).body
    return body.css("a[href]") if body is not None else []


def _is_shown(node: LexborNode) -> bool:
    above: LexborNode | None = node
    while above is not None:
        if above.tag in _NEVER_SHOWN or "hidden" in above.attributes:
            return False
        if _HIDING.search((above.attributes.get("style") or "").lower()):
            return False
        above = above.parent
    return True
