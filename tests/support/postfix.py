"""A real Postfix with a queue of its own, for the length of one test.

The Debian package's programs run from a private configuration, queue and log in a temporary
folder, and listen on loopback only; the installed service is neither used nor touched. Postfix's
master must start as root, so the fixtures skip for any other user - but never in CI.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.mailbox import free_port

Seen = TypeVar("Seen")

PROGRAMS = Path("/usr/lib/postfix/sbin")
STARTED_WITHIN = 30.0
"""Seconds; a start takes under one, on a busy machine a few."""


class PostfixError(Exception):
    """No programs, or it did not come up; the message has its log."""


def why_no_postfix() -> str:
    """Why no Postfix can be run here, "" where it can. In CI it has to be possible."""
    if not (PROGRAMS / "master").exists():
        return "no Postfix: apt-get install postfix"
    if os.getuid() != 0:
        return "Postfix's master process has to be started by root"
    return ""


def require_postfix() -> None:
    """Skip the test where no Postfix can run; fail it instead in CI."""
    reason = why_no_postfix()
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


class Postfix:
    """A running Postfix; made by ``running_postfix``. It hears on 127.0.0.1:``port``."""

    def __init__(self, *, folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.port = port
        self.process = process

    def log(self) -> str:
        """What it has logged so far; "" at the very beginning."""
        path = self.folder / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def wait_for_log(self, text: str, *, seconds: float = 20.0) -> str:
        """The log, as soon as ``text`` is in it. Raises PostfixError after ``seconds``."""
        return _waited(self.log, lambda log: text in log, what=f"{text!r} in", seconds=seconds)

    def queue(self) -> list[Path]:
        """The messages it still holds: not yet delivered, or put off."""
        folders = ("incoming", "active", "deferred", "hold")
        found = (path for name in folders for path in (self.folder / "queue" / name).rglob("*"))
        return [path for path in found if path.is_file()]

    def wait_until_empty(self, *, seconds: float = 20.0) -> None:
        """Return when everything has been handed on (or bounced)."""
        deadline = time.monotonic() + seconds
        while self.queue():
            if time.monotonic() > deadline:
                raise PostfixError(f"mail is left in the queue: {self.log()}")
            time.sleep(0.05)

    def send(
        self,
        message: bytes,
        *,
        sender: str = "hr@example.jp",
        to: Sequence[str] = ("taro@example.com",),
        options: Sequence[str] = (),
    ) -> None:
        """One SMTP transaction with ``message`` (CRLF lines). Raises as smtplib does."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as client:
            client.sendmail(sender, list(to), message, mail_options=list(options))


@contextmanager
def running_postfix(
    *,
    next_hop: int = 0,
    milters: Sequence[str] = (),
    header_checks: str = "",
    settings: Mapping[str, str] | None = None,
) -> Iterator[Postfix]:
    """A Postfix with the package's defaults that relays for this machine only.

    ``next_hop``: loopback port all mail goes to; 0: it stays in the queue.
    ``milters``: as in ``smtpd_milters``, e.g. ``inet:127.0.0.1:8891``, asked in this order.
    ``header_checks``: lines of a regexp table. ``settings``: anything of main.cf, set last.
    """
    folder = Path(tempfile.mkdtemp(prefix="careerrelay-postfix-"))
    port = free_port()
    try:
        folder.chmod(0o755)
        _configure(folder, port=port, lines=_settings(folder, next_hop, milters, header_checks))
        with (folder / "main.cf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in (settings or {}).items())
        server = _start(folder, port=port)
        try:
            yield server
        finally:
            _stop(server)
    finally:
        shutil.rmtree(folder)


def _settings(
    folder: Path, next_hop: int, milters: Sequence[str], header_checks: str
) -> dict[str, str]:
    (folder / "header_checks").write_text(header_checks)
    return {
        "compatibility_level": "3.6",  # what the Debian package writes
        "queue_directory": str(folder / "queue"),
        "data_directory": str(folder / "data"),
        "maillog_file": str(folder / "log"),
        "maillog_file_prefixes": str(folder),
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "myhostname": "mta.example.com",
        "mydestination": "",
        "alias_maps": "",
        "local_recipient_maps": "",
        "mynetworks": "127.0.0.0/8",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        # No look-ups: the machine may have no network.
        "smtp_dns_support_level": "disabled",
        "smtp_host_lookup": "native",
        "relayhost": f"[127.0.0.1]:{next_hop}" if next_hop else "",
        "smtpd_milters": ", ".join(milters),
        "header_checks": f"regexp:{folder}/header_checks" if header_checks else "",
        "defer_transports": "" if next_hop else "smtp",
    }


_SERVICES = """\
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
error     unix - - n - - error
retry     unix - - n - - error
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


def _configure(folder: Path, *, port: int, lines: Mapping[str, str]) -> None:
    text = "".join(f"{name} = {value}\n" for name, value in lines.items())
    (folder / "main.cf").write_text(text)
    (folder / "master.cf").write_text(f"127.0.0.1:{port} inet n - n - - smtpd\n{_SERVICES}")
    for name in ("queue", "data"):
        (folder / name).mkdir()
    owner = pwd.getpwnam("postfix")
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    # Makes the queue's folders with the owners and modes the daemons insist on.
    command = ["/usr/sbin/postfix", "-c", folder, "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PostfixError(f"postfix check failed: {done.stderr or done.stdout}")


def _start(folder: Path, *, port: int) -> Postfix:
    process = subprocess.Popen(
        [PROGRAMS / "master", "-c", folder, "-d"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # on its end, master ends the processes of its group
    )
    server = Postfix(folder=folder, port=port, process=process)
    try:
        _waited(lambda: _greeting(port), lambda said: said.startswith(b"220"), what="a greeting")
    except PostfixError:
        log = server.log()
        _stop(server)
        raise PostfixError(f"Postfix did not start: {log}") from None
    return server


def _greeting(port: int) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            return connection.recv(512)
    except OSError:
        return b""


def _waited(
    look: Callable[[], Seen],
    enough: Callable[[Seen], bool],
    *,
    what: str,
    seconds: float = STARTED_WITHIN,
) -> Seen:
    deadline = time.monotonic() + seconds
    while not enough(seen := look()):
        if time.monotonic() > deadline:
            raise PostfixError(f"waited in vain for {what}: {seen}")
        time.sleep(0.05)
    return seen


def _stop(server: Postfix) -> None:
    if server.process.poll() is None:
        os.killpg(server.process.pid, signal.SIGTERM)
    try:
        server.process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
