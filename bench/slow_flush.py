"""Every flush 5 ms longer: a disk of about 200 flushes a second, as small installations have.

A library put before libc (LD_PRELOAD) sleeps in fsync and fdatasync and then does the real thing.
It needs a C compiler and Linux; without them the slow measurements are left out, and said so.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

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


def library(folder: Path) -> Path | None:
    """The compiled library, or None where it cannot be made."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return None
    source, target = folder / "slow_flush.c", folder / "slow_flush.so"
    source.write_text(SOURCE)
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-o", target, source, "-ldl"],
        check=False,
        capture_output=True,
    )
    return target if done.returncode == 0 else None
