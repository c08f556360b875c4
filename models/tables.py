"""Every mapped class in one place, so that metadata is complete whoever imports it."""

from .applications import ApplicationAddress, ApplicationRecord
from .audit import Attempt, AuditEntry, Heartbeat
from .base import Base, OwedWork, WorkState, new_id, next_id
from .calls import CallMonth, CallWindow
from .companies import Company, Connection, MailTemplate, ReasonRule, SharedToken
from .decisions import Decision, ReasonCode
from .facts import Fact
from .ledger import CountedPerson, LedgerEntry
from .links import Delivery, RelayLink
from .registrations import Consent, OutgoingMail, Provision, Registration, Report
from .relays import MailRelay, RelayedMail
from .sheets import SheetPart, SheetProfile, SheetRow, SheetUpload, UploadLink
from .signals import RefusedRequest, Signal
from .spool import SpooledContent, SpooledMail
from .suppressions import Suppression

__all__ = [
    "ApplicationAddress",
    "ApplicationRecord",
    "Attempt",
    "AuditEntry",
    "Base",
    "CallMonth",
    "CallWindow",
    "Company",
    "Connection",
    "Consent",
    "CountedPerson",
    "Decision",
    "Delivery",
    "Fact",
    "Heartbeat",
    "LedgerEntry",
    "MailRelay",
    "MailTemplate",
    "OutgoingMail",
    "OwedWork",
    "Provision",
    "ReasonCode",
    "ReasonRule",
    "RefusedRequest",
    "Registration",
    "RelayLink",
    "RelayedMail",
    "Report",
    "SharedToken",
    "SheetPart",
    "SheetProfile",
    "SheetRow",
    "SheetUpload",
    "Signal",
    "SpooledContent",
    "SpooledMail",
    "Suppression",
    "UploadLink",
    "WorkState",
    "new_id",
    "next_id",
]
