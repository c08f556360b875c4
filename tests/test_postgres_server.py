"""The PostgreSQL server that tests and benchmarks start for themselves."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.support import postgres

ROOT = Path(__file__).parent.parent
START_AND_WAIT = """
import time
from tests.support.postgres import running_postgres
with running_postgres() as server:
    print(server.process.pid, server.folder, flush=True)
    time.sleep(600)
"""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of such a death")
def test_a_killed_test_run_leaves_no_server_behind() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        pid, folder = run.stdout.readline().split()
        os.kill(run.pid, signal.SIGKILL)
    until = time.monotonic() + 60
    while _alive(int(pid)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _alive(int(pid))
    shutil.rmtree(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts the server as somebody else")
def test_programs_in_a_folder_closed_to_the_server_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = postgres.server_programs()
    closed = tmp_path / "closed"
    shutil.copytree(real.parent, closed / "pginstall", symlinks=True)
    closed.chmod(0o700)
    monkeypatch.setattr(postgres, "server_programs", lambda: closed / "pginstall" / real.name)
    with postgres.running_postgres(fsync=False) as server:
        assert (server.folder / "programs").is_dir()
        assert server.answers()


def test_settings_are_the_servers(postgres_server: postgres.PostgresServer) -> None:
    with psycopg.connect(postgres_server.url("postgres").replace("+psycopg", "")) as connection:
        shown = connection.execute("SHOW fsync").fetchone()
    assert shown == ("off",)


def test_a_server_that_cannot_start_says_why() -> None:
    with (
        pytest.raises(postgres.PostgresServerError, match="shared_buffers"),
        postgres.running_postgres(shared_buffers="a lot"),
    ):
        pass
