"""/u/<token>: from the file to the import, and everything that is refused on the way."""

from __future__ import annotations

import base64
import io
import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from careerrelay.engine.runtime import Runtime
from careerrelay.engine.sheets import uploads
from careerrelay.engine.sheets.profiles import Profile, profiles_of, save_profile
from careerrelay.engine.sheets.uploads import import_confirmed, purge_uploads
from careerrelay.link_signing import Purpose
from careerrelay.models.tables import (
    ApplicationRecord,
    AuditEntry,
    Base,
    Connection,
    SheetPart,
    SheetUpload,
)
from careerrelay.webhook_server.server import EXTENSION
from tests.engine.sheets.files import COLUMNS, SECRET, csv_bytes, person
from tests.webhook_server.site import Reader, Site, csrf_of


@pytest.fixture
def path(site: Site) -> str:
    """The upload page of a company whose ATS exports CSV."""
    site.world.connect("sheet", connector="csv_bridge", strategies=("static_link",), secrets={})
    url = uploads.issue_link(site.runtime, "sheet", days=30, actor="test")
    site.world.clock.forward(days=20)
    return url.removeprefix(site.runtime.settings.server["base_url"])


@pytest.fixture
def mapped(site: Site, path: str) -> str:
    """The same, its columns known."""
    with site.runtime.database.read() as session:
        connection = session.get_one(Connection, "sheet")
    save_profile(site.runtime, connection, Profile("hrmos", COLUMNS), actor="test")
    return path


def upload(reader: Reader, path: str, *rows: list[str], codec: str = "cp932") -> TestResponse:
    return send(reader, path, csv_bytes(rows, codec=codec))


def send(reader: Reader, path: str, content: bytes, **fields: str) -> TestResponse:
    token = csrf_of(reader.get(path))
    file = (io.BytesIO(content), "export.csv")
    return reader.post(
        path, {"csrf_token": token, "sheet": file, **fields}, content_type="multipart/form-data"
    )


def press(reader: Reader, page: TestResponse, path: str, **data: str) -> TestResponse:
    return reader.post(path, {"csrf_token": csrf_of(page), **data})


def held(page: TestResponse) -> str:
    found = re.search(r'name="upload" value="(\w+)"', page.text)
    assert found
    return found[1]


def count(runtime: Runtime, table: type[Base]) -> int:
    with runtime.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def known(site: Site) -> list[str]:
    with site.runtime.database.read() as session:
        return sorted(session.scalars(select(ApplicationRecord.external_id)))


def test_first_file_asks_for_its_columns_and_keeps_nothing(
    site: Site, path: str, reader: Reader
) -> None:
    page = upload(reader, path, person(1))
    assert "列の対応" in page.text
    assert "Shift_JIS (CP932) （確定）" in page.text
    assert '<option value="email" selected>メールアドレス</option>' in page.text
    assert (count(site.runtime, SheetUpload), profiles_of(site.runtime, "acme")) == (0, [])
    fields = {f"h{n}": heading for n, heading in enumerate(COLUMNS.values())}
    fields |= {f"c{n}": column for n, column in enumerate(COLUMNS)}
    saved = press(reader, page, f"{path}/columns", profile="hrmos", **fields)
    assert saved.status_code == 303
    assert profiles_of(site.runtime, "acme") == [Profile("hrmos", COLUMNS)]
    assert "もう一度ファイルを選んでください" in reader.get(saved.location).text


def test_look_confirm_import(site: Site, mapped: str, reader: Reader) -> None:
    page = upload(reader, mapped, person(1), person(2), person(3, "選考中"))
    assert "2行を取り込む" in page.text
    assert known(site) == []
    done = press(reader, page, f"{mapped}/import", upload=held(page))
    assert "取り込んでいます" in reader.get(done.location).text
    assert import_confirmed(site.runtime) == set()
    site.world.work()
    assert "取り込みが完了しました" in reader.get(done.location).text
    assert known(site) == ["A0001", "A0002"]
    assert count(site.runtime, SheetPart) == 0
    again = press(reader, page, f"{mapped}/import", upload=held(page))
    assert (again.status_code, import_confirmed(site.runtime)) == (303, set())
    assert "新しく取り込む行はありません" in upload(reader, mapped, person(1), person(2)).text
    with site.runtime.database.read() as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("csv.import") == 1


