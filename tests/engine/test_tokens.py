"""OAuth tokens: shared by all that use a credential, and by no other company."""

from __future__ import annotations

from datetime import timedelta

from careerrelay.connectors.oauth import AccessToken
from careerrelay.models.tables import Connection
from tests.support.world import World


def test_a_token_is_shared_within_a_company_and_with_no_other(world: World) -> None:
    """Another company's client id is no secret; typed in, it must not bring that one's token."""
    world.add_company("other")
    for id_, company in (("one", "acme"), ("two", "acme"), ("three", "other")):
        world.connect(id_, company=company)
    with world.runtime.database.read() as session:
        found = {id_: session.get_one(Connection, id_) for id_ in ("one", "two", "three")}
    one, two, three = (world.runtime.connector(found[id_]).tokens for id_ in found)
    ours, theirs = (
        AccessToken(value, world.clock() + timedelta(hours=1)) for value in ("ours", "theirs")
    )
    assert one.replace("ats:client", lambda: ours, seen=None) == ours
    assert two.get("ats:client") == ours
    assert three.get("ats:client") is None
    assert three.replace("ats:client", lambda: theirs, seen=None) == theirs
    assert two.replace("ats:client", lambda: theirs, seen=None) == ours
