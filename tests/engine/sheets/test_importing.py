"""Files become signals once, however often and however interrupted; on both databases."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, BinaryIO

import pytest
from sqlalchemy import select

from careerrelay.engine.sheets import importing
from careerrelay.engine.sheets.importing import (
    FailedRows,
    FileReading,
    Outcome,
    import_file,
    looking,
)
from careerrelay.engine.sheets.opening import Manner, look_at, settled
from careerrelay.engine.sheets.profiles import (
    Profile,
    remove_profile,
    save_profile,
)
from careerrelay.engine.sheets.reader import open_sheet
from careerrelay.engine.sheets.store import store_events
from careerrelay.models.errors import RefusedError
from careerrelay.models.tables import (
    ApplicationRecord,
    Base,
    Company,
    Connection,
    Decision,
    Signal,
)
from tests.support.mailbox import running_mailbox
from tests.support.world import World

from .files import COLUMNS, HEADINGS, SECRET, csv_file, person


def reading(world: World, connection: Connection, file: BinaryIO) -> FileReading:
    sheet, profile = look_at(world.runtime, connection, file, Manner())
    return FileReading(
        world.runtime,
        connection,
        file,
        sheet=sheet,
        profile=settled(sheet, profile),
        as_of=world.clock(),
    )


def imported(world: World, connection: Connection, rows: Sequence[Sequence[str]]) -> Outcome:
    """Import the rows and work what follows."""
    found = import_file(
        world.runtime,
        connection,
        reading(world, connection, csv_file(rows)),
        as_of=world.clock(),
        actor="test",
    )
    world.work()
    return found


def cases(world: World) -> dict[str, tuple[str, str | None]]:
    """Each case's state and the code of its standing decision."""
    query = select(ApplicationRecord, Decision.code).outerjoin(
        Decision, Decision.id == ApplicationRecord.current_decision_id
    )
    with world.runtime.database.read() as session:
        return {record.external_id: (record.state, code) for record, code in session.execute(query)}


def signals(world: World) -> int:
    with world.runtime.database.read() as session:
        return len(session.scalars(select(Signal.id)).all())


def test_rejections_are_decided_like_any_others(world: World, connection: Connection) -> None:
    rows = [person(1), person(2, "選考前辞退", 不合格日="2026/11/10"), person(3, "選考中")]
    found = imported(world, connection, rows)
    assert cases(world) == {"A0001": ("rejected", "link")}
    assert (found.rows, found.failed, found.verdicts["untold"]) == (3, 1, 1)


def test_same_file_again_is_nothing_new(world: World, connection: Connection) -> None:
    rows = [person(1), person(2)]
    assert imported(world, connection, rows).verdicts == {"new": 2}
    before = signals(world)
    world.clock.forward(days=3)
    assert imported(world, connection, rows).verdicts == {"unchanged": 2}
    assert signals(world) == before


def test_a_corrected_row_changes_the_case_and_back_again(
    world: World, connection: Connection
) -> None:
    columns = {**COLUMNS, "withdrawn_on": "辞退日"}
    headings = (*HEADINGS[:-1], "辞退日")

    def say(status: str, rejected: str, withdrawn: str) -> None:
        row = [*person(1, status)[:5], rejected, withdrawn]
        file = csv_file([row], headings=headings)
        import_file(
            world.runtime, connection, reading(world, connection, file),
            as_of=world.clock(), actor="test",
        )  # fmt: skip
        world.work()

    save_profile(world.runtime, connection, Profile("both", columns), actor="test")
    say("不合格", "2026/11/10", "")
    assert cases(world)["A0001"] == ("rejected", "link")
    # Earlier than the rejection that was told before: the corrected line holds all the same.
    say("辞退", "", "2026/11/8")
    assert cases(world)["A0001"] == ("withdrawn", "withdrawn")
    say("不合格", "2026/11/10", "")
    assert cases(world)["A0001"] == ("rejected", "link")


def test_a_rejection_taken_back_in_the_sheet_takes_the_decision_back(
    world: World, connection: Connection
) -> None:
    imported(world, connection, [person(1)])
    world.clock.forward(days=1)
    imported(world, connection, [person(1, "選考中")])
    assert cases(world) == {"A0001": ("active", None)}
    world.clock.forward(days=1)
    assert imported(world, connection, [person(1, "選考中")]).verdicts == {"unchanged": 1}


def test_erased_row_forgets_the_person_and_the_sheet_cannot_bring_them_back(
    world: World, connection: Connection
) -> None:
    profile = Profile("hrmos", COLUMNS, statuses={"個人情報削除": "erased"})
    save_profile(world.runtime, connection, profile, actor="test")
    imported(world, connection, [person(1)])
    imported(world, connection, [person(1, "個人情報削除")])
    imported(world, connection, [person(1)])
    assert cases(world) == {"A0001": ("erased", None)}