def test_looking_stores_only_mapped_cells_of_good_rows_sealed(
    site: Site, mapped: str, reader: Reader
) -> None:
    upload(reader, mapped, person(1), person(2, 応募ID=""))
    with site.runtime.database.read() as session:
        (part,) = session.scalars(select(SheetPart))
    body = site.runtime.vault.open_bytes(part.rows_sealed, place=f"sheet_parts:{part.id}").decode()
    assert "person1@example.com" in body
    assert "person2" not in body
    assert SECRET not in body
    assert not [row for rows in site.dump().values() for row in rows if SECRET in repr(row)]
    assert "person1" not in repr(site.dump())


def test_kill_between_parts_goes_on_where_it_stopped(
    site: Site, mapped: str, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("careerrelay.engine.sheets.importing.BATCH", 2)
    page = upload(reader, mapped, *(person(n) for n in range(1, 6)))
    press(reader, page, f"{mapped}/import", upload=held(page))
    real, calls = uploads.store_events, 0

    def dies(*args: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return real(*args, **options)  # type: ignore[arg-type] - passed through

    with monkeypatch.context() as patched:
        patched.setattr(uploads, "store_events", dies)
        with pytest.raises(KeyboardInterrupt):
            import_confirmed(site.runtime)
    assert count(site.runtime, SheetPart) == 2
    assert import_confirmed(site.runtime) == set()
    site.world.work()
    assert known(site) == [f"A000{n}" for n in range(1, 6)]


def test_one_upload_that_cannot_be_imported_stops_no_other(
    site: Site, mapped: str, reader: Reader
) -> None:
    first = upload(reader, mapped, person(1))
    second = upload(reader, mapped, person(2))
    for page in (first, second):
        press(reader, page, f"{mapped}/import", upload=held(page))
    with site.runtime.database.begin() as session:
        broken = select(SheetPart).where(SheetPart.upload_id == held(first))
        session.scalars(broken).one().rows_sealed = b"junk"
    assert import_confirmed(site.runtime) == {held(first)}
    assert import_confirmed(site.runtime, leave={held(first)}) == set()
    site.world.work()
    assert known(site) == ["A0002"]


def test_rows_with_errors_are_told_and_come_back(mapped: str, reader: Reader) -> None:
    page = upload(reader, mapped, person(1), person(2, メールアドレス="<b>"))
    assert "3行目「メールアドレス」：メールアドレスの形式ではありません。" in page.text
    found = re.search(r'href="data:text/csv;base64,([^"]+)"', page.text)
    assert found
    lines = base64.b64decode(found[1]).decode("cp932").split("\r\n")
    assert (len(lines), SECRET in lines[1]) == (3, True)
    english = upload(
        Reader(reader.client, "en"), f"{mapped}?lang=en", person(2, メールアドレス="x")
    )
    assert "Row 2, メールアドレス: no e-mail address" in english.text


def test_why_old_rejections_get_no_link_is_said(mapped: str, reader: Reader) -> None:
    told = "より前の不採用は、対象になりません"
    assert told not in upload(reader, mapped, person(1, day="2026/11/10")).text
    page = upload(reader, mapped, person(2, day="2026/09/30"))
    assert "<strong>0</strong>" in page.text
    assert told in page.text


def test_words_are_explained_on_the_page(site: Site, mapped: str, reader: Reader) -> None:
    page = upload(reader, mapped, person(1, "一次NG", 不合格日="2026/11/10"), person(2))
    assert "意味が登録されていない語" in page.text
    words = {"status-w0": "一次NG", "status-m0": "rejected"}
    press(reader, page, f"{mapped}/words", profile="hrmos", **words)
    assert profiles_of(site.runtime, "acme")[0].statuses == {"一次NG": "rejected"}
    page = upload(reader, mapped, person(1, "一次NG", 不合格日="2026/11/10"), person(2))
    assert "2行を取り込む" in page.text
    refused = press(reader, page, f"{mapped}/words", profile="other")
    assert refused.status_code == 422
    assert "そのプロファイルは、すでにありません" in refused.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04", "Excelブック"),
        (b"", "CSVファイルを選んでください"),
        ("caf\u00e9,b\r\nid,x\r\n".encode(), "文字コードはUTF-8のようですが"),
        ("甲,乙\r\n1,2\r\n".encode("cp932"), "見出しは1行目のようですが"),
        (csv_bytes([person(1)]) + b'"A', "引用符"),
    ],
)
def test_what_cannot_be_read_is_told_beside_the_field(
    mapped: str, reader: Reader, content: bytes, words: str
) -> None:
    page = send(reader, mapped, content)
    assert page.status_code == 422
    assert words in page.text


