"""A copy made while everything runs, restored elsewhere, goes on where it was made."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from sqlalchemy import make_url

from careerrelay.models.tables import Signal
from tests.disaster.audit import audit
from tests.disaster.installations import Installation, rest, rows
from tests.disaster.nodes import Node, ended_at_last, wait_until
from tests.disaster.turmoil import Turmoil, turmoil
from tests.support.postgres import PostgresServer, server_programs

PEOPLE = 15


def careerrelay(installation: Installation, *words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "careerrelay", *words],
        env={**os.environ, **installation.environment},
        capture_output=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )


def postgres_tool(name: str, url: str, *words: str) -> None:
    at = make_url(url)
    where = (f"--host={at.host}", f"--port={at.port}", f"--username={at.username}")
    subprocess.run(
        [server_programs() / name, *where, *words],
        capture_output=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )


def elsewhere(site: Turmoil, **changed: str) -> Installation:
    """The same installation on another store."""
    named = {f"CAREERRELAY_{name}": value for name, value in changed.items()}
    return replace(site.installation, environment={**site.installation.environment, **named})


def told_and_settled(site: Turmoil) -> None:
    with site.sender.running(threads=4):
        site.tell(PEOPLE)
    rest(site.runtime)


def has_begun(node: Node) -> bool:
    return node.command != "worker" or "is at work" in node.log.read_text("utf-8")


def check(site: Turmoil, restored: Installation) -> None:
    """Start it, let it work, and compare: what was acknowledged before the copy is all there."""
    for node in site.nodes:
        node.kill()
    nodes = [restored.node(node.command, number=9) for node in site.nodes[:2]]
    with ended_at_last(*nodes):
        for node in nodes:
            node.start()
        runtime = restored.look()
        try:
            rest(runtime)
            told = [name for name in site.told if int(name[1:].split("-")[0]) < PEOPLE]
            found = audit(
                runtime, sender=site.sender, told=told, people=range(PEOPLE), ats=site.ats
            )
            assert found.faults == []
        finally:
            runtime.close()
        # All may be done before a worker has even begun, and the signal would end its start.
        wait_until(lambda: all(map(has_begun, nodes)), what="each has begun")
        assert [node.stop() for node in nodes] == [0] * len(nodes)


def test_sqlite_copied_under_load_is_restored(tmp_path: Path) -> None:
    with turmoil(tmp_path, chance=random.Random(1)) as site:
        told_and_settled(site)
        copy = tmp_path / "restored" / "careerrelay.db"
        copy.parent.mkdir()
        with site.sender.running(threads=4):
            site.tell(PEOPLE)
            wait_until(lambda: len(rows(site.runtime, Signal)) > len(site.told) // 2 + 2, what="on")
            careerrelay(site.installation, "database", "backup", str(copy))
        keys = site.installation.settings.key_file
        check(
            site,
            elsewhere(site, STORE_FOLDER=str(copy.parent), STORE_KEY_FILE=str(keys)),
        )


def test_postgresql_dumped_under_load_is_restored(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    url, other = postgres_server.create_database(), postgres_server.create_database()
    dump = tmp_path / "dump"
    with turmoil(tmp_path / "site", url=url, workers=1, chance=random.Random(2)) as site:
        told_and_settled(site)
        with site.sender.running(threads=4):
            site.tell(PEOPLE)
            name = str(make_url(url).database)
            postgres_tool("pg_dump", url, "--format=custom", f"--file={dump}", name)
        target = str(make_url(other).database)
        postgres_tool("pg_restore", other, f"--dbname={target}", "--no-owner", str(dump))
        check(site, elsewhere(site, STORE_URL=other))