def test_backlog_gets_no_link(world: World, connection: Connection) -> None:
    found = imported(world, connection, [person(1, day="2026/9/1"), person(2)])
    assert cases(world) == {"A0001": ("rejected", "before_start"), "A0002": ("rejected", "link")}
    assert found.new_rejections == 1
    assert found.oldest_rejection == datetime.fromisoformat("2026-09-01T00:00+09:00")


def test_agents_people_and_stop_tags_get_no_link(world: World, connection: Connection) -> None:
    with world.runtime.database.begin() as session:
        row = session.get_one(Connection, "sheet")
        row.settings = {"source_channels": "ABC人材=agent", "do_not_contact_tags": "連絡不可"}
    headings = (*HEADINGS, "応募経路", "タグ")
    columns = {**COLUMNS, "source": "応募経路", "tags": "タグ"}
    save_profile(world.runtime, connection, Profile("more", columns), actor="test")
    rows = [[*person(1), "ABC人材", ""], [*person(2), "", "連絡不可"], [*person(3), "", ""]]
    with world.runtime.database.read() as session:
        fresh = session.get_one(Connection, "sheet")
        _ = fresh.company
    import_file(
        world.runtime, fresh, reading(world, fresh, csv_file(rows, headings=headings)),
        as_of=world.clock(), actor="test",
    )  # fmt: skip
    world.work()
    assert {id_: code for id_, (_, code) in cases(world).items()} == {
        "A0001": "agent_scout_school",
        "A0002": "do_not_contact",
        "A0003": "link",
    }


def test_reasons_come_from_the_closed_list_only(world: World, connection: Connection) -> None:
    headings = (*HEADINGS, "不採用理由")
    profile = Profile(
        "reasons", {**COLUMNS, "reason": "不採用理由"},
        reasons={"スキル不足": "company", "他社決定": "candidate", "その他": "unknown"},
    )  # fmt: skip
    save_profile(world.runtime, connection, profile, actor="test")
    words = ["スキル不足", "他社決定", "その他", SECRET, ""]
    rows = [[*person(n), word] for n, word in enumerate(words, 1)]
    found = import_file(
        world.runtime, connection,
        reading(world, connection, csv_file(rows, headings=headings)),
        as_of=world.clock(), actor="test",
    )  # fmt: skip
    world.work()
    assert {id_: code for id_, (_, code) in cases(world).items()} == {
        "A0001": "link",
        "A0002": "withdrawn",
        "A0003": "unmapped_reason",
        "A0005": "link",
    }
    assert [(f.number, f.heading) for f in found.faults] == [(5, "不採用理由")]
    assert SECRET not in found.faults[0].told("ja") + found.faults[0].told("en")


def test_what_nobody_mapped_is_nowhere(world: World, connection: Connection) -> None:
    imported(world, connection, [person(1)])
    vault = world.runtime.vault
    with world.runtime.database.read() as session:
        stored = [
            repr(row)
            for table in Base.metadata.sorted_tables
            for row in session.execute(table.select()).all()
        ]
        bodies = [
            vault.open_bytes(s.body_sealed, place=f"signals:{s.id}").decode()
            for s in session.scalars(select(Signal))
        ]
    assert bodies
    assert "person1@example.com" in bodies[0]
    assert not [text for text in (*stored, *bodies) if SECRET in text or "評価メモ" in text]


def test_dry_run_says_the_same_and_stores_nothing(world: World, connection: Connection) -> None:
    rows = [person(1), person(2, 応募ID="")]
    file = csv_file(rows)
    dry = reading(world, connection, file).run(
        looking(world.runtime, connection, as_of=world.clock())
    )
    assert (signals(world), cases(world)) == (0, {})
    assert dry.counts() == imported(world, connection, rows).counts()


