"""Install the top-level code folders as careerrelay.<folder>; all else is in setup.cfg.

With ``CAREERRELAY_COMPILE=1`` in the environment the injection engine is also built as machine
code by mypyc, which is then installed beside its source and imported instead of it.
"""

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

FOLDERS = ("cli", "connectors", "engine", "link_signing", "mail", "models", "webhook_server")
DATA = (
    "css",
    "html",
    "http",
    "ini",
    "json",
    "mako",
    "md",
    "mo",
    "po",
    "svg",
    "tmpl",
    "toml",
    "txt",
    "yml",
)
COMPILE = "CAREERRELAY_COMPILE"
COMPILER = "mypy>=2.4,<3"
COMPILED = "mail/injection"
READ_ALONG = ("careerrelay/__init__.py", "mail/__init__.py", "models/__init__.py")
"""For the types, and so that the modules get their full names."""
SOURCES = Path("build", "compiled")


class CompiledExtensions(build_ext):
    """Knows the extensions when they are to be built, not before: mypyc may not be there yet."""

    def finalize_options(self) -> None:
        """Also says what is missing, before anything takes time."""
        if self.editable_mode or self.inplace:
            sys.exit(f"{COMPILE}: an editable installation runs from source; leave it out there")
        if self.distribution.ext_modules == PLACEHOLDER:
            self.distribution.ext_modules = compiled()
        super().finalize_options()


def compiled() -> list[Any]:
    """What mypyc makes of the engine, from a copy under its full name."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    headers = Path(sysconfig.get_paths()["include"], "Python.h")
    if not shutil.which(compiler.split()[0]) or not headers.exists():
        sys.exit(
            f"{COMPILE}: needs a C compiler and Python's headers (gcc, libc6-dev, python3-dev)"
        )
    try:
        from mypyc.build import mypycify
    except ImportError:
        sys.exit(f"{COMPILE}: without build isolation, first: pip install '{COMPILER}'")
    shutil.rmtree(SOURCES, ignore_errors=True)
    modules = sorted(Path(COMPILED).glob("*.py"))
    for file in (*map(Path, READ_ALONG), Path("models", "errors.py"), *modules):
        copy = SOURCES / ("" if file.parts[0] == "careerrelay" else "careerrelay") / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    # Libraries are looked up at run time alone: the same is built whether they are installed or
    # not. A package's own __init__ stays Python, as the others do.
    named = [str(SOURCES / "careerrelay" / m) for m in modules if m.name != "__init__.py"]
    options = ["--no-site-packages", "--ignore-missing-imports", f"--cache-dir={SOURCES}/types"]
    return mypycify(
        [*options, *named], debug_level="0", target_dir=str(SOURCES), group_name="careerrelay"
    )


PLACEHOLDER = [Extension("careerrelay." + COMPILED.replace("/", "."), [])]
found = find_packages(include=[p for f in FOLDERS for p in (f, f + ".*")])
setup(
    packages=["careerrelay", *("careerrelay." + name for name in found)],
    package_dir={"careerrelay": "careerrelay", **{"careerrelay." + f: f for f in FOLDERS}},
    # By folder, not "*": that would follow the links in careerrelay/ and take all files twice.
    package_data={
        "careerrelay": ["py.typed"],
        **{"careerrelay." + f: ["**/*." + ending for ending in DATA] for f in FOLDERS},
    },
    **(
        {
            "setup_requires": [COMPILER],
            "ext_modules": list(PLACEHOLDER),
            "cmdclass": {"build_ext": CompiledExtensions},
        }
        if os.environ.get(COMPILE, "0") not in ("", "0")
        else {}
    ),
)
