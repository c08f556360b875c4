"""``careerrelay csv``: columns, profiles, import, registrations."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from careerrelay.cli import prompts, sheets
from careerrelay.engine import registration
from tests.cli.conftest import CommandLine
from tests.engine.sheets.files import COLUMNS, SECRET, csv_bytes, person
from tests.engine.test_flow import register
from tests.support.world import World
from tests.webhook_server.site import Site


@pytest.fixture
def sheet(cli: CommandLine, world: World) -> CommandLine:
    """Commands, with a connection that takes CSV."""
    cli("connections", "add", "sheet", "--company", "acme", "--connector", "csv_bridge",
        "--set", "ats=hrmos")  # fmt: skip
    world.clock.forward(days=20)
    return cli


def write(path: Path, *rows: list[str], codec: str = "cp932") -> str:
    path.write_bytes(csv_bytes(rows, codec=codec))
    return str(path)


def test_columns_are_shown_with_their_certainty_and_suggested(
    sheet: CommandLine, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.csv", person(1))
    shown = sheet.data("csv", "columns", "sheet", file)
    assert (shown["encoding"], shown["encoding_certain"]) == ("Shift_JIS (CP932)", True)
    assert shown["columns"] == COLUMNS
    assert "Shift_JIS (CP932) (certain)" in sheet("csv", "columns", "sheet", file).stdout


def test_profile_import_again_and_correct(sheet: CommandLine, tmp_path: Path, world: World) -> None:
    file = write(tmp_path / "a.csv", person(1), person(2, "一次NG"), person(3, 応募ID=""))
    failed = tmp_path / "failed.csv"
    sheet("csv", "profile", "sheet", "hrmos", "--from-file", file)
    dry = sheet("csv", "import", "sheet", file, "--dry-run", code=1)
    assert "row 3, 選考ステータス: a word whose meaning is not known" in dry.stdout
    assert "dry run: nothing was stored" in dry.stdout
    sheet("csv", "profile", "sheet", "hrmos", "--from-file", file, "--status", "一次NG=rejected")
    refused = sheet("csv", "import", "sheet", file, code=1)
    assert "nothing was done; add --yes" in refused.stderr
    args = ("csv", "import", "sheet", file, "--yes", "--failed-rows", str(failed))
    told = sheet.data(*args, code=1, lang="ja")
    assert (told["new"], told["failed"]) == (1, 2)
    assert told["faults"][1]["error"] == "4行目「応募ID」：応募IDがありません"
    world.work()
    assert SECRET in failed.read_text("cp932")
    assert sheet.data(*args, code=1)["unchanged"] == 1


def test_uncertain_files_are_asked_about(sheet: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id,caf\u00e9\r\n1,2\r\n".encode())
    told = sheet("csv", "import", "sheet", str(path), code=1)
    assert "probably UTF-8, but that is not certain" in told.stderr
    told = sheet("csv", "import", "sheet", str(path), "--encoding", "utf-8", code=1)
    assert "probably in row 1" in told.stderr
    missing = sheet("csv", "import", "sheet", str(tmp_path / "none.csv"), code=2)
    assert "cannot read the file" in missing.stderr


def test_only_a_csv_connection_takes_csv(sheet: CommandLine, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", person(1))
    assert "takes no CSV" in sheet("csv", "columns", "toy", file, code=1).stderr


def test_profiles_are_listed_and_removed(sheet: CommandLine, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", person(1))
    sheet("csv", "profile", "sheet", "a", "--from-file", file, "--column", "job=")
    assert "job" not in sheet.data("csv", "profiles", "sheet")[0]["columns"]
    assert "profile a is removed" in sheet("csv", "profile-remove", "sheet", "a").stdout
    assert sheet.data("csv", "profiles", "sheet") == []


@pytest.mark.parametrize("codec", ["utf-8-sig", "cp932"])
def test_registrations_go_back_with_the_ats_own_ids_and_no_formula(
    sheet: CommandLine, tmp_path: Path, world: World, codec: str
) -> None:
    names = {1: "=cmd|' /C calc'!A1", 2: "𠮷野 花子", 3: "応募 三郎"}
    rows = [person(n, 氏名=name) for n, name in names.items()]
    file = write(tmp_path / "a.csv", *rows, codec="utf-8-sig")
    sheet("csv", "profile", "sheet", "hrmos", "--from-file", file)
    sheet("csv", "import", "sheet", file, "--yes")
    world.work()
    url = sheet.data("links", "static", "sheet")["url"]
    for number, named in ((1, True), (2, True), (3, False)):
        form = registration.Application(
            f"応募 {number}", f"person{number}@example.com", named, "ja"
        )
        id_ = registration.start(world.runtime, url.rpartition("/")[2], form)
        registration.confirm_link(world.runtime, Site(world, None).proof_token(id_))  # type: ignore[arg-type] - the tokens alone
    world.work()
    out = tmp_path / "back.csv"
    args = ("csv", "registrations", "sheet", "--output", str(out), "--encoding", codec)
    assert sheet.data(*args)["rows"] == 2
    lines = out.read_bytes().decode(codec).lstrip("\ufeff").split("\r\n")
    assert lines[0] == "応募ID,候補者ID,メールアドレス,氏名,CareerRelay登録日,CareerRelay状態"
    assert lines[1].startswith("A0001,,person1@example.com,'=cmd|'")
    assert lines[1].endswith("2026/11/24,登録済み")
    first = "𠮷" if codec == "utf-8-sig" else "〓"
    assert lines[2].startswith(f"A0002,,person2@example.com,{first}野 花子,")
    assert len(lines) == 4


def test_registrations_of_any_connection_go_into_a_csv(
    sheet: CommandLine, tmp_path: Path, world: World
) -> None:
    """Also where nothing can be written to an ATS with an API; other ATSs' headings stay theirs."""
    sheet("csv", "profile", "sheet", "hrmos", "--from-file", write(tmp_path / "a.csv", person(1)))
    for number, named in ((1, True), (2, False)):
        world.apply(number)
        world.clock.forward(seconds=1)
        world.reject(number)
        world.work()
        register(world, number, named=named)
    world.work()
    out = tmp_path / "back.csv"
    assert sheet.data("csv", "registrations", "toy", "--output", str(out))["rows"] == 1
    head, line, _ = out.read_bytes().decode("utf-8-sig").split("\r\n")
    assert head.startswith("応募ID,候補者ID,メールアドレス,氏名,")
    assert line.endswith("登録済み")


