"""Real SMTP servers for the mail tests: one that behaves, one that does what the test says."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.mail.judges import Reading, read_all, require_judges

VALUES = {
    "agency_license_no": "13-ユ-000000",
    "applied_year_month": "2025年4月",
    "candidate_name": "山田 花子",
    "careers_url": "https://example.jp/careers",
    "company_address": "〒100-0001 東京都千代田区千代田1-1",
    "company_name": "株式会社みほん",
    "consent_scope_sentence": "登録があった件数のみをお知らせし、お名前はお伝えしません。",
    "contact_email": "saiyo@example.jp",
    "contact_phone": "03-0000-0000",
    "document_policy": "お預かりした応募書類は、弊社の規程に従い責任をもって廃棄いたします。",
    "graduation_year": "2027",
    "job_title": "営業",
    "my_page_link": "https://relay.example.jp/m/abc",
    "new_job_title": "企画",
    "new_job_url": "https://example.jp/jobs/2",
    "optout_link": "https://relay.example.jp/s/abc",
    "proof_code": "12345678",
    "proof_link": "https://relay.example.jp/p/abc",
    "proof_valid_for": "60分",
    "reapply_months": "6",
    "recruiter_name": "鈴木",
    "registered_at": "2026年11月22日 10:00",
    "relay_link": "https://relay.example.jp/r/abc",
    "relay_operator_name": "株式会社リレー運営",
    "store_name": "みほん駅前店",
}

ENGLISH = {
    **VALUES,
    "candidate_name": "Hanako Yamada",
    "company_name": "Example KK",
    "company_address": "1-1 Chiyoda, Tokyo",
    "document_policy": "We will dispose of the documents you sent us responsibly.",
    "job_title": "Sales",
    "recruiter_name": "Suzuki",
    "relay_operator_name": "Relay Operations KK",
    "store_name": "Station Store",
    "proof_valid_for": "60 minutes",
    "registered_at": "22 November 2026",
    "applied_year_month": "April 2025",
    "consent_scope_sentence": "we report only how many people registered, never your name.",
    "agency_license_no": "13-yu-000000",
    "new_job_title": "Planning",
}


@pytest.fixture
def values() -> dict[str, str]:
    return dict(VALUES)


@pytest.fixture
def values_for() -> Callable[[str], dict[str, str]]:
    return lambda locale: dict(VALUES if locale == "ja" else ENGLISH)


@dataclass
class Received:
    sender: str
    recipients: list[str]
    content: bytes
    encrypted: bool
    user: object


class Inbox:
    """aiosmtpd handler that keeps what arrives."""

    def __init__(self) -> None:
        self.mails: list[Received] = []

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(
            Received(
                envelope.mail_from,
                envelope.rcpt_tos,
                envelope.original_content,
                session.ssl is not None,
                session.auth_data,
            )
        )
        return "250 2.0.0 Ok: queued as TEST1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class SmtpServer:
    port: int
    inbox: Inbox


def _authenticate(server, session, envelope, mechanism, data) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"saiyo", b"geheim")
    return AuthResult(success=good, handled=False, auth_data="saiyo")


@pytest.fixture
def smtp_server() -> Iterator[Callable[..., SmtpServer]]:
    """Start an aiosmtpd server with the given options; stopped at the end."""
    running: list[Controller] = []

    def start(**options) -> SmtpServer:
        inbox = Inbox()
        if options.pop("sign_in", False):
            options.update(authenticator=_authenticate, auth_required=True)
        controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), **options)
        controller.start()
        running.append(controller)
        return SmtpServer(controller.port, inbox)

    yield start
    for controller in running:
        controller.stop()


@pytest.fixture(scope="session")
def judges() -> Callable[[bytes], list[Reading]]:
    """Three independent readers of a message: Python's, Node's and Perl's."""
    require_judges()
    return read_all


@dataclass(frozen=True)
class Certificate:
    context: ssl.SSLContext
    ca_file: str


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A self-signed certificate for localhost and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    pem = Path(folder, "cert.pem")
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file = Path(folder, "key.pem")
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key_file)
    return Certificate(context, str(pem))


HANG = b"<hang>"
DROP = b"<drop>"


@dataclass
class Script:
    """A raw SMTP server: answers each verb with the given bytes, or hangs, or hangs up."""

    answers: dict[str, bytes]
    lines: list[bytes] = field(default_factory=list)
    content: bytes | None = None
    port: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            if not self._answer(connection, "connect", default=b"220 mx.example.jp ESMTP\r\n"):
                return
            while line := stream.readline():
                self.lines.append(line.rstrip(b"\r\n"))
                verb = line.split()[0].decode().upper()
                if not self._answer(connection, verb, default=_DEFAULT.get(verb, b"250 Ok\r\n")):
                    return
                if verb == "DATA" and self.answers.get("DATA", b"354").startswith(b"354"):
                    self._read_content(stream)
                    if not self._answer(connection, ".", default=b"250 2.0.0 Ok\r\n"):
                        return
                if verb == "QUIT":
                    return

    def _read_content(self, stream) -> None:
        received = b""
        while not received.endswith(b"\r\n.\r\n"):
            line = stream.readline()
            if not line:
                return
            received += line
        self.content = received

    def _answer(self, connection: socket.socket, verb: str, *, default: bytes) -> bool:
        reply = self.answers.get(verb, default)
        if reply == HANG:
            self._stop.wait(20)
            return False
        if reply == DROP:
            return False
        connection.sendall(reply)
        return True

    def stop(self) -> None:
        self._stop.set()


_DEFAULT = {
    "EHLO": b"250-mx.example.jp\r\n250-SIZE 10485760\r\n250 AUTH PLAIN\r\n",
    "DATA": b"354 go ahead\r\n",
    "AUTH": b"235 2.7.0 ok\r\n",
    "QUIT": b"221 bye\r\n",
}


@pytest.fixture
def script() -> Iterator[Callable[[dict[str, bytes]], Script]]:
    """Start a scripted server for one conversation."""
    running: list[tuple[Script, threading.Thread, socket.socket]] = []

    def start(answers: dict[str, bytes]) -> Script:
        listener = socket.create_server(("127.0.0.1", 0))
        server = Script(answers, port=listener.getsockname()[1])
        thread = threading.Thread(target=server.serve, args=(listener,), daemon=True)
        thread.start()
        running.append((server, thread, listener))
        return server

    yield start
    for server, thread, listener in running:
        server.stop()
        thread.join(5)
        listener.close()
        assert not thread.is_alive()
