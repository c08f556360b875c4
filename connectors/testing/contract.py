"""Do we and the stand-in keep to the vendor's OpenAPI document, where there is one?

``openapi.yml`` (or ``.yaml``, ``.json``) among a connector's examples is found by being there.
Every request and answer of ``api/*.json``, every request we send the stand-in and every answer
it gives, and every web hook that the document describes are held against it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from ..spec import Capability
from .effects import READS, WRITES, on_stage
from .fixtures import Exchange, Fixture, Step, file_stem, filled_in
from .openapi import Answered, Contract, Pair, Sent
from .standin import Request, Response
from .subject import Subject, require

NAMES = ("openapi.yml", "openapi.yaml", "openapi.json")


@dataclass
class Traffic:
    """What went over the wire of a stand-in, to be compared afterwards."""

    base: str
    """The stand-in's own address, without a slash at the end."""
    pairs: list[Pair] = field(default_factory=list)

    def __call__(self, request: Request, response: Response) -> None:
        query = request.query_string.decode("ascii")
        url = self.base + request.path + (f"?{query}" if query else "")
        sent = Sent(request.method, url, _lower(request.headers.items()), request.get_data())
        answered = Answered(
            response.status_code, _lower(response.headers.items()), response.get_data()
        )
        self.pairs.append((sent, answered))


def document_in(folder: Path) -> Path | None:
    """The OpenAPI document among a connector's examples; None where it has none."""
    found = [folder / name for name in NAMES if (folder / name).exists()]
    require(len(found) < 2, f"two OpenAPI documents in {folder.name}: {[p.name for p in found]}")
    return found[0] if found else None


def contract_of(subject: Subject, settings: Mapping[str, str] | None = None) -> Contract:
    """The subject's contract, for calls made with these settings (the test settings)."""
    path = document_in(subject.folder)
    require(path, "there is no openapi.yml, .yaml or .json among the examples")
    used = subject.settings if settings is None else settings
    public = {s.name: s.default or subject.settings[s.name] for s in subject.spec.settings}
    names = [name for name in public if name.endswith("_url") and used.get(name)]
    bases = [(used[name].rstrip("/"), public[name].rstrip("/")) for name in names]
    return Contract(path or Path(), bases)


def document_says_whose_it_is(subject: Subject) -> None:
    """It is valid OpenAPI (openapi-core refuses it otherwise) and names its source."""
    parts = urlsplit(contract_of(subject).source)
    require(
        parts.scheme == "https" and parts.hostname,
        "the document's externalDocs.url must be the https address it was taken from",
    )


def examples_are_as_documented(subject: Subject, exchange: Exchange) -> None:
    """What we send is checked against the exchange elsewhere; here the exchange itself.

    The last answer of a call that must raise is odd on purpose. A step whose ``deviates`` says
    why is not compared: real answers are not always what a document promises.
    """
    contract = contract_of(subject)
    settings = subject.open().settings
    for number, step in enumerate(exchange.steps, start=1):
        sent, answered = _exchanged(step, settings)
        contract.sent(sent)
        odd = exchange.raises and number == len(exchange.steps)
        if not (odd or step.deviates):
            contract.answered(sent, answered)


def stand_in_is_as_documented(subject: Subject, capability: Capability) -> None:
    """What we send the stand-in when we read or write, and what it answers."""
    with on_stage(subject) as stage:
        traffic = Traffic(stage.base)
        stage.scene.stand_in.watchers.append(traffic)
        {**READS, **WRITES}[capability](stage.connector, stage.scene)
        settings = stage.connector.settings
    contract_of(subject, settings).compare(traffic.pairs)


def webhook_is_as_documented(subject: Subject, fixture: Fixture) -> None:
    """A web hook, signed, of which the document tells by name; not one that ``X-Deviates``."""
    contract = contract_of(subject)
    named = {file_stem(name): name for name in contract.names_of_webhooks}
    if fixture.event in named and not fixture.deviates:
        contract.hooked(named[fixture.event], subject.open().sign_webhook(fixture.request))


def _exchanged(step: Step, settings: Mapping[str, str]) -> Pair:
    wanted = filled_in(dict(step.request), settings)
    headers = _lower(wanted.get("headers", {}).items())
    if "basic" in wanted:
        pair = ":".join(wanted["basic"]).encode()
        headers["authorization"] = "Basic " + base64.b64encode(pair).decode()
    kind, body = _body(wanted)
    query = urlencode(wanted.get("query", {}), doseq=True)
    url = wanted["url"] + (f"?{query}" if query else "")
    sent = Sent(wanted["method"], url, {"content-type": kind, **headers}, body)
    given = filled_in(dict(step.response), settings)
    kind, body = _body(given)
    headers = {"content-type": kind, **_lower(given.get("headers", {}).items())}
    return sent, Answered(given["status"], headers, body)


def _body(message: Mapping[str, Any]) -> tuple[str, bytes]:
    if "json" in message:
        return "application/json", json.dumps(message["json"], ensure_ascii=False).encode()
    if "form" in message:
        return "application/x-www-form-urlencoded", urlencode(message["form"]).encode()
    return "", str(message.get("body", "")).encode()


def _lower(items: Iterable[tuple[str, Any]]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in items}
