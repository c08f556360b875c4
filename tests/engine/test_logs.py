"""A log line that cannot be written is no reason to end."""

from __future__ import annotations

import io
import sys

import pytest
import structlog

from careerrelay.engine.logs import server_logs


class FullDisk(io.StringIO):
    def write(self, _text: str, /) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_on_a_full_disk_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    server_logs()
    monkeypatch.setattr(sys, "stderr", FullDisk())
    structlog.get_logger().error("ingest_commit_failed", rows=1)


def test_a_log_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    server_logs()
    structlog.get_logger().warning("swept", rows=1)
    (line,) = capsys.readouterr().err.splitlines()
    assert '"event": "swept"' in line
