"""What ``doctor`` tries: cheap calls that change nothing, each with what to do when refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..models.errors import ApiAuthenticationError, ApiError, ApiNotFoundError
from .base import Check


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
        except ApiError as error:
            return Check(self.name, False, error.message, self.remedy)
        if isinstance(found, Check):
            return found
        return Check(self.name, True, found if isinstance(found, str) else "permitted")


def run_probes(probes: Iterable[Probe], *, credentials: str, remedy: str) -> list[Check]:
    """Each in turn. A refused credential ends it: the check of that name alone is told."""
    checks: list[Check] = []
    try:
        for probe in probes:
            checks.append(probe.run())
    except ApiAuthenticationError as error:
        return [Check(credentials, False, error.message, remedy)]
    return [Check(credentials, True, "accepted"), *checks]
