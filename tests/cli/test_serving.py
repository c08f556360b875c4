"""serve and worker as real processes: started from nothing, exclusive on SQLite, stopped well."""

from __future__ import annotations

import json
import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from careerrelay.cli import serving as serving_module
from careerrelay.link_signing import LinkSigner, Purpose
from careerrelay.models.errors import ConfigurationError
from careerrelay.webhook_server.serving import LARGEST_BODY, Serving, _Channel
from tests.support.mailbox import free_port

WAIT = 60.0
ROOT = str(Path(__file__).parents[2])


@contextmanager
def running(folder: Path, *args: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "careerrelay", *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ROOT, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str], pattern: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(pattern, line)
        if found:
            return found[1]
    raise AssertionError(process.stderr.read() if process.stderr else "")


def run(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "careerrelay", "--lang", "en", *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": ROOT, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
    )


def test_serve_makes_everything_answers_alone_and_stops_on_sigterm(tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--port", "0") as server:
        url = first_line(server, r"^health: (\S+)")
        with urllib.request.urlopen(url, timeout=WAIT) as answer:
            assert answer.status == 200
        assert (tmp_path / "careerrelay-data" / "keys.toml").exists()
        for other in (["serve", "--port", "0"], ["worker"], ["relay"]):
            refused = run(tmp_path, *other)
            assert refused.returncode == 1
            assert f"(process {server.pid}) works on this SQLite file already" in refused.stderr
        assert run(tmp_path, "company", "add", "acme", "--name", "Acme").returncode == 0
        server.send_signal(signal.SIGTERM)
        assert server.wait(WAIT) == 0
        assert server.stdout is not None
        assert "stopped" in server.stdout.read()
    # The lock died with the process, and so it does with a killed one.
    with running(tmp_path, "worker") as worker:
        first_line(worker, "(is at work)")
        worker.kill()
        worker.wait(WAIT)
    with running(tmp_path, "worker") as worker:
        first_line(worker, "(is at work)")
        worker.send_signal(signal.SIGINT)
        assert worker.wait(WAIT) == 0


def test_servers_workers_and_relays_share_a_postgresql_database(
    postgresql_url: str, tmp_path: Path
) -> None:
    port = free_port()
    env = {
        "CAREERRELAY_STORE_URL": postgresql_url,
        "CAREERRELAY_WORK_EMBEDDED": "false",
        "CAREERRELAY_MAIL_RELAY_PORT": str(port),
    }
    with running(tmp_path, "serve", "--port", "0", **env) as server:
        url = first_line(server, r"^health: (\S+)")
        with (
            running(tmp_path, "worker", **env) as worker,
            running(tmp_path, "relay", **env) as relay,
        ):
            first_line(worker, "(is at work)")
            assert first_line(relay, r"^mail relay: (\S+)") == f"127.0.0.1:{port}"
            assert first_line(relay, r"^injection: (.+)") == "pure Python"
            with urllib.request.urlopen(url, timeout=WAIT) as answer:
                assert answer.status == 200
            with smtplib.SMTP("127.0.0.1", port, timeout=WAIT) as client:
                client.ehlo()
                assert client.mail("saiyo@example.jp")[0] == 530
            for process in (worker, relay, server):
                process.send_signal(signal.SIGTERM)
                assert process.wait(WAIT) == 0


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--port", "0", "--json") as server:
        assert server.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            text += server.stdout.readline()
        port = json.loads(text)["listening"].rpartition(":")[2]
        other = tmp_path / "other"
        other.mkdir()
        refused = run(other, "serve", "--port", port)
    assert refused.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr


@pytest.fixture
def slow_app() -> tuple[Flask, threading.Event, threading.Event]:
    """An app whose one page waits until it is told to answer."""
    app, begun, may_end = Flask("slow"), threading.Event(), threading.Event()

    @app.get("/")
    def page() -> str:
        begun.set()
        may_end.wait(WAIT)
        return "answered" * 10_000

    return app, begun, may_end


def test_a_request_begun_before_the_stop_is_answered_whole(
    slow_app: tuple[Flask, threading.Event, threading.Event],
) -> None:
    app, begun, may_end = slow_app
    serving = Serving(app, host="127.0.0.1", port=0, threads=2)
    server = threading.Thread(target=serving.run)
    server.start()
    got: list[bytes] = []

    def ask() -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{serving.port}/", timeout=WAIT) as answer:
            got.append(answer.read())

    client = threading.Thread(target=ask)
    client.start()
    assert begun.wait(WAIT)
    serving.stop()
    time.sleep(0.2)
    assert server.is_alive()
    may_end.set()
    client.join(WAIT)
    server.join(WAIT)
    assert got == [b"answered" * 10_000]
    assert not server.is_alive()


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_wrong_setting_is_one_sentence_that_names_it_and_its_file(
    tmp_path: Path, command: str
) -> None:
    (tmp_path / "careerrelay.toml").write_text("[server]\nprot = 8080\n")
    refused = run(tmp_path, "--config", "careerrelay.toml", command)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert "prot" in refused.stderr
    assert "careerrelay.toml" in refused.stderr


def test_worker_and_relay_wait_so_that_no_signal_is_slept_through() -> None:
    """A lock without a time is not left for a signal that another thread was given."""
    waits: list[float | None] = []

    class Ended(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            return len(waits) > 2

    serving_module._await(Ended())
    assert waits == [1, 1, 1]


@pytest.mark.parametrize(
    ("purpose", "status"), [(Purpose.UPLOAD, b" 200 "), (Purpose.STOP, b" 413 ")]
)
def test_only_upload_links_of_ours_may_send_a_large_body(purpose: Purpose, status: bytes) -> None:
    signer = LinkSigner(lambda: ("key",), base_url="https://relay.example.co.jp")
    runtime: Any = SimpleNamespace(signer=signer, settings=SimpleNamespace(csv={"megabytes": 20}))
    app = Flask("large")
    app.add_url_rule("/u/<token>", view_func=lambda token: token, methods=["POST"])
    room = partial(serving_module._largest_body, runtime)
    serving = Serving(app, host="127.0.0.1", port=0, threads=1, largest_body=room)
    server = threading.Thread(target=serving.run)
    server.start()
    token = signer.token_for("a" * 22, purpose=purpose)
    head = f"POST /u/{token} HTTP/1.1\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", serving.port), timeout=WAIT) as client:
            client.sendall(head.encode())
            if purpose is Purpose.UPLOAD:
                client.sendall(bytes(LARGEST_BODY + 1))
            assert status in client.recv(100)
    finally:
        serving.stop()
        server.join(WAIT)


