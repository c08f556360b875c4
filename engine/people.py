"""Between the sealed columns and the values connectors and mails use."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..mail.addresses import normalise_for_matching, normalise_for_uniqueness, read_address
from ..models.candidates import (
    Application,
    ApplicationState,
    Candidate,
    Channel,
    Flag,
    Job,
    Reason,
    RejectionSide,
    Stage,
)
from ..models.crypto import Vault
from ..models.errors import AddressError
from ..models.tables import ApplicationAddress, ApplicationRecord, CountedPerson, Suppression

EVERYWHERE = "*"


def address_hashes(vault: Vault, addresses: Iterable[str]) -> list[str]:
    """Keyed hashes of addresses, each once, in order."""
    return list(dict.fromkeys(vault.match(normalise_for_matching(a)) for a in addresses if a))


def readable_addresses(addresses: Iterable[str]) -> list[str]:
    """Those that are addresses, as they are written on the wire, in order."""
    found = []
    for address in addresses:
        with suppress(AddressError):
            found.append(read_address(address))
    return found


@dataclass(frozen=True, slots=True)
class Identity:
    """A person's addresses, of what an ATS holds those that are some, and what finds the person
    again: by mail, and as counted."""

    emails: list[str]
    hashes: list[str]
    keys: list[str]


class Identities:
    """Of one connection's people, inside one transaction; each is worked out once."""

    def __init__(self, vault: Vault, connection_id: str) -> None:
        self._vault = vault
        self._connection_id = connection_id
        self._known: dict[Candidate, Identity] = {}

    def of(self, candidate: Candidate) -> Identity:
        if candidate not in self._known:
            self._known[candidate] = self._work_out(candidate)
        return self._known[candidate]

    def _work_out(self, candidate: Candidate) -> Identity:
        emails = readable_addresses(candidate.emails)
        keys = person_keys(
            self._vault,
            candidate.emails,
            connection_id=self._connection_id,
            candidate_id=candidate.external_id,
        )
        return Identity(emails, address_hashes(self._vault, emails), keys)


def seal_person(
    vault: Vault, record: ApplicationRecord, candidate: Candidate, identity: Identity
) -> None:
    """Store names and addresses, encrypted, and the hashes that find them again.

    What an ATS holds in its e-mail field and is no address is not kept.
    """
    person = {
        "emails": identity.emails,
        "family_name": candidate.family_name,
        "given_name": candidate.given_name,
        "full_name": candidate.full_name,
    }
    text = json.dumps(person, ensure_ascii=False)
    record.person_sealed = vault.seal(text, place=f"applications:{record.id}")
    # One by one: a list put in place of the other is compared with it at twice the cost.
    for address in [a for a in record.addresses if a.email_hash not in identity.hashes]:
        record.addresses.remove(address)
    known = {address.email_hash for address in record.addresses}
    for email_hash in identity.hashes:
        if email_hash not in known:
            record.addresses.append(
                ApplicationAddress(application_id=record.id, email_hash=email_hash)
            )


def open_candidate(vault: Vault, record: ApplicationRecord) -> Candidate:
    """The person of a case; without names and addresses once erased."""
    person = {}
    if record.person_sealed:
        person = json.loads(vault.open(record.person_sealed, place=f"applications:{record.id}"))
    return Candidate(
        external_id=record.candidate_external_id,
        emails=tuple(person.get("emails", ())),
        family_name=person.get("family_name", ""),
        given_name=person.get("given_name", ""),
        full_name=person.get("full_name", ""),
        locale=record.locale,
    )


def open_application(vault: Vault, record: ApplicationRecord) -> Application:
    """A case as connectors know it, from what we stored."""
    reason = None
    if record.reason_external_id is not None:
        side = RejectionSide(record.reason_side or RejectionSide.UNKNOWN)
        reason = Reason(record.reason_external_id, record.reason_text or "", side)
    job = None
    if record.job_external_id is not None:
        job = Job(record.job_external_id, record.job_title or "")
    return Application(
        external_id=record.external_id,
        candidate=open_candidate(vault, record),
        state=ApplicationState(record.state),
        changed_at=record.changed_at,
        job=job,
        reason=reason,
        stage=Stage(record.stage),
        channel=Channel(record.channel),
        flags=frozenset(Flag(flag) for flag in record.flags),
        applied_at=record.applied_at,
        notice_after=record.notice_after,
        ats_url=record.ats_url,
        version=record.version or "",
    )


def is_suppressed(session: Session, hashes: Iterable[str], company_id: str) -> bool:
    """Any of these addresses must not get a link of this company."""
    query = select(Suppression.email_hash).where(
        Suppression.email_hash.in_(list(hashes)), Suppression.scope.in_((company_id, EVERYWHERE))
    )
    return session.scalars(query.limit(1)).first() is not None


def mailbox_hash(vault: Vault, address: str) -> str:
    """Keyed hash of the mailbox behind an address, whatever tag or dots it is spelled with."""
    return vault.match(f"unique:{normalise_for_uniqueness(address)}")


def person_keys(
    vault: Vault, addresses: Iterable[str], *, connection_id: str, candidate_id: str | None
) -> list[str]:
    """Every key under which a person counts at a company: all addresses, and the ATS's id."""
    hashes = dict.fromkeys(mailbox_hash(vault, address) for address in addresses if address)
    keys = [f"email:{h}" for h in hashes]
    return [*keys, candidate_key(connection_id, candidate_id)] if candidate_id else keys


def candidate_key(connection_id: str, candidate_id: str) -> str:
    """The key of a person as one connection's ATS knows them."""
    return f"candidate:{connection_id}:{candidate_id}"


def counted_as(session: Session, company_id: str, keys: Iterable[str]) -> str | None:
    """The id of the credit this person was counted with for this company before, if any."""
    query = select(CountedPerson.entry_id).where(
        CountedPerson.company_id == company_id, CountedPerson.person_key.in_(list(keys))
    )
    return session.scalars(query.order_by(CountedPerson.entry_id).limit(1)).first()


def is_counted(
    vault: Vault, session: Session, record: ApplicationRecord, *, company_id: str
) -> bool:
    """The person of this case has registered through the company by now, be it by another case."""
    keys = person_keys(
        vault,
        open_candidate(vault, record).emails,
        connection_id=record.connection_id,
        candidate_id=record.candidate_external_id,
    )
    return counted_as(session, company_id, keys) is not None
