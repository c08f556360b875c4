"""The server on a small world: links to open, browsers that open them, and the store behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from careerrelay.engine import links
from careerrelay.engine import registration as engine
from careerrelay.engine.runtime import Runtime
from careerrelay.link_signing import Purpose
from careerrelay.models.database import Database
from careerrelay.models.registrations import RegistrationState
from careerrelay.models.tables import Base, Connection, Registration
from tests.support.world import World

MAIL = {"host": "127.0.0.1", "port": 9, "sender": "no-reply@operator.example.jp"}
CSRF = 'name="csrf_token" type="hidden" value="'
CSRF_BY_HAND = 'name="csrf_token" value="'


def csrf_of(response: TestResponse) -> str:
    """The form token of a page."""
    start = CSRF if CSRF in response.text else CSRF_BY_HAND
    return response.text.split(start, 1)[1].split('"', 1)[0]


def dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, to compare before and after."""
    with database.read() as session:
        return {
            table.name: sorted(map(tuple, session.execute(table.select()).all()), key=repr)
            for table in Base.metadata.sorted_tables
        }


@dataclass
class Reader:
    """One browser on the pages; keeps cookies and speaks Japanese unless told otherwise."""

    client: FlaskClient
    language: str = "ja"
    origin: str = "https://relay.example.jp"
    address: str = "192.0.2.1"

    def _send(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {"Accept-Language": self.language, **more.pop("headers", {})}
        environ = {"REMOTE_ADDR": self.address}
        return self.client.open(
            path,
            method=method,
            headers=headers,
            base_url=self.origin,
            environ_overrides=environ,
            buffered=True,
            **more,
        )

    def get(self, path: str, **more: Any) -> TestResponse:
        return self._send("GET", path, **more)

    def head(self, path: str, **more: Any) -> TestResponse:
        return self._send("HEAD", path, **more)

    def post(self, path: str, data: Any = None, **more: Any) -> TestResponse:
        return self._send("POST", path, data=data, **more)

    def press(self, path: str, **data: str) -> TestResponse:
        """Open a page and send its form."""
        page = self.get(path)
        return self.post(path, {"csrf_token": csrf_of(page), **data})


@dataclass
class Site:
    """A running app with one company; persons are numbered as in World."""

    world: World
    app: Flask
    started: list[str] = field(default_factory=list)

    @property
    def runtime(self) -> Runtime:
        return self.world.runtime

    def reader(self, language: str = "ja", *, address: str = "192.0.2.1") -> Reader:
        return Reader(self.app.test_client(), language, address=address)

    def reject(self, number: int) -> str:
        """Person ``number`` applied and was rejected; the token of their personal link."""
        self.world.apply(number)
        self.world.work()
        self.world.clock.forward(days=1)
        self.world.reject(number)
        self.world.work()
        return self.world.vendor.fields[f"c{number}"].rpartition("/")[2]

    def apply(self, number: int) -> str:
        """Person ``number`` applied and hears later; the token of their link, not active yet."""
        self.world.apply(number)
        self.world.work()
        return self.world.vendor.fields[f"c{number}"].rpartition("/")[2]

    def static_token(self, purpose: Purpose = Purpose.RELAY) -> str:
        with self.runtime.database.begin() as session:
            connection = session.get_one(Connection, "toy")
            link = links.static_link(self.runtime, session, connection)
        return self.runtime.signer.token_for(link.id, purpose=purpose)

    def as_purpose(self, token: str, purpose: Purpose) -> str:
        """The same row's token for another page."""
        id_ = self.runtime.signer.open(token)
        return self.runtime.signer.token_for(id_, purpose=purpose)

    def start(self, token: str, *, number: int = 1, named: bool = True, locale: str = "ja") -> str:
        """Somebody filled in the form; the registration's id."""
        form = engine.Application(
            f"応募 太郎{number}", f"person{number}@example.com", named, locale
        )
        return engine.start(self.runtime, token, form)

    def proof_token(self, registration_id: str) -> str:
        return self.runtime.signer.token_for(registration_id, purpose=Purpose.PROOF)

    def my_token(self, registration_id: str) -> str:
        return self.runtime.signer.token_for(registration_id, purpose=Purpose.MY_DATA)

    def registration(self, id_: str) -> Registration:
        with self.runtime.database.read() as session:
            return session.get_one(Registration, id_)

    def only_registration(self) -> Registration:
        with self.runtime.database.read() as session:
            return session.query(Registration).one()

    def code(self, id_: str) -> str:
        return engine.unseal(self.runtime, self.registration(id_), "code")

    def state(self, id_: str) -> RegistrationState:
        return RegistrationState(self.registration(id_).state)

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        return dump(self.runtime.database)


def filled(token: str, *, number: int = 1, **changed: str) -> dict[str, str]:
    """A form filled in as person ``number`` would; ``changed`` "" leaves a field out."""
    values = {
        "csrf_token": token,
        "name": f"応募 太郎{number}",
        "email": f"person{number}@example.com",
        "named": "no",
        "terms": "yes",
        **changed,
    }
    return {name: value for name, value in values.items() if value}
