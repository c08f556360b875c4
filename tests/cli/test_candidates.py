"""``careerrelay candidates erase``: an erasure request that reached the company by mail."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from careerrelay.cli import candidates, prompts
from careerrelay.engine.connections import remove_connection
from careerrelay.models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    AuditEntry,
    Registration,
    RelayLink,
    Suppression,
)
from tests.cli.conftest import CommandLine
from tests.engine.test_flow import register
from tests.support.world import World

ADDRESS = "Person1@Example.com"


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A file with the address as the applicant spelled it."""
    path = tmp_path / "address.txt"
    path.write_text(f"{ADDRESS}\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def rejected(cli: CommandLine, world: World) -> World:
    """Two people were rejected and have their links."""
    for number in (1, 2):
        world.apply(number)
        world.reject(number)
    world.work()
    return world


def states(world: World) -> dict[str, str]:
    with world.runtime.database.read() as session:
        return {case.external_id: case.state for case in session.scalars(select(ApplicationRecord))}


def test_one_person_goes_as_by_a_deletion_in_the_ats(
    cli: CommandLine, rejected: World, address: str
) -> None:
    done = cli.data("candidates", "erase", "acme", "--email-file", address, "--yes")
    assert done == {"cases": 1, "connections": ["toy"]}
    rejected.work()
    assert states(rejected) == {"a1": "erased", "a2": "rejected"}
    with rejected.runtime.database.read() as session:
        record = session.scalars(select(ApplicationRecord).filter_by(external_id="a1")).one()
        assert (record.person_sealed, record.ats_url, record.locale) == (None, None, None)
        assert len(session.scalars(select(ApplicationAddress)).all()) == 1
        assert [s.cause for s in session.scalars(select(Suppression))] == ["erasure"]
        links = session.scalars(select(RelayLink).filter_by(candidate_external_id="c1"))
        assert all(link.revoked_at for link in links)


def test_the_erased_person_is_not_taken_in_again(
    cli: CommandLine, rejected: World, address: str
) -> None:
    cli("candidates", "erase", "acme", "--email-file", address, "--yes")
    rejected.clock.forward(days=1)
    rejected.reject(1)
    rejected.work()
    assert states(rejected)["a1"] == "erased"
    again = cli("candidates", "erase", "acme", "--email-file", address, "--yes", code=1)
    assert "has no candidate of that address, or they are erased already" in again.stderr


def test_it_is_written_down_without_the_person(
    cli: CommandLine, rejected: World, address: str
) -> None:
    told = cli("candidates", "erase", "acme", "--email-file", address, "--yes")
    with rejected.runtime.database.read() as session:
        (line,) = session.scalars(select(AuditEntry).filter_by(action="candidate.erase"))
    assert (line.subject, line.detail) == ("acme", {"cases": 1, "connections": ["toy"]})
    assert ADDRESS.lower() not in (told.stdout + told.stderr).lower()


def test_on_a_terminal_address_and_yes_are_asked_for(
    cli: CommandLine, rejected: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (candidates, prompts):
        monkeypatch.setattr(module, "is_interactive", lambda: True)
    told = cli("candidates", "erase", "acme", text=f"{ADDRESS}\nn\n", lang="ja", code=1)
    assert "ご本人のメールアドレス" in told.stderr
    assert "候補者1名（応募1件）のデータを消去します" in told.stderr
    assert states(rejected)["a1"] == "rejected"
    cli("candidates", "erase", "acme", text=f"{ADDRESS}\nはい\n", lang="ja")
    assert states(rejected)["a1"] == "erased"


def test_nothing_is_erased_without_a_yes_or_an_address(
    cli: CommandLine, rejected: World, address: str, tmp_path: Path
) -> None:
    refused = cli("candidates", "erase", "acme", "--email-file", address, code=1)
    assert "nothing was done; add --yes" in refused.stderr
    assert "--email-file is missing" in cli("candidates", "erase", "acme", code=2).stderr
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for path, words in ((empty, "address is empty"), (tmp_path / "none", "cannot read")):
        told = cli("candidates", "erase", "acme", "--email-file", str(path), "--yes", code=2)
        assert words in told.stderr
    assert states(rejected)["a1"] == "rejected"


def test_people_of_removed_connections_are_found_and_other_companies_are_not_touched(
    cli: CommandLine, rejected: World, address: str
) -> None:
    cli("company", "add", "other", "--name", "株式会社別")
    told = cli("candidates", "erase", "other", "--email-file", address, "--yes", code=1)
    assert "company 'other' has no candidate" in told.stderr
    remove_connection(rejected.runtime, "toy", actor="test")
    done = cli("candidates", "erase", "acme", "--email-file", "-", "--yes", text=f"{ADDRESS}\n")
    assert "erased: 1 cases (toy)" in done.stdout
    assert states(rejected)["a1"] == "erased"


def test_a_registration_goes_as_by_its_owners_hand(
    cli: CommandLine, rejected: World, address: str
) -> None:
    register(rejected, 1, named=True)
    done = cli.data("registrations", "erase", "--email-file", address, "--yes")
    assert done == {"companies": ["acme"]}
    with rejected.runtime.database.read() as session:
        (row,) = session.scalars(select(Registration))
        assert (row.state, row.name_sealed, row.email_sealed) == ("withdrawn", None, None)
        assert [s.cause for s in session.scalars(select(Suppression))] == ["withdrawn"]
        (line,) = session.scalars(select(AuditEntry).filter_by(action="registration.erase"))
        assert (line.subject, line.detail) == ("acme", {})
    told = cli("registrations", "erase", "--email-file", address, "--yes", code=1, lang="ja")
    assert "このメールアドレスの登録はありません" in told.stderr


def test_a_registration_is_not_erased_without_a_yes(
    cli: CommandLine, rejected: World, address: str
) -> None:
    register(rejected, 1, named=True)
    cli("registrations", "erase", "--email-file", address, code=1)
    with rejected.runtime.database.read() as session:
        assert [r.state for r in session.scalars(select(Registration))] == ["proved"]
