"""A next hop and a relay in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.mail.relay.hop import Hop, running_hop
from tests.mail.relay.relays import Relay, account, running_relay


@pytest.fixture
def hop() -> Iterator[Hop]:
    """It takes everything until told otherwise."""
    with running_hop() as made:
        yield made


@pytest.fixture
def relay(hop: Hop) -> Iterator[Relay]:
    """For one account, known by its address and by its sign-in."""
    with running_relay(account(hop.port)) as made:
        yield made
