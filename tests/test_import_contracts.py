"""The import contracts of setup.cfg: each is seen to fail when somebody breaks it."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SUPPORT = ROOT / "tests" / "support"
FOLDERS = ("cli", "connectors", "engine", "link_signing", "mail", "models", "webhook_server")

VIOLATIONS = {
    "layers": ("models/upwards.py", "from careerrelay.engine import queue\n"),
    "connector-folders": (
        "connectors/acme/client.py",
        "from careerrelay.connectors.zenith import spec\n",
    ),
    "http-client": ("mail/hooks.py", "import requests\n"),
    "sockets": ("mail/pools.py", "from urllib3 import PoolManager\n"),
    "database": ("connectors/cache.py", "from sqlalchemy import text\n"),
    "durable-engine": ("webhook_server/direct.py", "from dbos import DBOS\n"),
    "tracing": ("mail/spans.py", "from opentelemetry import trace\n"),
    "web-framework": ("engine/views.py", "import flask\n"),
    "smtp": ("engine/sender.py", "import smtplib\n"),
    "signing": ("engine/tokens_of_our_own.py", "from itsdangerous import Signer\n"),
}
"""For each contract a file that breaks it, and it alone."""

AGAINST_CONNECTOR_RULES = (
    "import socket\n",
    "from urllib import request\n",
    "import sqlalchemy\n",
    "from careerrelay.models.database import Database\n",
    "from careerrelay.engine import queue\n",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A house of the same shape and next to nothing in it: only what a test adds counts."""
    _write(tmp_path, "careerrelay/__init__.py", "")
    for folder in FOLDERS:
        _write(tmp_path, f"{folder}/__init__.py", "")
        (tmp_path / "careerrelay" / folder).symlink_to(tmp_path / folder)
    for module in ("engine/queue.py", "models/database.py", "connectors/base.py"):
        _write(tmp_path, module, "")
    _write(tmp_path, "connectors/testing/__init__.py", "")
    for name in ("acme", "zenith"):
        _write(tmp_path, f"connectors/{name}/__init__.py", "")
        _write(tmp_path, f"connectors/{name}/spec.py", "from careerrelay.connectors import base\n")
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    shutil.copytree(SUPPORT, tmp_path / "tests" / "support")
    return tmp_path


def test_a_clean_house_keeps_every_contract(checkout: Path) -> None:
    assert _broken_contracts(checkout) == set()


def test_every_contract_has_a_violation_here() -> None:
    assert set(VIOLATIONS) == set(_contract_names())


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_contract_breaks_when_violated(checkout: Path, contract: str) -> None:
    _write(checkout, *VIOLATIONS[contract])
    assert _broken_contracts(checkout) == {_contract_names()[contract]}


@pytest.mark.parametrize("line", AGAINST_CONNECTOR_RULES)
def test_connector_folder_may_not(checkout: Path, line: str) -> None:
    _write(checkout, "connectors/acme/client.py", line)
    assert _contract_names()["connector-folders"] in _broken_contracts(checkout)


def test_only_a_stand_in_may_use_werkzeug(checkout: Path) -> None:
    _write(checkout, "connectors/acme/standin.py", "from werkzeug import Request\n")
    assert _broken_contracts(checkout) == set()
    _write(checkout, "connectors/acme/client.py", "from werkzeug import Request\n")
    assert _broken_contracts(checkout) == {_contract_names()["connector-folders"]}


def test_connector_folder_may_quote_urls_and_name_statuses(checkout: Path) -> None:
    _write(
        checkout,
        "connectors/acme/client.py",
        "from http import HTTPStatus\nfrom urllib.parse import quote\n",
    )
    assert _broken_contracts(checkout) == set()


def _write(checkout: Path, path: str, text: str) -> None:
    target = checkout / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def _contract_names() -> dict[str, str]:
    """Contract id to the name it has in the report."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    prefix = "importlinter:contract:"
    return {s.removeprefix(prefix): config[s]["name"] for s in config if s.startswith(prefix)}


def _broken_contracts(checkout: Path) -> set[str]:
    """The names of the contracts that import-linter reports as broken in ``checkout``."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--config", "setup.cfg", "--no-cache"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    report = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    broken = set(re.findall(r"^(.+) BROKEN$", report, re.MULTILINE))
    kept = set(re.findall(r"^(.+) KEPT$", report, re.MULTILINE))
    assert broken | kept == set(_contract_names().values()), done.stdout + done.stderr
    assert bool(done.returncode) is bool(broken)
    return broken
