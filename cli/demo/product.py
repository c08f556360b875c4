"""The product as its users run it: a server in a process of its own, and its commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomli_w

from ...models.errors import ConfigurationError
from . import cast
from .browser import Browser
from .certificate import Certificate, make_certificate
from .ports import Ports
from .steps import StepFailedError, wait_for

START_SECONDS = 60.0
STOP_SECONDS = 20.0
COMMAND_SECONDS = 60.0
CONFIG = "careerrelay.toml"
SERVER_LOG = "serve.log"
LAST_LINES = 5


class Product:
    """One installation in ``folder``, reached over HTTP and by its command line only."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{ports.server}"
        self.config = folder / CONFIG
        certificate = make_certificate(folder)
        self.certificate = certificate.certificate
        settings = _settings(folder, ports, certificate)
        self.config.write_text(tomli_w.dumps(settings), encoding="utf-8")
        self._browser = Browser()

    def command(self, *args: str, secrets: Mapping[str, str] | None = None) -> Any:
        """Run ``careerrelay ARGS --json``; what it answers. Raises StepFailedError.

        ``secrets`` go in as environment variables: a command line can be read by others.
        """
        done = subprocess.run(  # noqa: S603 - our own interpreter and command
            [*self._start, *args, "--json"],
            env=_environment(secrets),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            told = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise StepFailedError(
                expected=f"'careerrelay {' '.join(args[:2])}' to exit with 0",
                seen=f"exit {done.returncode}: {told[:300]}",
            )
        return json.loads(done.stdout)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """``careerrelay serve`` as a process; stopped by SIGTERM. Raises ConfigurationError."""
        with (self.folder / SERVER_LOG).open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and command
                [*self._start, "serve"],
                env=_environment(None),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for us; the server is stopped in its turn.
                start_new_session=True,
            )
            try:
                self._wait_until_ready(process)
                yield
            finally:
                _stop(process)

    @property
    def _start(self) -> Sequence[str]:
        return (sys.executable, "-m", "careerrelay", "--config", str(self.config))

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        try:
            wait_for(
                lambda: self._is_ready() or process.poll() is not None,
                bool,
                expected="the server to be ready",
                seconds=START_SECONDS,
            )
        except StepFailedError as error:
            raise ConfigurationError(
                f"{error.expected}, but it is not{self._last_words()}"
            ) from None
        if process.poll() is not None:
            raise ConfigurationError(f"'careerrelay serve' ended at once{self._last_words()}")

    def _is_ready(self) -> bool:
        try:
            return self._browser.get(f"{self.url}/readyz").status == 200
        except OSError:
            return False

    def _last_words(self) -> str:
        log = (self.folder / SERVER_LOG).read_text(encoding="utf-8", errors="replace")
        lines = log.strip().splitlines()[-LAST_LINES:]
        return f": {' / '.join(lines)}" if lines else ""


def _environment(secrets: Mapping[str, str] | None) -> dict[str, str]:
    """Ours without settings of another installation, which would win over the demo's file."""
    ours = {
        name: value for name, value in os.environ.items() if not name.startswith("CAREERRELAY_")
    }
    return {**ours, "PYTHONUTF8": "1", **(secrets or {})}


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Gracefully; at once where that takes too long or somebody is impatient."""
    process.send_signal(signal.SIGTERM)
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _settings(folder: Path, ports: Ports, certificate: Certificate) -> dict[str, dict[str, Any]]:
    papers = f"http://127.0.0.1:{ports.mailbox}/operator"
    return {
        "server": {
            "base_url": f"http://127.0.0.1:{ports.server}",
            "port": ports.server,
            # The sandbox ATS and the mailbox are on this machine.
            "allow_private_hosts": True,
        },
        "store": {"folder": str(folder / "data")},
        "operator": {
            "name": cast.OPERATOR_NAME,
            "license_no": cast.LICENCE,
            "address": "東京都千代田区見本町1-2-3",
            "contact_email": "support@careerrelay.example.jp",
            "contact_phone": "03-0000-0000",
            "privacy_url": f"{papers}/privacy",
            "terms_url": f"{papers}/terms",
        },
        "mail": {
            "host": "127.0.0.1",
            "port": ports.smtp,
            "security": "none",
            "sender": cast.OPERATOR_SENDER,
        },
        "mail_relay": {
            "embedded": True,
            "port": ports.relay,
            "tls_cert_file": str(certificate.certificate),
            "tls_key_file": str(certificate.key),
        },
    }
