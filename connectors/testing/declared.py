"""Does the spec tell the truth about the code, and enough to the people who set it up?"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..base import Connector
from ..spec import Capability, Evidence, Setting
from .fixtures import file_stem
from .subject import CALLING, METHODS, Subject, require

HEADINGS = (
    "What it can do",
    "Before you start",
    "In the ATS",
    "In CareerRelay",
    "Try it",
    "Limits",
    "If it does not work",
)
"""The headings of every connector's guide, in this order."""

_SECRET_WORDS = {"key", "keys", "secret", "secrets", "token", "tokens", "password", "passwords"}
_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def declared_is_overridden(subject: Subject) -> None:
    """A method is there if and only if its capability is declared (and not MISSING), except
    those that a declared signature makes unnecessary."""
    for capability, methods in METHODS.items():
        for method in methods:
            there = getattr(subject.connector, method) is not getattr(Connector, method)
            if method in ("verify_webhook", "sign_webhook") and _declares_signature(subject):
                require(not there, f"{method} is there although the spec declares the signature")
                continue
            require(
                there == subject.spec.can(capability),
                f"{method} is {'' if there else 'not '}there, but the capability "
                f"{capability.value} is {'not ' if there else ''}declared",
            )


def _declares_signature(subject: Subject) -> bool:
    hook = subject.spec.webhook
    return hook is not None and hook.signature is not None


def name_is_the_folder(subject: Subject) -> None:
    """The name is an identifier; a built-in connector's folder is called the same."""
    name, home = subject.spec.name, subject.home
    require(re.fullmatch(r"[a-z][a-z0-9_]*", name), f"'{name}' is no lower-case identifier")
    if home.parent.name == "connectors":
        require(home.name.removeprefix("_") == name, f"the folder {home.name} is not '{name}'")


def every_capability_says_how_we_know(subject: Subject) -> None:
    """A source page each; a note unless live or documented."""
    require(subject.spec.title.strip(), "the title is empty")
    _page(subject.spec.docs_url, "docs_url")
    require(subject.spec.capabilities, "no capability is declared")
    for capability, support in subject.spec.capabilities.items():
        _page(support.source, f"the source of {capability.value}")
        known = support.evidence in (Evidence.LIVE, Evidence.DOCUMENTED)
        require(
            known or support.note.strip(),
            f"{capability.value} is {support.evidence.value} and needs a note saying why",
        )


def settings_are_explained_in_both_languages(subject: Subject) -> None:
    """Each has help and help_ja, a name of its own, and a default among its choices."""
    names = [setting.name for setting in subject.spec.settings]
    require(len(names) == len(set(names)), "two settings have one name")
    for setting in subject.spec.settings:
        require(setting.help.strip(), f"{setting.name} has no help")
        require(_JAPANESE.search(setting.help_ja), f"{setting.name} has no Japanese help_ja")
        chosen = setting.default is None or setting.default in (setting.choices or setting.default)
        require(chosen, f"the default of {setting.name} is not among its choices")


def secrets_are_flagged(subject: Subject) -> None:
    """A name with key, secret, token or password is secret, except addresses (``_url``)."""
    for setting in subject.spec.settings:
        sounds_secret = _SECRET_WORDS & set(setting.name.split("_"))
        address = setting.name.endswith("_url")
        require(
            setting.secret or address or not sounds_secret, f"{setting.name} must be secret=True"
        )
        require(not (setting.secret and setting.default), f"{setting.name} has a public default")


def addresses_can_be_overridden(subject: Subject) -> None:
    """Whoever calls an API has a setting ending in ``_url``, free to be typed over."""
    addresses = [s for s in subject.spec.settings if s.name.endswith("_url")]
    if subject.declared(among=CALLING):
        require(addresses, "no setting ends in _url: the API's address cannot be overridden")
    for setting in addresses:
        _open_address(setting)


def webhook_is_described(subject: Subject) -> None:
    """A WebhookSpec and events if and only if webhooks are declared; no name in both lists."""
    spec = subject.spec
    if spec.can(Capability.WEBHOOK):
        require(spec.webhook is not None, "webhook is declared without a WebhookSpec")
        require(spec.webhook and spec.webhook.verification.strip(), "verification is not explained")
        require(spec.events, "webhook is declared without events")
    else:
        require(spec.webhook is None, "a WebhookSpec without the capability webhook")
    both = set(spec.events) & set(spec.ignored_events)
    require(not both, f"both read and ignored: {', '.join(sorted(both))}")


def every_event_has_an_example(subject: Subject) -> None:
    """``fixtures/<event>.http`` (or a variant of it) for each name in ``events``."""
    if not subject.spec.can(Capability.WEBHOOK):
        return
    there = {fixture.event for fixture in subject.fixtures}
    missing = [event for event in subject.spec.events if file_stem(event) not in there]
    require(not missing, f"no fixture for: {', '.join(missing)}")


def every_capability_has_an_exchange(subject: Subject) -> None:
    """``api/*.json`` calls each method that talks to the vendor, naming its documents."""
    called = {exchange.method for exchange in subject.exchanges}
    for capability in subject.declared(among=CALLING):
        (method,) = METHODS[capability]
        require(method in called, f"no api/*.json calls {method}")
    for exchange in subject.exchanges:
        _page(exchange.source, f"the source of api/{exchange.name}.json")


def opening_does_nothing(subject: Subject) -> None:
    """Making the object calls nobody: no I/O before a method is used."""
    require(subject.open().http.calls == 0, "the constructor calls the vendor")


def guides_are_complete(subject: Subject) -> None:
    """README.md has the usual headings, README.ja.md as many; both name every setting."""
    english, japanese = _headings(subject, "README.md"), _headings(subject, "README.ja.md")
    require(tuple(english) == HEADINGS, f"README.md has the headings {english}")
    require(len(japanese) == len(HEADINGS), f"README.ja.md has {len(japanese)} headings")
    for name in ("README.md", "README.ja.md"):
        text = (subject.home / name).read_text("utf-8")
        missing = [s.name for s in subject.spec.settings if s.name not in text]
        require(not missing, f"{name} does not mention {', '.join(missing)}")


CHECKS = (
    declared_is_overridden,
    name_is_the_folder,
    every_capability_says_how_we_know,
    settings_are_explained_in_both_languages,
    secrets_are_flagged,
    addresses_can_be_overridden,
    webhook_is_described,
    every_event_has_an_example,
    every_capability_has_an_exchange,
    opening_does_nothing,
    guides_are_complete,
)


def _open_address(setting: Setting) -> None:
    require(not setting.choices, f"{setting.name} has choices, so it cannot be overridden")
    require(setting.default or setting.required, f"{setting.name} has no default")
    if setting.default:
        _page(setting.default, f"the default of {setting.name}")


def _page(url: str, what: str) -> None:
    parts = urlsplit(url)
    require(parts.scheme == "https" and parts.hostname, f"{what} is no https address: '{url}'")


def _headings(subject: Subject, name: str) -> list[str]:
    path = subject.home / name
    require(path.exists(), f"{name} is missing beside the connector")
    lines = path.read_text("utf-8").splitlines()
    return [line[3:].strip() for line in lines if line.startswith("## ")]