def test_upload_links_are_issued_and_taken_back(sheet: CommandLine) -> None:
    url = sheet("csv", "link", "sheet").stdout.strip()
    assert url.startswith("https://relay.example.jp/u/")
    assert sheet.data("csv", "link", "sheet", "--days", "1")["days"] == 1
    assert "takes no CSV" in sheet("csv", "link", "toy", code=1).stderr
    assert "2 upload links are taken back" in sheet("csv", "link-revoke", "sheet").stdout


def test_doctor_says_what_csv_waits_for(sheet: CommandLine, tmp_path: Path, world: World) -> None:
    def told() -> str:
        found = sheet.data("doctor", code=1)
        return next(f["detail"] for f in found if (f["area"], f["name"]) == ("sheet", "csv"))

    assert told() == "no profile says how the CSV files are read"
    file = write(tmp_path / "a.csv", person(1))
    sheet("csv", "profile", "sheet", "hrmos", "--from-file", file)
    assert told() == "no row came yet"
    sheet("csv", "import", "sheet", file, "--yes")
    assert told() == "the last new row came 2026-11-24 03:00 UTC"


@pytest.mark.parametrize(
    ("typed", "rows"), [("はい\n", 1), ("ｙ\n", 1), ("y\n", 1), ("\n", 0), ("いいえ\n", 0)]
)
def test_the_question_before_an_import_is_asked_and_answered_in_japanese(
    sheet: CommandLine, tmp_path: Path, world: World,
    monkeypatch: pytest.MonkeyPatch, typed: str, rows: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(prompts, "is_interactive", lambda: True)
    file = write(tmp_path / "a.csv", person(1))
    sheet("csv", "profile", "sheet", "hrmos", "--from-file", file)
    args = ("csv", "import", "sheet", file)
    told = sheet(*args, lang="ja", text=typed, code=0 if rows else 1)
    assert "1行を取り込みます（うち新しい不採用：1件）" in told.stderr
    world.work()
    assert sheet.data(*args, "--dry-run")["unchanged"] == rows


def test_a_file_that_changes_before_the_answer_is_not_imported(
    sheet: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "a.csv", person(1))
    sheet("csv", "profile", "sheet", "hrmos", "--from-file", file)

    def changed(_outcome: object, *, yes: bool) -> None:
        assert yes
        write(tmp_path / "a.csv", person(1), person(2))

    monkeypatch.setattr(sheets, "_ask", changed)
    told = sheet("csv", "import", "sheet", file, "--yes", code=1)
    assert "the file was changed while it was looked at" in told.stderr
    assert sheet.data("csv", "import", "sheet", file, "--dry-run")["new"] == 2


def test_failed_rows_never_overwrite_the_file_they_are_of(
    sheet: CommandLine, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.csv", person(1), person(2, 応募ID=""))
    sheet("csv", "profile", "sheet", "hrmos", "--from-file", file)
    content = Path(file).read_bytes()
    told = sheet("csv", "import", "sheet", file, "--yes", "--failed-rows", file, code=2)
    assert "would overwrite FILE" in told.stderr
    assert Path(file).read_bytes() == content


def test_pipes_and_too_large_files_are_refused(
    sheet: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.write(writing, csv_bytes([person(1)]))
    os.close(writing)
    told = sheet("csv", "columns", "sheet", f"/dev/fd/{reading}", code=2)
    os.close(reading)
    assert "no file that can be read twice" in told.stderr
    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * (1024 * 1024 + 1))
    monkeypatch.setenv("CAREERRELAY_CSV_MEGABYTES", "1")
    told = sheet("csv", "import", "sheet", str(large), "--yes", code=1)
    assert "larger than 1 MiB" in told.stderr
