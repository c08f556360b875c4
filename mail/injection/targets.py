"""The leaves a person will read: where the paragraph has to be."""

from __future__ import annotations

from typing import Final

from .structure import Part
from .values import Refusal

READ: Final = ("text/plain", "text/html")


def find_targets(root: Part, notes: list[str]) -> list[Part]:
    """At most one plain and one HTML leaf, in the message's order. What else an administrator may
    want to know is added to ``notes``.

    Raises Refusal where nobody would see a text, or where it is not closed safely.
    """
    leaves = _of(root, notes)
    if not leaves:
        raise Refusal("no_text_part")
    if not all(leaf.closed for leaf in leaves):
        raise Refusal("structure_ambiguous")
    return leaves


def _of(part: Part, notes: list[str]) -> list[Part]:
    if part.type in READ:
        return [] if part.is_attachment else [part]
    if not part.is_multipart:
        return []
    if part.type == "multipart/alternative":
        return _of_alternatives(part, notes)
    if part.type == "multipart/related":
        return _of(_root(part), notes)
    return _of_mixed(part, notes)


def _of_mixed(part: Part, notes: list[str]) -> list[Part]:
    """The first child that is read; later ones are shown as well, and left alone."""
    for number, child in enumerate(part.children):
        found = _of(child, notes)
        if found:
            if any(_of(later, []) for later in part.children[number + 1 :]):
                notes.append("multi_text")
            return found
    return []


def _of_alternatives(part: Part, notes: list[str]) -> list[Part]:
    """One plain and one HTML text; a reader shows one of them, nobody knows which."""
    found: dict[str, Part] = {}
    for child in part.children:
        if child.type.startswith("message/"):
            # Some readers would show it instead of the texts.
            raise Refusal("structure_ambiguous")
        leaves = _of(child, notes)
        if not leaves and child.type.startswith("text/"):
            notes.append("partial_alternative")
        for leaf in leaves:
            if leaf.type in found:
                # Two of a kind: the later one is shown by some readers only.
                raise Refusal("structure_ambiguous")
            found[leaf.type] = leaf
    return sorted(found.values(), key=lambda leaf: leaf.start)


def _root(part: Part) -> Part:
    """The part of a multipart/related that the others serve."""
    wanted = part.content_type.params.get("start", "").strip("<> ")
    if wanted:
        for child in part.children:
            found = (child.get(b"content-id") or b"").decode("latin-1").strip().strip("<> ")
            if found == wanted:
                return child
    return part.children[0]
