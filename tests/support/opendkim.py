"""A real opendkim that signs for example.jp, for the length of one test.

The Debian package's program runs from a private configuration on loopback; the installed service
is neither used nor touched.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.dkim import rsa_pem
from tests.support.mailbox import free_port

PROGRAM = Path("/usr/sbin/opendkim")
SELECTOR = "mta1"
STARTED_WITHIN = 20.0


def require_opendkim() -> None:
    """Skip the test where there is none; fail it instead in CI."""
    if PROGRAM.exists():
        return
    if os.environ.get("CI"):
        pytest.fail("no opendkim: apt-get install opendkim")
    pytest.skip("no opendkim: apt-get install opendkim")


@contextmanager
def running_opendkim(domain: str = "example.jp") -> Iterator[str]:
    """Signs whatever comes from this machine; where it listens, as Postfix names milters."""
    with tempfile.TemporaryDirectory(prefix="careerrelay-opendkim-") as folder:
        port = free_port()
        key = Path(folder) / "key.pem"
        key.write_text(rsa_pem())
        key.chmod(0o600)
        config = Path(folder) / "opendkim.conf"
        config.write_text(
            f"Mode s\nDomain {domain}\nSelector {SELECTOR}\nKeyFile {key}\n"
            f"Socket inet:{port}@127.0.0.1\nCanonicalization relaxed/relaxed\n"
            "InternalHosts 127.0.0.1\nRequireSafeKeys false\nBackground no\nSyslog no\n"
        )
        process = subprocess.Popen(
            [PROGRAM, "-f", "-x", config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            _wait(process, port)
            yield f"inet:127.0.0.1:{port}"
        finally:
            process.terminate()
            process.communicate(timeout=20)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    """Until it listens; a connection of ours would be one that says nothing."""
    deadline = time.monotonic() + STARTED_WITHIN
    wanted = f"0100007F:{port:04X}"
    while wanted not in Path("/proc/net/tcp").read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            _, errors = process.communicate()
            raise AssertionError(f"opendkim did not start: {errors.decode(errors='replace')}")
        time.sleep(0.05)
