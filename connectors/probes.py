"""What ``doctor`` tries: cheap calls that change nothing, each with what to do when refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..models.errors import (
    ApiAuthenticationError,
    ApiError,
    ApiNotFoundError,
    ApiUnavailableError,
)
from .base import Check, Connector

LATER = "Try again later; if it stays so, check the address (the setting ending in _url)."


@dataclass(frozen=True, slots=True)
class Probe:
    """One call. What it returns, if it is a text, is told; ``remedy`` is where to click.

    ``absent_is_fine``: it asks for a record that nobody has, and "not found" is permission enough.
    """

    name: str
    call: Callable[[], object]
    remedy: str
    absent_is_fine: bool = False

    def run(self) -> Check:
        """Try it. A check that the call itself makes is passed on."""
        try:
            found = self.call()
        except ApiAuthenticationError:
            raise
        except ApiNotFoundError as error:
            if not self.absent_is_fine:
                return Check(self.name, False, error.message, self.remedy)
            found = None
        except ApiUnavailableError as error:
            return Check(self.name, False, error.message, LATER)
        except ApiError as error:
            return Check(self.name, False, error.message, self.remedy)
        if isinstance(found, Check):
            return found
        return Check(self.name, True, found if isinstance(found, str) else "permitted")


def webhook_probe(by: Connector, *, without: str) -> Probe:
    """What can be told of web hooks that no call lists; ``without``: what is then missed."""
    told = "webhook_secret is set; the list of web hooks cannot be read by API"
    missed = f"webhook_secret is empty: {without}"
    return Probe("web hook", lambda: told if by.settings["webhook_secret"] else missed, "")


def hooks_probe(
    by: Connector,
    heard: Callable[[], Iterable[str]],
    *,
    remedy: str,
    setting: str = "webhook_secret",
) -> Probe:
    """Does a web hook listen to each of the spec's events? ``heard`` asks the ATS for the events
    of all that are active; it is not asked where polling alone is wanted."""

    def look() -> Check | str:
        if not by.settings[setting].strip():
            return f"{setting} is empty: changes are found by polling alone"
        found = set(heard())
        missing = [event for event in by.spec.events if event not in found]
        if not missing:
            return f"active for all of {len(by.spec.events)} events"
        return Check("web hooks", False, f"none active for {', '.join(missing)}", remedy)

    return Probe("web hooks", look, remedy)


def id_probe(by: Connector, setting: str, look: Callable[[str], object], *, what: str) -> Probe:
    """Is there ``what`` the setting names by its id? ``look`` asks for it; "": none is wanted."""

    def found() -> str:
        id_ = by.settings[setting]
        if not id_:
            return "none is wanted"
        look(id_)
        return "found"

    return Probe(setting, found, f"Type the id of {what} in {setting}.")


def run_probes(probes: Iterable[Probe], *, credentials: str, remedy: str) -> list[Check]:
    """Each in turn. A refused credential ends it: the check of that name alone is told.

    It is accepted where anything was permitted; where nothing was, all we know is that much.
    """
    checks: list[Check] = []
    try:
        for probe in probes:
            checks.append(probe.run())
    except ApiAuthenticationError as error:
        return [Check(credentials, False, error.message, remedy)]
    known = (
        "accepted" if any(check.ok for check in checks) else "not refused, but no call succeeded"
    )
    return [Check(credentials, True, known), *checks]
