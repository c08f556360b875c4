"""Signing a link and opening its token again, against two raw HMACs over the same bytes."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable

from bench.results import Result, compared, middle
from careerrelay.link_signing import LinkSigner
from careerrelay.models.tables import new_id

LINKS = 3_000
ROUNDS = 3
KEY = b"k" * 32


def compare() -> list[Result]:
    """Interleaved rounds in this process."""
    signer = LinkSigner(lambda: (KEY.hex(),), base_url="https://relay.example.jp")
    ids = [new_id() for _ in range(LINKS)]

    def ours(id_: str) -> None:
        signer.open(signer.token_for(id_))

    def raw(id_: str) -> None:
        made = hmac.new(KEY, id_.encode(), hashlib.sha256).digest()
        hmac.compare_digest(made, hmac.new(KEY, id_.encode(), hashlib.sha256).digest())

    rates = [(_rate(ours, ids), _rate(raw, ids)) for _ in range(ROUNDS)]
    return [
        compared(
            "links: sign and open against two raw HMACs, 1/s",
            ours=middle([rate for rate, _ in rates]),
            peer=middle([rate for _, rate in rates]),
            target=">= 0.1",
        )
    ]


def _rate(function: Callable[[str], None], ids: list[str]) -> float:
    began = time.perf_counter()
    for id_ in ids:
        function(id_)
    return len(ids) / (time.perf_counter() - began)
