"""Many people confirm at the same moment, through real threads: each counts once, ten make one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from careerrelay.engine.registration import confirm_code
from careerrelay.models.tables import CountedPerson, LedgerEntry, OutgoingMail, Report
from tests.webhook_server.site import Site, csrf_of

PEOPLE = 60
AGAIN = 4
"""So many of them registered a second time, by another link: 64 confirmations in all."""


def registered(site: Site, people: int, *, again: int = 0) -> list[str]:
    """Registrations of so many people that wait for their proof; their ids."""
    for number in range(people):
        site.world.apply(number)
    site.world.work()
    site.world.clock.forward(days=1)
    for number in range(people):
        site.world.reject(number)
    site.world.work()
    fields = site.world.vendor.fields
    tokens = {n: fields[f"c{n}"].rpartition("/")[2] for n in range(people)}
    own = [site.start(token, number=number) for number, token in tokens.items()]
    static = site.static_token()
    return own + [site.start(static, number=number) for number in range(again)]


def all_at_once(jobs: Sequence[Callable[[], object]]) -> list[BaseException]:
    """Run every job in its own thread, all let go at the same moment; what they raised."""
    gate = threading.Barrier(len(jobs))
    raised: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        gate.wait()
        try:
            job()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def pressing(site: Site, registration: str, *, host: int, answers: list[int]) -> Callable[[], None]:
    """A browser that has the page open and will press the button."""
    reader = site.reader(address=f"192.0.2.{host}")
    path = f"/p/{site.proof_token(registration)}"
    form = {"csrf_token": csrf_of(reader.get(path))}
    return lambda: answers.append(reader.post(path, form).status_code)


def test_64_confirmations_at_once_count_each_person_once(site: Site) -> None:
    registrations = registered(site, PEOPLE, again=AGAIN)
    answers: list[int] = []
    jobs = [pressing(site, id_, host=n + 1, answers=answers) for n, id_ in enumerate(registrations)]
    assert all_at_once(jobs) == []
    assert answers == [303] * (PEOPLE + AGAIN)
    with site.runtime.database.read() as session:
        numbers: dict[str, list[int]] = {"credit": [], "slot": []}
        for entry in session.query(LedgerEntry):
            numbers[entry.kind].append(entry.number)
        people = {row.person_key for row in session.query(CountedPerson)}
    assert sorted(numbers["credit"]) == list(range(1, PEOPLE + 1))
    assert sorted(numbers["slot"]) == list(range(1, PEOPLE // 10 + 1))
    assert sum(key.startswith("candidate:") for key in people) == PEOPLE
    assert sum(site.registration(id_).counted for id_ in registrations) == PEOPLE


def test_one_button_pressed_by_many_at_once_acts_once(site: Site) -> None:
    answers: list[int] = []
    wanted = registered(site, 8)
    jobs = [pressing(site, id_, host=n + 1, answers=answers) for n, id_ in enumerate(wanted * 8)]
    assert all_at_once(jobs) == []
    assert answers == [303] * 64
    with site.runtime.database.read() as session:
        kinds = Counter((m.registration_id, m.kind) for m in session.query(OutgoingMail))
        reports = Counter(r.registration_id for r in session.query(Report))
    assert all(kinds[id_, "welcome"] == 1 for id_ in wanted)
    assert all(reports[id_] == 1 for id_ in wanted)


def test_a_code_guessed_by_many_at_once_has_five_tries(site: Site) -> None:
    (id_,) = registered(site, 1)
    wrong = "0" * 8 if site.code(id_) != "0" * 8 else "1" * 8
    assert all_at_once([lambda: confirm_code(site.runtime, id_, wrong)] * 24) == []
    assert site.registration(id_).code_tries == 5
    assert confirm_code(site.runtime, id_, site.code(id_)) is None
