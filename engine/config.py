"""The server's own settings: built-in defaults, then careerrelay.toml, then the environment.

Companies, connections, reason maps and templates are not here; they live in the database.
A TOML value is a literal, ``{ env = "NAME" }`` or ``{ file = "PATH" }``; in the environment
``CAREERRELAY_SERVER_BASE_URL`` is ``[server] base_url``.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from ..models.errors import ConfigurationError

ENV_PREFIX = "CAREERRELAY_"
LOCALES = ("ja", "en")


def _text(help_: str, default: str, **kwargs: Any) -> fields.String:
    return fields.String(load_default=default, metadata={"help": help_}, **kwargs)


def _number(help_: str, default: int, low: int, high: int) -> fields.Integer:
    return fields.Integer(
        load_default=default, metadata={"help": help_}, validate=validate.Range(low, high)
    )


def _switch(help_: str, default: bool) -> fields.Boolean:
    return fields.Boolean(load_default=default, metadata={"help": help_})


class ServerSection(Schema):
    """Where people and ATSs reach this installation."""

    base_url = _text(
        "Public address, at most 31 characters, without a path; links in mails begin with it.",
        "http://127.0.0.1:8080",
        validate=validate.Regexp(r"^https?://[^/\s?#@]+$", error="must be https://host, no path"),
    )
    host = _text("Address to listen on.", "127.0.0.1")
    port = _number("Port to listen on.", 8080, 0, 65535)
    threads = _number("Threads that answer requests; webhooks share one more.", 32, 1, 256)
    trusted_proxies = _number("Reverse proxies in front whose X-Forwarded-* is believed.", 0, 0, 8)
    allow_private_hosts = _switch(
        "Let connectors call private addresses: sandboxes, tests, an ATS inside.",
        False,
    )
    metrics_token = _text(
        "Bearer token that /metrics asks for; empty: only this machine may ask.",
        "",
        validate=validate.Regexp(r"^$|^[!-~]{16,}$", error="must be 16 printable signs or more"),
    )
    locale = _text(
        "Language where a reader shows no preference.", "ja", validate=validate.OneOf(LOCALES)
    )


class StoreSection(Schema):
    """Where everything is kept."""

    folder = _text("Folder of the database and the key file.", "careerrelay-data")
    url = _text("postgresql://..., or empty: a SQLite file in the folder.", "")
    key_file = _text("The key file, or empty: keys.toml in the folder.", "")


class OperatorSection(Schema):
    """Who runs CareerRelay: named on the page and in every mail (Japanese law asks for it)."""

    name = _text("Formal name of the operator of the linked service.", "")
    latin_name = _text(
        "The name in Latin letters, for mails in charsets without Japanese; empty: our host name.",
        "",
        validate=validate.Regexp(r"[ -~]*\Z", error="must be ASCII"),
    )
    license_no = _text("Placement licence number (許可番号).", "")
    address = _text("Postal address.", "")
    contact_email = _text("Address for questions and complaints.", "")
    contact_phone = _text("Telephone for questions and complaints.", "")
    privacy_url = _text("The operator's privacy notice.", "")
    terms_url = _text("The operator's terms of use.", "")
    about_url = _text("Page about CareerRelay, linked on the record where an ATS has links.", "")


class MailSection(Schema):
    """The operator's SMTP account, for proof and welcome mails."""

    host = _text("SMTP host; empty: no registration can be proved.", "")
    port = _number("SMTP port.", 587, 1, 65535)
    security = _text(
        "starttls, tls, or none (loopback only).",
        "starttls",
        validate=validate.OneOf(("starttls", "tls", "none")),
    )
    username = _text("SMTP user; empty: no sign-in.", "")
    password = _text("SMTP password.", "")
    sender = _text("Address the mails come from.", "")


class MailRelaySection(Schema):
    """Where the mail relay and the milter listen; whose mail they take is in the database."""

    embedded = _switch(
        "Listen inside 'careerrelay serve', on SQLite the only way; off: run 'careerrelay relay'.",
        False,
    )
    host = _text("Address to listen on.", "127.0.0.1")
    port = _number("SMTP port to listen on; 0: no SMTP, the milter alone.", 2525, 0, 65535)
    hostname = _text("Name told in greetings and Received; empty: that of [server] base_url.", "")
    tls_cert_file = _text("PEM certificate chain for STARTTLS; empty: this machine only.", "")
    tls_key_file = _text("PEM private key of the certificate.", "")
    megabytes = _number("Largest mail, in MiB; it is held in memory while it passes.", 30, 1, 150)
    sessions = _number("SMTP sessions at once.", 100, 1, 2000)
    milter = _text("Where the milter listens: inet:PORT@HOST or unix:PATH; empty: nowhere.", "")
    milter_peers = _text(
        "Addresses of mail servers on other machines that may ask the milter, like 192.0.2.10/32.",
        "",
    )
    expect_days = _number(
        "Days after the decision in which the ATS's mail is expected to pass.", 14, 1, 90
    )


class WorkSection(Schema):
    """The engine."""

    embedded = _switch("Work the queue inside 'careerrelay serve'; off: run 'worker' beside.", True)
    threads = _number("Tasks at once in one process.", 32, 1, 256)
    poll_milliseconds = _number("How often the queue is looked at.", 100, 10, 5000)
    sweep_seconds = _number("How often owed work without a task is found again.", 60, 1, 3600)
    lease_seconds = _number("Silence after which a worker counts as dead.", 15, 2, 600)
    ingest_queue = _number("Webhooks waiting for their commit before 503.", 512, 1, 100_000)