def test_a_key_file_that_cannot_be_read_makes_no_body_large_and_ends_no_connection() -> None:
    def keys() -> tuple[str, ...]:
        raise ConfigurationError("the key file is damaged")

    signer = LinkSigner(keys, base_url="https://relay.example.co.jp")
    runtime: Any = SimpleNamespace(signer=signer, settings=SimpleNamespace(csv={"megabytes": 20}))
    assert serving_module._largest_body(runtime, "/u/token") == LARGEST_BODY


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_process_whose_first_words_a_full_disk_swallows_goes_on(
    tmp_path: Path, command: str
) -> None:
    port = str(free_port())
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen(
            [sys.executable, "-m", "careerrelay", command],
            cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": ROOT, "CAREERRELAY_SERVER_PORT": port},
        )  # fmt: skip
    try:
        assert process.stderr is not None
        assert any('"purged"' in line for line in process.stderr)
        time.sleep(0.5)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_headers_without_end_are_refused_before_anybody_reads_them() -> None:
    serving = Serving(Flask("empty"), host="127.0.0.1", port=0, threads=1)
    server = threading.Thread(target=serving.run)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", serving.port), timeout=WAIT) as client:
            client.sendall(b"GET / HTTP/1.1\r\nAccept-Language: " + b"a," * 20_000 + b"\r\n\r\n")
            assert b" 431 " in client.recv(100)
    finally:
        serving.stop()
        server.join(WAIT)


def test_a_large_answer_reaches_a_reader_who_takes_his_time_whole() -> None:
    page = bytes(range(256)) * 40_000
    app = Flask("large")
    app.add_url_rule("/", view_func=lambda: page)
    serving = Serving(app, host="127.0.0.1", port=0, threads=1)
    server = threading.Thread(target=serving.run)
    server.start()
    got = b""
    try:
        with socket.create_connection(("127.0.0.1", serving.port), timeout=WAIT) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            time.sleep(0.2)
            while some := client.recv(1_000_000):
                got += some
    finally:
        serving.stop()
        server.join(WAIT)
    assert got.partition(b"\r\n\r\n")[2] == page


def test_the_loop_does_not_ask_for_what_a_thread_is_sending() -> None:
    channel: Any = _Channel.__new__(_Channel)
    channel.will_close = channel.close_when_flushed = False
    channel.adj = SimpleNamespace(outbuf_high_watermark=1000)
    channel.outbuf_lock, channel.requests, channel.total_outbufs_len = threading.RLock(), [1], 10
    assert channel.writable()
    holds, lets_go = threading.Event(), threading.Event()

    def sends() -> None:
        with channel.outbuf_lock:
            holds.set()
            lets_go.wait(WAIT)

    thread = threading.Thread(target=sends)
    thread.start()
    assert holds.wait(WAIT)
    try:
        assert not channel.writable()
        channel.total_outbufs_len = 2000  # then the thread waits until the loop has sent some
        assert channel.writable()
    finally:
        lets_go.set()
        thread.join()