def test_headings_row_can_be_said(path: str, reader: Reader) -> None:
    content = "表題\r\n甲,乙\r\n1,2\r\n".encode("cp932")
    page = send(reader, path, content, header_row="2", encoding="cp932")
    assert "列の対応" in page.text
    assert "（指定）" in page.text
    assert send(reader, path, content, header_row="x").status_code == 422


def test_a_file_above_the_limit_is_told(mapped: str, reader: Reader, site: Site) -> None:
    most = site.runtime.settings.csv["megabytes"]
    body = b"--x\r\n" + b"x" * (most * 1024 * 1024 + 100 * 1024)
    page = reader.post(mapped, body, content_type="multipart/form-data; boundary=x")
    assert page.status_code == 422
    assert "20MBを超えています" in page.text


def test_what_is_not_confirmed_is_forgotten(site: Site, mapped: str, reader: Reader) -> None:
    page = upload(reader, mapped, person(1))
    site.world.clock.forward(minutes=61)
    late = press(reader, page, f"{mapped}/import", upload=held(page))
    assert "確認から時間が経ちました" in late.text
    assert purge_uploads(site.runtime) == 1
    assert (count(site.runtime, SheetPart), count(site.runtime, SheetUpload)) == (0, 0)
    assert reader.get(f"{mapped}/files/{held(page)}").status_code == 422


def test_confirmed_uploads_are_never_purged_before_their_end(
    site: Site, mapped: str, reader: Reader
) -> None:
    page = upload(reader, mapped, person(1))
    press(reader, page, f"{mapped}/import", upload=held(page))
    site.world.clock.forward(days=60)
    assert purge_uploads(site.runtime) == 0
    import_confirmed(site.runtime)
    site.world.clock.forward(days=31)
    assert purge_uploads(site.runtime) == 1


def test_registrations_come_as_a_file(mapped: str, reader: Reader) -> None:
    page = reader.get(mapped)
    file = press(reader, page, f"{mapped}/registrations", encoding="cp932")
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.data.decode("cp932").startswith("応募ID,")
    assert press(reader, page, f"{mapped}/registrations", encoding="ebcdic").status_code == 422


