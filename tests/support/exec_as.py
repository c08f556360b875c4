"""Become another user, ask to be stopped when the parent dies, and become the given program.

Run as a script: ``exec_as.py UID GID PROGRAM ARGUMENT...``. PostgreSQL refuses to run as root,
and a killed test run must not leave a server behind. Linux only for the second part; elsewhere
the fixture's own ending has to do.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(uid: int, gid: int, *command: str) -> None:
    """Never returns: this process is the program from here on."""
    if os.getuid() != uid:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which clears it. SIGINT is PostgreSQL's "fast" shutdown.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
