"""The watched folder: each file once, whatever is killed, and nothing half."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import select

from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.service import Service
from careerrelay.engine.sheets import folder as module
from careerrelay.engine.sheets.folder import WatchedFolder, purge_folder
from careerrelay.models.errors import SheetRefusedError
from careerrelay.models.tables import ApplicationRecord, Connection, Signal
from tests.support.world import Clock, World, open_runtime

from .files import SECRET, csv_bytes, person


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "watched"


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, root: Path, clock: Clock) -> Any:
    made = open_runtime(
        database_url, tmp_path / "data", clock=clock, queue=InlineQueue(clock),
        csv={"folder": str(root), "megabytes": 1},
    )  # fmt: skip
    yield made
    made.close()


@pytest.fixture
def watched(world: World, connection: Connection, root: Path) -> WatchedFolder:
    """After its first turn the folder of the connection is there."""
    made = WatchedFolder(world.runtime)
    assert made.turn() == 0
    assert (root / connection.id / "done").is_dir()
    return made


def put(root: Path, *rows: list[str], name: str = "export.csv", codec: str = "cp932") -> Path:
    path = root / "sheet" / name
    path.write_bytes(csv_bytes(rows, codec=codec))
    return path


def add_to(path: Path, *rows: list[str]) -> None:
    with path.open("ab") as file:
        file.write(csv_bytes(rows).split(b"\r\n", 1)[1])


def turns(watched: WatchedFolder, world: World, count: int = 2) -> int:
    taken = sum(watched.turn() for _ in range(count))
    world.work()
    return taken


Disturb = Callable[[str, Callable[..., Any]], None]


@pytest.fixture
def disturb(watched: WatchedFolder, monkeypatch: pytest.MonkeyPatch) -> Disturb:
    """The turn that takes what lies there, with something else in place of one of its steps."""

    def turn(step: str, instead: Callable[..., Any]) -> None:
        watched.turn()
        with monkeypatch.context() as patched:
            patched.setattr(module, step, instead)
            watched.turn()

    return turn


def known(world: World) -> list[str]:
    with world.runtime.database.read() as session:
        return sorted(session.scalars(select(ApplicationRecord.external_id)))


def heard(world: World) -> int:
    with world.runtime.database.read() as session:
        return len(session.scalars(select(Signal.id)).all())


def names(root: Path, folder: str) -> list[str]:
    return sorted(path.name for path in (root / "sheet" / folder).iterdir())


def test_a_file_is_taken_once_and_moved(watched: WatchedFolder, world: World, root: Path) -> None:
    put(root, person(1), person(2))
    assert turns(watched, world, 5) == 1
    assert known(world) == ["A0001", "A0002"]
    assert names(root, "done") == ["20261124T030000-export.csv"]
    assert names(root, "failed") == []


def test_a_file_that_is_still_written_waits(
    watched: WatchedFolder, world: World, root: Path
) -> None:
    path = put(root, person(1))
    watched.turn()
    add_to(path, person(2))
    assert (watched.turn(), known(world)) == (0, [])
    assert (turns(watched, world, 1), known(world)) == (1, ["A0001", "A0002"])


def test_rows_with_errors_come_back_beside(
    watched: WatchedFolder, world: World, root: Path
) -> None:
    put(root, person(1), person(2, メールアドレス="nobody"))
    turns(watched, world)
    assert known(world) == ["A0001"]
    (errors,) = (root / "sheet" / "failed").iterdir()
    assert errors.name == "20261124T030000-export-errors.csv"
    text = errors.read_text("cp932")
    assert "3行目「メールアドレス」" in text
    assert "A0001" not in text
    assert SECRET in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04", "CSV UTF-8（コンマ区切り）"),
        ("甲,乙\r\n1,2\r\n".encode("cp932"), "見出し"),
        ("caf\u00e9,b\r\n".encode(), "文字コード"),
        (b"x" * (1024 * 1024 + 1), "上限（1MB）"),
    ],
)
def test_a_file_nobody_can_read_is_told_in_the_companys_language(
    watched: WatchedFolder, world: World, root: Path, content: bytes, words: str
) -> None:
    (root / "sheet" / "export.csv").write_bytes(content)
    turns(watched, world)
    assert names(root, "failed") == [
        "20261124T030000-export-errors.txt",
        "20261124T030000-export.csv",
    ]
    assert words in (root / "sheet" / "failed" / names(root, "failed")[0]).read_text("utf-8-sig")


def test_a_file_we_have_no_permission_to_read_is_told_by_its_name(
    watched: WatchedFolder, world: World, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, person(1), name="closed.csv")
    put(root, person(2), name="open.csv")
    real = os.open

    def closed(path: Any, *rest: Any, **named: Any) -> int:
        if Path(path).name == "closed.csv":
            raise PermissionError
        return real(path, *rest, **named)

    monkeypatch.setattr(module.os, "open", closed)
    assert turns(watched, world) == 2
    assert known(world) == ["A0002"]
    told = (root / "sheet" / "failed" / names(root, "failed")[0]).read_text("utf-8-sig")
    assert "「closed.csv」を読み取る権限がありません" in told


def test_many_new_rejections_wait_for_a_person(
    watched: WatchedFolder, world: World, root: Path
) -> None:
    with world.runtime.database.begin() as session:
        session.get_one(Connection, "sheet").settings = {"folder_limit": "2"}
    put(root, *(person(n) for n in range(1, 4)))
    turns(watched, world)
    assert (known(world), heard(world)) == ([], 0)
    assert [name[16:] for name in names(root, "failed")] == ["export-errors.txt", "export.csv"]
    put(root, person(1), person(2), *(person(n, day="2026/1/5") for n in range(3, 6)))
    turns(watched, world)
    assert len(known(world)) == 5


STEPS = ("look_at", "looking", "import_file", "_keep_draft", "_move")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_kill_at_any_step_loses_and_doubles_nothing(
    world: World, root: Path, disturb: Disturb, step: str, after: bool
) -> None:
    put(root, person(1), person(2), person(3, 応募ID=""))
    real = getattr(module, step)

    def dies(*args: Any, **kwargs: Any) -> Any:
        if after:
            real(*args, **kwargs)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        disturb(step, dies)
    turns(WatchedFolder(world.runtime), world, 3)
    assert (known(world), heard(world)) == (["A0001", "A0002"], 2)
    assert names(root, "done") == ["20261124T030000-export.csv"]
    assert names(root, "failed") == ["20261124T030000-export-errors.csv"]


def test_what_is_no_file_of_ours_is_left_alone(
    watched: WatchedFolder, world: World, root: Path
) -> None:
    home = root / "sheet"
    (home / "notes.pdf").write_bytes(b"x")
    (home / ".hidden.csv").write_bytes(b"x")
    (home / "folder.csv").mkdir()
    (home / "link.csv").symlink_to(put(root, person(1), name="real.csv"))
    assert turns(watched, world, 3) == 1
    assert {path.name for path in home.iterdir()} == {
        "notes.pdf", ".hidden.csv", "folder.csv", "link.csv", "done", "failed",
    }  # fmt: skip


def test_one_file_that_cannot_be_moved_stops_no_other(
    watched: WatchedFolder, world: World, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, person(1), name="a.csv")
    put(root, person(2), name="b.csv")
    real = module._move

    def stuck(path: Path, folder: str, stamp: str) -> None:
        if path.name == "a.csv":
            raise PermissionError
        real(path, folder, stamp)

    monkeypatch.setattr(module, "_move", stuck)
    assert turns(watched, world) == 1
    assert known(world) == ["A0001", "A0002"]


def test_a_file_that_somebody_goes_on_writing_is_not_moved_before_its_end_is_read(
    watched: WatchedFolder, world: World, root: Path, disturb: Disturb
) -> None:
    path = put(root, person(1))
    real = module.import_file

    def late(*args: Any, **kwargs: Any) -> Any:
        add_to(path, person(2))
        return real(*args, **kwargs)

    disturb("import_file", late)
    assert names(root, "done") == []
    turns(watched, world)
    assert (known(world), heard(world)) == (["A0001", "A0002"], 2)
    assert len(names(root, "done")) == 1


@pytest.mark.parametrize("newer", [[person(1), person(2)], []])
def test_an_export_that_takes_a_files_place_is_not_moved_unread(
    watched: WatchedFolder, world: World, root: Path, disturb: Disturb, newer: list[list[str]]
) -> None:
    """Programs write under another name and rename, or somebody takes the file back."""
    path = put(root, person(1))
    real = module.import_file

    def replaced(*args: Any, **kwargs: Any) -> Any:
        path.unlink()
        if newer:
            put(root, *newer, name="new.tmp").rename(path)
        return real(*args, **kwargs)

    disturb("import_file", replaced)
    assert names(root, "done") == []
    turns(watched, world)
    assert known(world) == ["A0001", "A0002"][: len(newer) or 1]
    assert len(names(root, "done")) == bool(newer)


def test_half_a_file_is_not_refused_while_somebody_writes_the_other_half(
    watched: WatchedFolder, world: World, root: Path, disturb: Disturb
) -> None:
    path = put(root, person(1))
    content = path.read_bytes()
    path.write_bytes(content[:-4] + b'"')
    real = module.look_at

    def late(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        path.write_bytes(content)
        raise SheetRefusedError(f"half a file, {found[0].delimiter}", "")

    disturb("look_at", late)
    assert names(root, "failed") == []
    turns(watched, world)
    assert known(world) == ["A0001"]


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_takes_a_files_place_meanwhile_is_not_opened(
    watched: WatchedFolder, root: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, kind: str,
) -> None:  # fmt: skip
    """A link would show another file's lines among the failed rows; a pipe would never end."""
    secret = tmp_path / "secret.csv"
    path = put(root, person(1, 応募ID=""))
    path.rename(secret)
    path.write_bytes(secret.read_bytes())
    real = WatchedFolder._take

    def swapped(self: WatchedFolder, *args: Any) -> None:
        path.unlink()
        if kind == "link":
            path.symlink_to(secret)
        else:
            os.mkfifo(path)
        real(self, *args)

    monkeypatch.setattr(WatchedFolder, "_take", swapped)
    assert [watched.turn() for _ in range(3)] == [0, 0, 0]
    assert names(root, "failed") == names(root, "done") == []


