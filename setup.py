"""Install the top-level code folders as careerrelay.<folder>; all else is in setup.cfg."""

from setuptools import find_packages, setup

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
found = find_packages(include=[p for f in FOLDERS for p in (f, f + ".*")])
setup(
    packages=["careerrelay", *("careerrelay." + name for name in found)],
    package_dir={"careerrelay": "careerrelay", **{"careerrelay." + f: f for f in FOLDERS}},
    # By folder, not "*": that would follow the links in careerrelay/ and take all files twice.
    package_data={
        "careerrelay": ["py.typed"],
        **{"careerrelay." + f: ["**/*." + ending for ending in DATA] for f in FOLDERS},
    },
)
