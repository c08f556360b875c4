"""The milter's bounds, its end, and where it listens."""

from __future__ import annotations

import socket
import stat
import threading
import time
from ipaddress import ip_network
from pathlib import Path

import pytest

from careerrelay.mail.milter import MilterServer
from careerrelay.mail.milter.house import MilterHouse, MilterSettings
from careerrelay.mail.milter.place import Place, bound_file, read_networks, read_place
from careerrelay.mail.relay.desk import Passing, Treatment
from careerrelay.models.errors import ConfigurationError
from tests.mail.milter.desks import (
    FakeDesk,
    running_milter,
)
from tests.mail.milter.letters import MARKED, PLAIN, TARO
from tests.mail.milter.mta import Mta, connected


def test_mail_beyond_the_size_goes_on_as_it_is() -> None:
    desk = FakeDesk()
    large = PLAIN + b"x" * 70_000 + b"\r\n"
    with running_milter(desk, max_bytes=20_000) as place, connected(place) as mta:
        mta.offer()
        assert mta.pass_on(large)[-1].command == b"a"
        assert mta.pass_on(MARKED + b"x" * 70_000)[-1].command == b"a"
        marked = MARKED + b"x" * 10_000
        mta.begin()
        mta.tell(marked, to=[TARO])
        mta.say(b"B", b"x" * 20_000)
        assert mta.hear().command == b"s"
        assert mta.end()[-1].data.startswith(b"550 5.6.0 The marker")
    assert desk.treated == []


def test_mail_for_which_there_is_no_memory_is_asked_for_again() -> None:
    desk = FakeDesk()
    with (
        running_milter(desk, memory_bytes=30_000) as place,
        connected(place) as one,
        connected(place) as other,
    ):
        one.offer()
        other.offer()
        one.begin()
        one.tell(PLAIN + b"x" * 20_000, to=[TARO])
        assert other.pass_on(PLAIN + b"x" * 20_000)[-1].command == b"t"
        assert one.end()[-1].command == b"a"
        assert other.pass_on(PLAIN + b"x" * 20_000)[-1].command == b"a"


def test_headers_beyond_the_memory_count_too() -> None:
    with running_milter(FakeDesk(), memory_bytes=1000) as place, connected(place) as mta:
        mta.offer(steps=0)
        mta.begin()
        for _ in range(3):
            mta.ask(b"L", b"X\0" + b"x" * 400 + b"\0")
        assert mta.ask(b"B", b"x").command == b"c"
        assert mta.end()[-1].command == b"t"


def test_last_piece_of_the_body_counts_as_well() -> None:
    with running_milter(FakeDesk(), memory_bytes=2000) as place, connected(place) as mta:
        mta.offer()
        mta.begin()
        mta.tell(PLAIN, to=[TARO])
        mta.say(b"E", b"x" * 2000)
        assert mta.hear().command == b"t"


def test_connection_too_many_is_closed_and_room_is_made_by_leaving() -> None:
    with running_milter(FakeDesk(), connections=1) as place:
        with connected(place) as mta:
            mta.offer()
            with connected(place) as second, pytest.raises((EOFError, OSError)):
                second.offer()
        assert opened_at_last(place)


def opened_at_last(place: Place) -> bool:
    for _ in range(500):
        try:
            with connected(place) as mta:
                mta.offer()
            return True
        except (EOFError, OSError):
            time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    "said",
    [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\1M", b"\0\0\0\2Ox", b"GET / HTTP/1.1\r\n\r\n"],
)
def test_whoever_speaks_something_else_is_hung_up_on(said: bytes) -> None:
    with running_milter(FakeDesk()) as place:
        with socket.create_connection((place.host, place.port), timeout=30) as line:
            line.sendall(said)
            assert line.recv(100) == b""
        assert opened_at_last(place)


def test_silence_ends_a_connection() -> None:
    with (
        running_milter(FakeDesk(), idle_seconds=0.1) as place,
        connected(place) as mta,
        pytest.raises(EOFError),
    ):
        mta.hear()


def test_packet_that_never_ends_ends_the_connection() -> None:
    with (
        running_milter(FakeDesk(), packet_seconds=0.1) as place,
        socket.create_connection((place.host, place.port), timeout=30) as line,
    ):
        line.sendall(b"\0\0\1\0M")
        assert line.recv(100) == b""


