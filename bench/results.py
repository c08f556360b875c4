"""One line of the table: ours, what it is compared with, and what was hoped for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Result:
    """``ratio`` is ours / peer. ``target`` reads ``>= 0.6`` or ``<= 2``; ``ok`` whether it is met.
    Where nothing was hoped for, ``target`` is "" and the figures are only told.

    ``ours`` and ``peer`` are in the unit that the name ends with.
    """

    name: str
    ours: float
    peer: float
    ratio: float
    target: str
    ok: bool


def compared(name: str, *, ours: float, peer: float, target: str) -> Result:
    """Judge a measurement. ``target`` is about the ratio."""
    ratio = ours / peer if peer else float("inf")
    return Result(
        name, _rounded(ours), _rounded(peer), _rounded(ratio), target, _is_met(ratio, target)
    )


def _is_met(ratio: float, target: str) -> bool:
    if not target:
        return True
    sign, _, bound = target.partition(" ")
    return ratio >= float(bound) if sign == ">=" else ratio <= float(bound)


def _rounded(value: float) -> float:
    """Three digits are more than such a measurement has."""
    return float(f"{value:.3g}")


def middle(values: Sequence[float]) -> float:
    """The median of the rounds."""
    return float(median(values))


def table(results: Sequence[Result]) -> str:
    """For people."""
    head = ("", "ours", "peer", "ratio", "target", "")
    lines = [
        (r.name, f"{r.ours:,.4g}", f"{r.peer:,.4g}", f"{r.ratio:.2f}", r.target, _word(r))
        for r in results
    ]
    widths = [max(len(line[n]) for line in (head, *lines)) for n in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (head, *lines)
    )


def _word(result: Result) -> str:
    if not result.target:
        return ""
    return "ok" if result.ok else "MISSED"


def write(results: Sequence[Result], path: Path) -> None:
    """For programs: a list of objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(r) for r in results], indent=2, ensure_ascii=False) + "\n")


def read(path: Path) -> list[Result]:
    """What ``write`` wrote."""
    return [Result(**line) for line in json.loads(path.read_text())]