class RetentionSection(Schema):
    """How long what is kept; a company's profile data follow its own retention_months."""

    signal_days = _number("Days a signal's body is kept for replay.", 30, 1, 400)
    unproved_days = _number("Days a registration waits for its proof.", 7, 1, 60)
    provision_months = _number("Months a provision record is kept (APPI: 3 years).", 36, 12, 120)


class RoleSection(Schema):
    """Whose registration page the links lead to."""

    name = _text(
        "hosted: ours; external: the operator's, which calls back.",
        "hosted",
        validate=validate.OneOf(("hosted", "external")),
    )
    external_url = _text("For external: the operator's registration page.", "")


class ConnectorsSection(Schema):
    """Which connectors may be used beyond those that rest on the vendor's documents."""

    experimental = _text(
        "Experimental connectors to switch on, by name, separated by commas; 'careerrelay "
        "connectors list' marks them.",
        "",
    )


class CsvSection(Schema):
    """CSV files of ATSs without an API: how large, and a folder that is watched for them."""

    megabytes = _number("Largest file, in MiB.", 20, 1, 200)
    folder = _text(
        "Watched by the worker: a file put into FOLDER/CONNECTION is imported once and moved to "
        "done or failed there; empty: none.",
        "",
    )
    seconds = _number("How often the folder is looked at.", 30, 1, 3600)


SECTIONS: Mapping[str, type[Schema]] = {
    "server": ServerSection,
    "store": StoreSection,
    "operator": OperatorSection,
    "mail": MailSection,
    "mail_relay": MailRelaySection,
    "work": WorkSection,
    "retention": RetentionSection,
    "role": RoleSection,
    "connectors": ConnectorsSection,
    "csv": CsvSection,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings; each section maps setting names to typed values."""

    server: Mapping[str, Any]
    store: Mapping[str, Any]
    operator: Mapping[str, Any]
    mail: Mapping[str, Any] = field(repr=False)
    mail_relay: Mapping[str, Any]
    work: Mapping[str, Any]
    retention: Mapping[str, Any]
    role: Mapping[str, Any]
    connectors: Mapping[str, Any]
    csv: Mapping[str, Any]

    def allows(self, connector: str) -> bool:
        """Whether an experimental connector is switched on."""
        named = self.connectors["experimental"].split(",")
        return connector in {name.strip() for name in named}

    @property
    def folder(self) -> Path:
        return Path(self.store["folder"])

    @property
    def database_url(self) -> str:
        """The configured URL, or the SQLite file in the folder."""
        return self.store["url"] or f"sqlite:///{self.folder.absolute() / 'careerrelay.db'}"

    @property
    def key_file(self) -> Path:
        return Path(self.store["key_file"] or self.folder / "keys.toml")


def load(
    path: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> Settings:
    """The settings. Raises ConfigurationError naming file, section and setting.

    ``overrides`` (section -> name -> value) win over everything: command-line flags, tests.
    """
    environment = os.environ if environ is None else environ
    data = _read_file(path, environment) if path else {}
    unknown = set(data) - set(SECTIONS)
    if unknown:
        raise ConfigurationError(f"{path}: unknown section [{min(unknown)}]")
    sections = {
        name: {**data.get(name, {}), **_from_environment(name, environment)} for name in SECTIONS
    }
    for name, values in (overrides or {}).items():
        sections[name].update(values)
    return Settings(**{n: _check(n, v, where=path) for n, v in sections.items()})


def _read_file(path: Path, environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"the settings file {path} does not exist") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML in UTF-8: {error}") from None
    for section, values in data.items():
        if not isinstance(values, dict):
            raise ConfigurationError(f"{path}: {section} must stand in a [section]")
        for name, value in values.items():
            values[name] = resolve(value, where=f"[{section}] {name}", environ=environ)
    return data


def resolve(value: Any, *, where: str, environ: Mapping[str, str]) -> Any:
    """A literal as it is; ``{ env = }`` and ``{ file = }`` looked up."""
    if not isinstance(value, dict):
        return value
    if set(value) == {"env"}:
        if value["env"] not in environ:
            raise ConfigurationError(f"{where}: the environment variable {value['env']} is not set")
        return environ[value["env"]]
    if set(value) == {"file"}:
        try:
            return Path(value["file"]).read_text(encoding="utf-8").strip()
        except OSError:
            raise ConfigurationError(f"{where}: cannot read the file {value['file']}") from None
    raise ConfigurationError(
        f'{where}: expected a value, {{ env = "NAME" }} or {{ file = "PATH" }}'
    )


def _from_environment(section: str, environ: Mapping[str, str]) -> dict[str, str]:
    names = SECTIONS[section]().fields
    variables = {name: f"{ENV_PREFIX}{section}_{name}".upper() for name in names}
    return {name: environ[var] for name, var in variables.items() if var in environ}


def _check(section: str, values: Mapping[str, Any], *, where: Path | None) -> Mapping[str, Any]:
    try:
        return dict[str, Any](SECTIONS[section]().load(values) or {})
    except ValidationError as error:
        messages = error.messages_dict
        name = min(messages)
        what = " ".join(messages[name]) if isinstance(messages[name], list) else messages[name]
        place = where or "settings"
        raise ConfigurationError(f"{place}: [{section}] {name}: {what}") from None
