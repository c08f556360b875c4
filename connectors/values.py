"""Settings as values: numbers, lists and maps that a company types as text.

Read once, when the connector is made, so that a mistake is refused where it is typed in. Every
ConfigurationError names the setting.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..models.candidates import Channel
from ..models.errors import ConfigurationError


def whole_number(settings: Mapping[str, str], *, name: str, low: int = 0, high: int) -> int:
    """A number within its bounds."""
    value = settings[name].strip()
    if not (value.isascii() and value.isdigit() and low <= int(value[:9]) <= high):
        raise ConfigurationError(f"{name} must be a whole number from {low} to {high}")
    return int(value)


def listed(settings: Mapping[str, str], *, name: str) -> frozenset[str]:
    """Words separated by commas or line breaks; upper and lower case are the same."""
    parts = settings[name].replace("\n", ",").split(",")
    return frozenset(part.strip().casefold() for part in parts if part.strip())


def named_ends(
    settings: Mapping[str, str], rejected: str, withdrawn: str
) -> tuple[frozenset[str], frozenset[str]]:
    """What ends a case, as the company names it in two settings: by itself, by the candidate.

    The first must name something. Nothing may stand in both, for then nobody has said whose end
    it is, and a withdrawal never gets a link.
    """
    ours, theirs = listed(settings, name=rejected), listed(settings, name=withdrawn)
    if not ours:
        raise ConfigurationError(f"{rejected} names nothing, so nobody would count as rejected")
    if ours & theirs:
        raise ConfigurationError(
            f"{rejected} and {withdrawn} name the same; give each its own, in the ATS first"
        )
    return ours, theirs


def channels(settings: Mapping[str, str], *, name: str) -> dict[str, Channel]:
    """What a company's own names of sources mean: "ABC Agency=agent, Sourcing=scout"."""
    found: dict[str, Channel] = {}
    for part in settings[name].replace("\n", ",").split(","):
        source, _, word = part.rpartition("=")
        if not part.strip():
            continue
        if not source.strip() or word.strip().lower() not in set(Channel):
            raise ConfigurationError(
                f"{name} must look like 'ABC Agency=agent, Sourcing=scout', with one of "
                f"{', '.join(Channel)} behind each '='"
            )
        found[source.strip().casefold()] = Channel(word.strip().lower())
    return found
