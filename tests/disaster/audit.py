"""The auditor: what senders, the ATS and applicants saw, against our ledger.

Nothing is asked of the code under test but its rows. Every fault is named, so that a run that
fails says what became of whom.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from careerrelay.engine.people import open_candidate
from careerrelay.engine.runtime import Runtime
from careerrelay.link_signing import Purpose
from careerrelay.models.errors import ConfigurationError
from careerrelay.models.tables import (
    ApplicationRecord,
    Attempt,
    CountedPerson,
    Decision,
    Delivery,
    LedgerEntry,
    OutgoingMail,
    Registration,
    RelayLink,
    Report,
    Signal,
)
from tests.disaster.counting_ats import CountingAts
from tests.disaster.installations import rows
from tests.disaster.load import history, is_rejected
from tests.disaster.senders import Sender, proof_links, texts_to
from tests.support.mailbox import Mailbox

LOST, DOUBLED, WRONG_ORDER, OPEN = "lost", "doubled", "wrong order", "left open"


@dataclass
class Findings:
    """Faults by kind, and how much was looked at."""

    faults: list[tuple[str, str]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def count(self, kind: str) -> int:
        return sum(found == kind for found, _ in self.faults)

    def __str__(self) -> str:
        seen = ", ".join(f"{number} {name}" for name, number in self.seen.items())
        kinds = (LOST, DOUBLED, WRONG_ORDER, OPEN)
        return f"{seen}: " + ", ".join(f"{kind} {self.count(kind)}" for kind in kinds)


def audit(
    runtime: Runtime,
    *,
    sender: Sender,
    told: Collection[str],
    people: range,
    ats: CountingAts,
    registered: Collection[int] = (),
    mailbox: Mailbox | None = None,
) -> Findings:
    """Look at everything; says the figures on stdout. ``mailbox``: of those who registered."""
    found = Findings()
    for part in (
        _signals(runtime, sender, told, found),
        _sealed(runtime),
        _cases(runtime, people, ats, found),
        _registrations(runtime, registered, ats, found),
        _mails(runtime, registered, mailbox, found),
    ):
        found.faults.extend(part)
    sys.stdout.write(f"{found}\n")
    return found


def _signals(
    runtime: Runtime, sender: Sender, told: Collection[str], found: Findings
) -> Iterator[tuple[str, str]]:
    """Every acknowledged signal is stored exactly once, and was read."""
    signals = rows(runtime, Signal)
    stored = Counter(s.dedupe_key.split(":")[1] for s in signals)
    found.seen["posts"] = sender.attempts
    found.seen["signals"] = len(signals)
    for delivery in told:
        if not sender.acknowledged[delivery] or not stored[delivery]:
            yield LOST, f"signal {delivery}"
        if stored[delivery] > 1:
            yield DOUBLED, f"signal {delivery}"
    for signal in signals:
        if signal.state != "done" or signal.outcome not in ("recorded", "stale"):
            yield OPEN, f"signal {signal.dedupe_key}: {signal.state} {signal.outcome}"
    for attempt in rows(runtime, Attempt):
        if attempt.finished_at is None:
            yield OPEN, f"an attempt at {attempt.subject_id} that nobody ended"


def _sealed(runtime: Runtime) -> Iterator[tuple[str, str]]:
    """What was stored can be opened, whatever became of the keys meanwhile."""
    for signal in rows(runtime, Signal):
        try:
            runtime.vault.open_bytes(signal.body_sealed, place=f"signals:{signal.id}")
        except ConfigurationError:
            yield LOST, f"the body of signal {signal.dedupe_key}"
    for record in rows(runtime, ApplicationRecord):
        try:
            open_candidate(runtime.vault, record)
        except ConfigurationError:
            yield LOST, f"the person of case {record.external_id}"


def _cases(
    runtime: Runtime, people: range, ats: CountingAts, found: Findings
) -> Iterator[tuple[str, str]]:
    """The last truth stands, with one decision; each link was written once, as owed."""
    records = {r.external_id: r for r in rows(runtime, ApplicationRecord)}
    standing = Counter(d.application_id for d in rows(runtime, Decision) if not d.superseded_at)
    links = {link.candidate_external_id: link for link in rows(runtime, RelayLink)}
    found.seen["cases"] = len(records)
    found.seen["links in the ATS"] = sum(len(ats.links[f"c{n}"]) for n in people)
    for n in people:
        record = records.get(f"a{n}")
        if record is None:
            yield LOST, f"case a{n}"
            continue
        if record.state != history(n)[-1].state.value:
            yield WRONG_ORDER, f"case a{n} is {record.state}"
        if standing[record.id] != is_rejected(n):
            yield WRONG_ORDER, f"case a{n} has {standing[record.id]} standing decisions"
        written, ours = ats.links[f"c{n}"], links.get(f"c{n}")
        told = [_link_behind(runtime, url) for url in written]
        if ours is None or ours.id not in told:
            yield LOST, f"the link of c{n}"
        if len(written) > 1:
            yield DOUBLED, f"the link of c{n}, {len(written)} times"
    yield from _deliveries(runtime)


def _link_behind(runtime: Runtime, url: str) -> str:
    return runtime.signer.open(url.removeprefix(runtime.signer.prefix(Purpose.RELAY)))


def _deliveries(runtime: Runtime) -> Iterator[tuple[str, str]]:
    owed = Counter((d.application_id, d.purpose) for d in rows(runtime, Delivery))
    yield from ((DOUBLED, f"delivery {key}") for key, number in owed.items() if number > 1)
    for delivery in rows(runtime, Delivery):
        if delivery.state not in ("done", "skipped"):
            yield OPEN, f"delivery {delivery.id}: {delivery.state} {delivery.error_code}"


def _registrations(
    runtime: Runtime, people: Collection[int], ats: CountingAts, found: Findings
) -> Iterator[tuple[str, str]]:
    """Each person counts once, ten make a slot, each report stands once on its record."""
    ledger = rows(runtime, LedgerEntry)
    credits_ = [entry for entry in ledger if entry.kind == "credit"]
    slots = [entry for entry in ledger if entry.kind == "slot"]
    found.seen["credits"], found.seen["slots"] = len(credits_), len(slots)
    kind = LOST if len(credits_) < len(people) else DOUBLED
    if len(credits_) != len(people):
        yield kind, f"{len(credits_)} credits for {len(people)} people"
    if len(slots) != len(people) // 10:
        yield kind, f"{len(slots)} slots for {len(people)} people"
    if {p.entry_id for p in rows(runtime, CountedPerson)} != {entry.id for entry in credits_}:
        yield LOST, "a credit whose person is not known"
    if sorted(e.number for e in credits_) != list(range(1, len(credits_) + 1)):
        yield WRONG_ORDER, "numbers of the credits"
    yield from _reports(runtime, people, ats)


def _reports(
    runtime: Runtime, people: Collection[int], ats: CountingAts
) -> Iterator[tuple[str, str]]:
    """A person who got two proof mails may have proved both; each is reported, one counts."""
    proved = [r for r in rows(runtime, Registration) if r.state == "proved"]
    reports = rows(runtime, Report)
    noted = Counter(note for notes in ats.notes.values() for note in notes)
    if not len(noted) == len(reports) == len(proved):
        yield LOST, f"{len(noted)} notes, {len(reports)} reports, {len(proved)} proved"
    yield from ((DOUBLED, "a note") for number in noted.values() if number > 1)
    yield from ((OPEN, f"report {r.id}: {r.state}") for r in reports if r.state != "done")
    for n in people:
        if not ats.notes[f"c{n}"]:
            yield LOST, f"the note about c{n}"


def _mails(
    runtime: Runtime, people: Collection[int], mailbox: Mailbox | None, found: Findings
) -> Iterator[tuple[str, str]]:
    """Nobody is left without an answer; one that was lost may bring the same mail again."""
    for mail in rows(runtime, OutgoingMail):
        if mail.state not in ("done", "skipped"):
            yield OPEN, f"mail {mail.id}: {mail.state} {mail.error_code}"
    if mailbox is None:
        return
    for n in people:
        mails = texts_to(n, mailbox)
        proofs = [text for text in mails if proof_links(text)]
        found.seen["mails to registrants"] += len(mails)
        if not proofs or len(proofs) == len(mails):
            yield LOST, f"a mail to person {n}, who got {len(mails)}, {len(proofs)} of them proofs"