def test_links_end_are_taken_back_and_belong_to_one_connection(
    site: Site, mapped: str, reader: Reader
) -> None:
    page = upload(reader, mapped, person(1))
    site.world.connect("other", connector="csv_bridge", secrets={})
    other = uploads.issue_link(site.runtime, "other", days=400, actor="test")
    other = other.removeprefix(site.runtime.settings.server["base_url"])
    stolen = press(reader, reader.get(other), f"{other}/import", upload=held(page))
    assert stolen.status_code == 422
    assert reader.get(f"{other}/files/{held(page)}").status_code == 422
    assert uploads.revoke_links(site.runtime, "other", actor="test") == 1
    assert reader.get(other).status_code == 410
    site.world.clock.forward(days=11)
    assert reader.get(mapped).status_code == 410
    assert reader.get(f"/u/{site.static_token()}").status_code == 404
    unknown = site.runtime.signer.token_for("x" * 22, purpose=Purpose.UPLOAD)
    assert reader.get(f"/u/{unknown}").status_code == 404
    with site.runtime.database.begin() as session:
        session.get_one(Connection, "sheet").removed_at = site.world.clock()
    assert reader.get(mapped).status_code == 410


@pytest.mark.parametrize("part", ["", "/columns", "/words", "/import", "/registrations"])
def test_nothing_is_done_without_the_pages_own_token(mapped: str, site: Site, part: str) -> None:
    before = site.dump()
    answer = site.reader().post(f"{mapped}{part}", {"upload": "x", "profile": "hrmos"})
    assert answer.status_code == 422
    assert site.dump() == before


def test_get_changes_nothing(mapped: str, site: Site, reader: Reader) -> None:
    page = upload(reader, mapped, person(1))
    before = site.dump()
    for path in (mapped, f"{mapped}/files/{held(page)}"):
        assert reader.get(path).status_code == 200
    assert site.dump() == before
    assert timedelta(0) < uploads.HELD


def test_uploads_of_one_link_are_limited(mapped: str, reader: Reader) -> None:
    codes = {reader.post(mapped, {}).status_code for _ in range(61)}
    assert codes == {422, 429}


def test_more_rows_than_a_browser_can_wait_for_are_refused_before_they_are_read(
    site: Site, mapped: str, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("careerrelay.webhook_server.uploads.MOST_ROWS", 2)
    assert "2行を取り込む" in upload(reader, mapped, person(1), person(2)).text
    page = upload(reader, mapped, person(1), person(2), person(3))
    assert (page.status_code, count(site.runtime, SheetPart)) == (422, 1)
    assert "データが2行を超えています" in page.text


def test_one_file_is_looked_at_at_a_time(mapped: str, site: Site, reader: Reader) -> None:
    """Each takes seconds: whoever holds a link must not keep web hooks waiting."""
    server = site.app.extensions[EXTENSION]
    with server.looking:
        page = upload(reader, mapped, person(1))
    assert page.status_code == 503
    assert "ほかのファイルを確認しています" in page.text
    assert "1行を取り込む" in upload(reader, mapped, person(1)).text
    assert "Excelブック" in send(reader, mapped, b"PK\x03\x04").text
    assert not server.looking.locked()


def test_signs_that_no_database_takes_are_refused_and_no_fault_of_ours(
    mapped: str, site: Site, reader: Reader
) -> None:
    page = upload(reader, mapped, person(1))
    assert "確認から時間が経ちました" in press(reader, page, f"{mapped}/import", upload="a\0b").text
    assert reader.get(f"{mapped}/files/a%00b").status_code == 422
    fields = {f"h{n}": heading for n, heading in enumerate(COLUMNS.values())}
    fields |= {f"c{n}": column for n, column in enumerate(COLUMNS)}
    for odd in ({"profile": "a\0b"}, {"profile": "a\nb"}, {"profile": "a", "h0": "id\0"}):
        saved = press(reader, page, f"{mapped}/columns", **{**fields, **odd})
        assert (saved.status_code, "列の対応を保存できませんでした" in saved.text) == (422, True)
    wide = press(reader, page, f"{mapped}/columns", **{**fields, "profile": "hrmos　新卒"})
    assert wide.status_code == 303
    word = {"status-w0": "x\0", "status-m0": "rejected"}
    assert press(reader, page, f"{mapped}/words", profile="hrmos", **word).status_code == 422
    assert [p.name for p in profiles_of(site.runtime, "acme")] == ["hrmos", "hrmos　新卒"]
