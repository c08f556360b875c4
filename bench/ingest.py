"""Signed webhooks stored before they are answered, against a server that only verifies them."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench.processes import measured, server
from bench.results import Result, compared, middle
from bench.sites import found, settings
from bench.slow_flush import library

ROUNDS = 3
SECONDS = 3
CONNECTIONS = (1, 32)
UNITS = {"rate": "/s", "p50": "p50 ms", "p99": "p99 ms"}
PEERS = {"verify": "verify only", "turns": "verify only by turns"}
SLOW = "SQLite, 5 ms flush"
TOLD = {"p50": "", "p99": ""}
"""The peer flushes nothing, so that no ratio to it on a slow disk is good or bad by itself."""

Figures = dict[tuple[str, int], list[dict[str, Any]]]


def measure(databases: dict[str, str]) -> list[Result]:
    """``databases``: name to URL, "" for SQLite. Medians of interleaved rounds."""
    with tempfile.TemporaryDirectory() as folder:
        sites = {name: _site(Path(folder) / name, url) for name, url in databases.items()}
        figures: Figures = defaultdict(list)
        for _ in range(ROUNDS):
            for peer in ("verify", "turns"):
                _round(figures, peer, [peer, folder])
            for name, arguments in sites.items():
                _round(figures, name, ["ours", *arguments])
        return [
            line for name in sites for many in CONNECTIONS for line in _lines(figures, name, many)
        ]


def measure_slow_disk() -> list[Result]:
    """SQLite with every flush 5 ms longer, against verifying only and against one commit each."""
    figures: Figures = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        shim = str(library(Path(folder)))
        arguments = _site(Path(folder) / "slow", "")
        for _ in range(ROUNDS):
            _round(figures, "verify", ["verify", folder], LD_PRELOAD=shim)
            _round(figures, SLOW, ["ours", *arguments], LD_PRELOAD=shim)
            with server("single", *arguments, LD_PRELOAD=shim) as url:
                figures["single", 32].append(_load(url, 32))
    together = compared(
        "ingest SQLite, 5 ms flush, 32 connections, /s, against one commit each",
        ours=_median(figures[SLOW, 32], "rate"),
        peer=_median(figures["single", 32], "rate"),
        target=">= 8",
    )
    return [
        together,
        *(line for many in CONNECTIONS for line in _judged(figures, SLOW, many, TOLD)),
    ]


def _site(folder: Path, url: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    found(settings(folder, url=url))
    return [str(folder), url]


def _round(figures: Figures, name: str, arguments: list[str], **env: str) -> None:
    with server(*arguments, **env) as url:
        for many in CONNECTIONS:
            figures[name, many].append(_load(url, many))


def _load(url: str, connections: int) -> dict[str, Any]:
    figures = measured("bench.load", url, connections, SECONDS)
    refused = {status: n for status, n in figures["statuses"].items() if status != "200"}
    if refused or not figures["statuses"]:
        raise RuntimeError(f"the server answered {figures['statuses']}")
    return figures


def _median(rounds: list[dict[str, Any]], key: str) -> float:
    return middle([figures[key] for figures in rounds])


def _lines(figures: Figures, name: str, many: int) -> list[Result]:
    # At one connection each waits for a flush that it shares with nobody: the disk's figure.
    targets = {"rate": ">= 0.6", "p50": "<= 2", "p99": "<= 2"} if many > 1 else TOLD | {"rate": ""}
    by_turns = _judged(figures, name, many, {"rate": ""}, peer="turns")
    return [*_judged(figures, name, many, targets), *by_turns]


def _judged(
    figures: Figures, name: str, many: int, targets: dict[str, str], *, peer: str = "verify"
) -> list[Result]:
    ours, against = figures[name, many], figures[peer, many]
    what = f"ingest {name}, {many} connection{'s' if many > 1 else ''}"
    return [
        compared(
            f"{what}, {UNITS[key]}, against {PEERS[peer]}",
            ours=_median(ours, key),
            peer=_median(against, key),
            target=target,
        )
        for key, target in targets.items()
    ]