def test_a_folder_that_cannot_be_read_stops_no_other(
    watched: WatchedFolder, world: World, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.connect("closed", connector="csv_bridge", strategies=("static_link",), secrets={})
    real = module._make_folders

    def closed(home: Path) -> None:
        if home.name == "closed":
            raise PermissionError
        real(home)

    monkeypatch.setattr(module, "_make_folders", closed)
    put(root, person(1))
    assert turns(watched, world) == 1
    assert known(world) == ["A0001"]


@pytest.mark.parametrize("changed", [{}, {"応募ID": ""}])
def test_a_name_as_long_as_a_name_can_be_is_taken(
    watched: WatchedFolder, world: World, root: Path, changed: dict[str, str]
) -> None:
    put(root, person(1), person(2, **changed), name=f"{'応募者' * 27}一覧{'a' * 2}.csv")
    turns(watched, world)
    assert len(known(world)) == 2 - len(changed)
    (done,) = names(root, "done")
    assert done.startswith("20261124T030000-応募者")
    assert done.endswith(".csv")
    assert len(names(root, "failed")) == len(changed)


def test_a_disturbed_import_leaves_no_half_errors_behind(
    watched: WatchedFolder, world: World, root: Path, disturb: Disturb
) -> None:
    put(root, person(1), person(2, 応募ID=""))
    disturb("import_file", Mock(side_effect=OSError))
    assert names(root, "failed") == []
    assert turns(watched, world) == 1


def test_what_a_killed_process_left_is_gone_with_the_next_turn(
    watched: WatchedFolder, root: Path
) -> None:
    left = root / "sheet" / "failed" / ".20261124T030000-export-errors.csv.part"
    left.write_bytes(csv_bytes([person(1)]))
    watched.turn()
    assert names(root, "failed") == []


def test_what_cannot_be_deleted_keeps_no_other_file(
    watched: WatchedFolder, world: World, root: Path
) -> None:
    put(root, person(1))
    turns(watched, world)
    (root / "sheet" / "done" / "20261101T000000-folder.csv").mkdir()
    world.clock.forward(days=31)
    assert purge_folder(world.runtime) == 1
    assert names(root, "done") == ["20261101T000000-folder.csv"]


def test_imported_files_are_deleted_after_their_time(
    watched: WatchedFolder, world: World, root: Path
) -> None:
    put(root, person(1), person(2, 応募ID=""))
    turns(watched, world)
    world.clock.forward(days=29)
    assert purge_folder(world.runtime) == 0
    world.clock.forward(days=2)
    assert purge_folder(world.runtime) == 2
    assert names(root, "done") == names(root, "failed") == []


def test_the_worker_looks_into_the_folder_as_often_as_is_set(
    watched: WatchedFolder, world: World, root: Path
) -> None:
    put(root, person(1))
    service = Service(world.runtime)
    for _ in range(3):
        service.bring_in()
    assert names(root, "done") == []
    world.clock.forward(seconds=30)
    service.bring_in()
    assert len(names(root, "done")) == 1