def test_kill_at_any_batch_and_a_second_run_lose_and_double_nothing(
    world: World, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    rows = [person(n) for n in range(1, 8)]
    for dies_at in range(1, 5):
        calls = 0

        def dying(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            done = store_events(*args, **kwargs)
            if calls == dies_at:  # noqa: B023 - read within this turn of the loop
                raise KeyboardInterrupt
            return done

        monkeypatch.setattr(importing, "store_events", dying)
        with pytest.raises(KeyboardInterrupt):
            imported(world, connection, [*rows, person(100 + dies_at), person(200 + dies_at)])
    monkeypatch.setattr(importing, "store_events", store_events)
    world.work()
    imported(world, connection, rows)
    with world.runtime.database.read() as session:
        heard = [s.dedupe_key.split(":")[1] for s in session.scalars(select(Signal))]
    assert sorted(heard)[:7] == [row[0] for row in rows]
    assert len(heard) == len(set(heard)) == len(cases(world))


def test_two_rows_of_one_case_are_both_told(world: World, connection: Connection) -> None:
    rows = [person(1), person(2), person(1, day="2026/11/11"), person(2)]
    found = imported(world, connection, rows)
    assert [(f.number, f.heading) for f in found.faults] == [(2, "応募ID"), (4, "応募ID")]
    assert (found.repeated, cases(world)) == (1, {"A0002": ("rejected", "link")})


@pytest.mark.parametrize("codec", ["cp932", "utf-16"])
def test_failed_rows_come_back_to_be_corrected(
    world: World, connection: Connection, codec: str
) -> None:
    rows = [person(1), person(2, メールアドレス="no address"), person(3, 求人="=1+1", 応募ID="")]
    file, out = csv_file(rows, codec=codec), io.BytesIO()
    found = reading(world, connection, file)
    sheet = open_sheet(file, known=HEADINGS)
    failed = FailedRows(out, sheet, locale="ja")
    import_file(world.runtime, connection, found, as_of=world.clock(), actor="test", failed=failed)
    failed.close()
    lines = out.getvalue().decode(codec).lstrip("\ufeff").split("\r\n")
    assert lines[0] == ",".join([*HEADINGS, "CareerRelayエラー"])
    assert lines[1].startswith("A0002,")
    assert "3行目「メールアドレス」：" in lines[1]
    assert ",'=1+1," in lines[2]
    assert "4行目「応募ID」：応募IDがありません" in lines[2]
    corrected = out.getvalue().decode(codec).replace("no address", "person2@example.com")
    corrected = corrected.replace(",応募 太郎3", "A0003,応募 太郎3")
    again = io.BytesIO(corrected.encode(codec))
    import_file(
        world.runtime, connection, reading(world, connection, again),
        as_of=world.clock(), actor="test",
    )  # fmt: skip
    world.work()
    assert set(cases(world)) == {"A0001", "A0002", "A0003"}
    with world.runtime.database.read() as session:
        titles = {r.external_id: r.job_title for r in session.scalars(select(ApplicationRecord))}
    assert titles["A0003"] == "=1+1"


def test_without_ids_the_address_job_and_day_tell_cases_apart(
    world: World, connection: Connection
) -> None:
    columns = {name: h for name, h in COLUMNS.items() if name != "application_id"}
    remove_profile(world.runtime, connection.company_id, "hrmos", actor="test")
    save_profile(world.runtime, connection, Profile("none", columns), actor="test")
    rows = [person(1), person(1, 求人="開発職"), person(2, メールアドレス="")]
    found = imported(world, connection, rows)
    assert imported(world, connection, rows).verdicts["unchanged"] == 2
    assert (len(cases(world)), [f.heading for f in found.faults]) == (2, ["メールアドレス"])
    assert not [id_ for id_ in cases(world) if "person1" in id_]


def test_rows_with_too_many_or_too_long_cells_are_told(
    world: World, connection: Connection
) -> None:
    rows = [[*person(1), "x"], person(2, 求人="長" * 600), person(3)[:4]]
    found = imported(world, connection, rows)
    assert [(f.number, f.heading) for f in found.faults] == [(2, ""), (3, "求人")]
    assert found.verdicts == {"untold": 1}


def test_a_file_without_the_profiles_columns_is_refused(
    world: World, connection: Connection
) -> None:
    file = csv_file([person(1)[:5]], headings=HEADINGS[:5])
    sheet, profile = look_at(world.runtime, connection, file, Manner(profile="hrmos"))
    with pytest.raises(RefusedError, match="不合格日"):
        FileReading(
            world.runtime, connection, file,
            sheet=sheet, profile=settled(sheet, profile), as_of=world.clock(),
        )  # fmt: skip
    with pytest.raises(RefusedError, match="no profile fits"):
        settled(*look_at(world.runtime, connection, file, Manner()))


def test_memory_stays_bounded(world: World, connection: Connection) -> None:
    """Batches are what is held: ``take`` never sees more than one."""
    sizes: list[int] = []
    file = csv_file([person(n) for n in range(1, 1002)])

    def take(batch: Sequence[Any]) -> list[str]:
        sizes.append(len(batch))
        return ["new"] * len(batch)

    reading(world, connection, file).run(take)
    assert (max(sizes), sum(sizes)) == (importing.BATCH, 1001)
    assert timedelta(0) < world.clock() - connection.created_at


def test_own_mail_waits_as_long_as_the_ats_may_and_goes_out_once(
    world: World, connection: Connection
) -> None:
    with running_mailbox() as box:
        with world.runtime.database.begin() as session:
            session.get_one(Connection, "sheet").strategies = ["own_mail"]
            session.get_one(Company, "acme").smtp = box.account()
        rows = [person(1, day="2026/11/20"), person(2, "選考前辞退", 不合格日="")]
        imported(world, connection, rows)
        assert box.messages == []
        world.clock.forward(days=3)
        world.work()
        imported(world, connection, rows)
        assert [message.recipients for message in box.messages] == [["person1@example.com"]]
