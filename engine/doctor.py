"""Is everything in order? In the order in which things depend on each other, with remedies.

Nothing is changed and nothing is sent. What is broken is a finding, never an exception, and
what rests on it is left out rather than reported broken as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..mail import smtp
from ..models.companies import Strategy
from ..models.errors import CareerRelayError, NotFoundError
from .companies import all_companies
from .config import Settings
from .connections import all_connections, find_connection
from .doctor_connections import connection_findings
from .findings import Finding, Status, fail, hint, ok
from .installation import (
    check_engine_tables,
    check_schema,
    store_errors,
    unchecked_runtime,
)
from .keys import KeyFile
from .own_mail import account_of
from .registrant_mail import operator_account
from .replay import dead_counts
from .runtime import Runtime
from .slots import slot_reports
from .templates import findings_of_own

OPERATOR_FIELDS = (
    "name",
    "license_no",
    "address",
    "contact_email",
    "privacy_url",
    "terms_url",
)
"""What the registration page and every mail must name."""


def examine(
    load_settings: Callable[[], Settings],
    *,
    connection: str | None = None,
    locale: str = "en",
) -> Iterator[Finding]:
    """Every finding, as it is made. ``connection``: look at that one only, beside the basics.
    ``locale``: of what is remarked on a company's own texts."""
    try:
        settings = load_settings()
    except CareerRelayError as error:
        yield fail("settings", "file", error.message, remedy="correct the setting named above")
        return
    yield from _keys(settings)
    yield from _settings(settings)
    if KeyFile(settings.key_file).readable():
        yield from _store(settings, connection, locale)


def _keys(settings: Settings) -> Iterator[Finding]:
    file = KeyFile(settings.key_file)
    try:
        keys = file.current()
    except CareerRelayError as error:
        yield fail("keys", "file", error.message, remedy="see the message")
        return
    yield ok("keys", "file", f"{settings.key_file}, readable by its owner only")
    if keys.next_sealing or len(keys.sealing) > 1:
        yield hint(
            "keys",
            "rotation",
            "a rotation was begun and is not finished",
            remedy="run 'careerrelay keys rotate'",
        )


def _settings(settings: Settings) -> Iterator[Finding]:
    yield ok("settings", "file", "every setting is known and possible")
    base = settings.server["base_url"]
    if "//127.0.0.1" in base or "//localhost" in base:
        yield hint(
            "settings",
            "base_url",
            "links in mails lead to this machine only",
            remedy="set [server] base_url to the public address",
        )
    elif not base.startswith("https://"):
        yield fail(
            "settings",
            "base_url",
            "the registration page is not reached by https",
            remedy="put a TLS proxy in front and set [server] base_url to https://...",
        )
    if settings.folder.exists() and settings.folder.stat().st_mode & 0o077:
        yield hint(
            "settings",
            "folder",
            f"others can look into the data folder {settings.folder}",
            remedy=f"run: chmod 700 {settings.folder}",
        )


def _store(settings: Settings, connection: str | None, locale: str) -> Iterator[Finding]:
    try:
        runtime = unchecked_runtime(settings)
    except CareerRelayError as error:
        yield fail("settings", "start", error.message)
        return
    try:
        database = list(_database(runtime))
        yield from database
        if not any(found.status is Status.FAIL for found in database):
            yield from _inside(runtime, connection, locale)
    finally:
        runtime.close()


def _database(runtime: Runtime) -> Iterator[Finding]:
    """Stops at the first that fails: the next would fail for the same cause."""
    steps: tuple[tuple[str, Callable[[], None], str], ...] = (
        ("revision", lambda: check_schema(runtime.database), "the schema is this version's"),
        ("integrity", runtime.database.check, "it answers and is not damaged"),
        ("engine", lambda: check_engine_tables(runtime), "the queue's own tables answer"),
    )
    for name, step, detail in steps:
        try:
            with store_errors():
                step()
        except CareerRelayError as error:
            yield fail("database", name, error.message)
            return
        yield ok("database", name, detail)


def _known(runtime: Runtime, connection: str) -> Iterator[Finding]:
    """A mistyped name must not pass for a connection in which nothing is wrong."""
    try:
        find_connection(runtime, connection)
    except NotFoundError as error:
        yield fail(connection, "name", error.message)


def _inside(runtime: Runtime, connection: str | None, locale: str) -> Iterator[Finding]:
    yield from _operator(runtime)
    yield from _mail(runtime)
    companies = all_companies(runtime)
    if not companies:
        yield hint("companies", "none", "nobody uses this yet", remedy="careerrelay company add")
    if connection is not None:
        yield from _known(runtime, connection)
    for row in all_connections(runtime):
        if connection in (None, row.id):
            yield from connection_findings(runtime, row)
    for company in companies:
        yield from findings_of_own(runtime, company.id, locale=locale)
    yield from _work(runtime)
    yield from _ledgers(runtime)


def _operator(runtime: Runtime) -> Iterator[Finding]:
    missing = [n for n in OPERATOR_FIELDS if not runtime.settings.operator[n]]
    if not missing:
        yield ok("operator", "fields", "the registration page can name who runs the service")
        return
    yield fail(
        "operator",
        "fields",
        f"the registration page must name the operator's {', '.join(missing)}",
        remedy=f"set [operator] {', '.join(missing)}",
    )


def _mail(runtime: Runtime) -> Iterator[Finding]:
    yield _probed("operator", lambda: operator_account(runtime))
    senders = {
        row.company_id
        for row in all_connections(runtime)
        if Strategy.OWN_MAIL.value in row.strategies
    }
    for company in all_companies(runtime):
        if company.id in senders:
            yield _probed(company.id, lambda company=company: account_of(runtime, company))


def _probed(area: str, account: Callable[[], smtp.SmtpAccount]) -> Finding:
    """Connect, encrypt and sign in; send nothing."""
    try:
        seen = smtp.probe(account())
    except CareerRelayError as error:
        return fail(area, "smtp", error.message)
    how = "encrypted" if seen.encrypted else "not encrypted"
    return ok(area, "smtp", f"it answers, {how}{', signed in' if seen.authenticated else ''}")


def _work(runtime: Runtime) -> Iterator[Finding]:
    dead = dead_counts(runtime)
    if not dead:
        yield ok("work", "dead", "nothing was given up")
        return
    told = ", ".join(f"{number} {kind}" for kind, number in dead.items())
    yield hint(
        "work", "dead", f"given up: {told}", remedy="look at 'careerrelay work list'"
    )  # fmt: skip


def _ledgers(runtime: Runtime) -> Iterator[Finding]:
    for report in slot_reports(runtime):
        if report.faults:
            yield fail(
                report.company,
                "ledger",
                "; ".join(report.faults),
                remedy="keep the database as it is and ask for help: lines are never changed",
            )
        else:
            yield ok(report.company, "ledger", f"{report.credits} counted, {report.slots} slots")
