"""Every flush 5 ms longer: a disk of about 200 flushes a second, as small installations have.

A library put before libc (LD_PRELOAD) sleeps in fsync and fdatasync and then does the real thing.
It needs Linux and a C compiler, which is installed where it is missing.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

INSTALL = Path(__file__).parents[1] / ".ci" / "system-packages"
MILLISECONDS = 5
SOURCE = f"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void later(void) {{
    struct timespec pause = {{0, {MILLISECONDS} * 1000000L}};
    nanosleep(&pause, 0);
}}

int fsync(int file) {{
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
    later();
    return real(file);
}}

int fdatasync(int file) {{
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    later();
    return real(file);
}}
"""


def library(folder: Path) -> Path:
    """The compiled library."""
    subprocess.run([str(INSTALL), "gcc=cc", "libc6-dev=/usr/include/stdio.h"], check=True)
    source, target = folder / "slow_flush.c", folder / "slow_flush.so"
    source.write_text(SOURCE)
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", target, source, "-ldl"], check=True)
    return target