def test_message_under_way_is_answered_before_the_end() -> None:
    begun, may_end = threading.Event(), threading.Event()

    class Slow(FakeDesk):
        def treat(self, passing: Passing) -> Treatment:
            begun.set()
            may_end.wait(60)
            return super().treat(passing)

    desk = Slow()
    server = MilterServer(desk, MilterSettings(), place=read_place("inet:0@127.0.0.1"))
    place = server.start()
    stopping = threading.Thread(target=server.stop)
    with connected(place) as mta, connected(place) as idle:
        idle.offer()
        mta.offer()
        mta.begin()
        mta.tell(MARKED, to=[TARO])
        mta.say(b"E")
        begun.wait(30)
        stopping.start()
        with pytest.raises(EOFError):
            idle.hear()
        may_end.set()
        assert _until_answer(mta) == b"a"
        stopping.join(30)
    assert len(desk.told) == 1


def _until_answer(mta: Mta) -> bytes:
    while (packet := mta.hear()).command in b"himb":
        pass
    return packet.command


def test_message_that_does_not_end_in_time_is_cut_off() -> None:
    begun, may_end = threading.Event(), threading.Event()

    class Slow(FakeDesk):
        def treat(self, passing: Passing) -> Treatment:
            begun.set()
            may_end.wait(60)
            return super().treat(passing)

    settings = MilterSettings(end_seconds=0.1)
    server = MilterServer(Slow(), settings, place=read_place("inet:0@127.0.0.1"))
    with connected(server.start()) as mta:
        mta.offer()
        mta.begin()
        mta.tell(MARKED, to=[TARO])
        mta.say(b"E")
        begun.wait(30)
        server.stop()
        with pytest.raises(EOFError):
            mta.hear()
        may_end.set()


# Places.


def test_socket_file_is_for_owner_and_group_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "milter.sock"
    bound_file(str(path)).close()
    for _ in range(2):
        with running_milter(FakeDesk(), f"unix:{path}") as place, connected(place) as mta:
            assert str(place) == f"unix:{path}"
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            mta.offer()
            assert mta.pass_on(MARKED)[-1].command == b"a"


def test_place_that_is_taken_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "milter.sock"
    with running_milter(FakeDesk(), f"unix:{path}") as place:
        with pytest.raises(OSError, match="in use"), running_milter(FakeDesk(), f"unix:{path}"):
            pass
        # The first one has heard that somebody asked, and is there for the next.
        with connected(place) as mta:
            mta.offer()
    plain = tmp_path / "file"
    plain.write_text("mine")
    with pytest.raises(OSError, match="in use"), running_milter(FakeDesk(), f"unix:{plain}"):
        pass
    assert plain.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "place", "here"),
    [
        ("inet:8894@127.0.0.1", Place("127.0.0.1", 8894), True),
        ("inet:8894@localhost", Place("localhost", 8894), True),
        ("inet:8894@[::1]", Place("::1", 8894), True),
        ("inet:8894@192.0.2.1", Place("192.0.2.1", 8894), False),
        ("inet:8894@mta.example.jp", Place("mta.example.jp", 8894), False),
        ("unix:/run/careerrelay/milter", Place(path="/run/careerrelay/milter"), True),
        ("local:/run/m", Place(path="/run/m"), True),
    ],
)
def test_places_are_written_as_milters_do(text: str, place: Place, here: bool) -> None:
    assert read_place(text) == place
    assert place.is_this_machine is here


@pytest.mark.parametrize("text", ["8894", "inet:8894", "inet:70000@host", "unix:relative", ""])
def test_place_that_cannot_be_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\[mail_relay\] milter: must be"):
        read_place(text)


def test_peers_from_elsewhere_must_be_listed() -> None:
    peers = read_networks("192.0.2.10/32, 2001:db8::/64")
    house = MilterHouse(FakeDesk(), MilterSettings(peers=peers))
    assert [house.enter(peer) for peer in ("", "127.0.0.1", "::1", "::ffff:127.0.0.1")] == [
        True
    ] * 4
    assert [house.enter(peer) for peer in ("192.0.2.10", "::ffff:192.0.2.10", "2001:db8::7%eth0")]
    assert not house.enter("192.0.2.11")
    assert peers == (ip_network("192.0.2.10/32"), ip_network("2001:db8::/64"))
    with pytest.raises(ConfigurationError, match="milter_peers"):
        read_networks("192.0.2.10/24")
