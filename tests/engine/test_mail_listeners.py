"""Where a process takes mails: what the settings must say, and that it hears there."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from careerrelay.cli.demo.certificate import make_certificate
from careerrelay.engine.mail_listeners import mail_listeners
from careerrelay.mail.milter import read_place
from careerrelay.models.errors import ConfigurationError
from tests.mail.milter.mta import connected
from tests.support.mailbox import free_port
from tests.support.world import World, open_runtime


@contextmanager
def listening(world: World, **section: Any) -> Iterator[Mapping[str, str]]:
    """The world's installation once more, with these values of [mail_relay]; where it hears."""
    settings = world.runtime.settings
    runtime = open_runtime(
        settings.database_url, settings.folder, clock=world.clock, queue=world.queue,
        mail_relay=section,
    )  # fmt: skip
    with closing(runtime), mail_listeners(runtime) as places:
        yield places


def refusal(world: World, **section: Any) -> str:
    with pytest.raises(ConfigurationError) as caught, listening(world, **section):
        pass
    return caught.value.message


def test_relay_hears_where_it_says_and_greets_with_the_public_name(world: World) -> None:
    port = free_port()
    with listening(world, port=port) as places:
        assert places == {"mail relay": f"127.0.0.1:{port}"}
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            assert line.recv(200).startswith(b"220 relay.example.jp ESMTP")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_relay_with_a_certificate_offers_tls_and_its_own_name(world: World, tmp_path: Path) -> None:
    made, port = make_certificate(tmp_path), free_port()
    values = {"hostname": "mail.example.jp", "tls_cert_file": str(made.certificate)}
    with (
        listening(world, host="0.0.0.0", port=port, tls_key_file=str(made.key), **values),
        smtplib.SMTP("127.0.0.1", port, timeout=10) as client,
    ):
        assert client.ehlo()[1].startswith(b"mail.example.jp")
        assert client.has_extn("starttls")


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"port": 0}, "[mail_relay] port and milter: neither is set"),
        ({"host": "0.0.0.0"}, "[mail_relay] tls_cert_file: is missing"),
        ({"host": "mail.example.jp"}, "[mail_relay] tls_cert_file: is missing"),
        ({"tls_cert_file": "relay.pem"}, "[mail_relay] tls_cert_file and tls_key_file: set both"),
        ({"milter": "8894"}, "[mail_relay] milter: must be inet:PORT@HOST"),
        ({"milter": "inet:8894@0.0.0.0"}, "[mail_relay] milter_peers: is missing"),
        (
            {"milter": "inet:8894@0.0.0.0", "milter_peers": "mta"},
            "[mail_relay] milter_peers: must be addresses",
        ),
        (
            {"tls_cert_file": "/nowhere/relay.pem", "tls_key_file": "/nowhere/relay.key"},
            "[mail_relay] tls_cert_file and tls_key_file: cannot be used (No such file",
        ),
    ],
)
def test_setting_that_cannot_work_is_named(
    world: World, section: dict[str, Any], told: str
) -> None:
    assert refusal(world, **section).startswith(told)


def test_port_that_is_taken_is_named(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refusal(world, port=port).startswith(
            f"[mail_relay] host and port: cannot listen on 127.0.0.1:{port} "
        )


def test_processes_share_the_ports_on_postgresql_alone(world: World) -> None:
    places = {"port": free_port(), "milter": f"inet:{free_port()}@127.0.0.1"}
    with listening(world, **places) as first:
        if world.runtime.database.is_sqlite:
            assert "cannot listen on" in refusal(world, **places)
            return
        with listening(world, **places) as second:
            assert second == first
            assert _greetings(places["port"]) == 20
        assert _greetings(places["port"]) == 20


def _greetings(port: int) -> int:
    """Of twenty connections, each dealt to one of those that listen."""
    greeted = 0
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            greeted += line.recv(200).startswith(b"220 ")
    return greeted


def test_name_of_this_machine_needs_no_certificate(world: World) -> None:
    with listening(world, host="localhost", port=free_port()) as places:
        assert places["mail relay"].startswith("localhost:")


def test_milter_alone_hears_where_it_says(world: World, tmp_path: Path) -> None:
    path = tmp_path / "milter.sock"
    with listening(world, port=0, milter=f"unix:{path}") as places:
        assert places == {"milter": f"unix:{path}"}
        with connected(read_place(places["milter"])) as mta:
            assert mta.offer().command == b"O"
            assert mta.begin().command == b"a"


def test_milter_that_is_in_the_way_of_another_is_named(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"inet:{taken.getsockname()[1]}@127.0.0.1"
        told = refusal(world, port=free_port(), milter=place)
    assert told.startswith(f"[mail_relay] milter: cannot listen on {place} (")
