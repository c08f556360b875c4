"""Stand-ins: small stateful servers that behave as a vendor documents, over real HTTP.

>>> class AcmeStandIn(StandIn):
...     @route("GET", "/v1/people/<int:person_id>")
...     def person(self, request, person_id): return 200, {"id": person_id}
>>> with AcmeStandIn().serve() as url:
...     ...  # url is "http://127.0.0.1:<port>"

They hold their state in memory, ship in the wheel (``careerrelay demo`` uses them) and need
neither pytest nor Flask.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from ...models.candidates import Application, ApplicationState, Candidate
from ..oauth import utcnow
from .webhooks import Attempt, Deliveries, ask

__all__ = ["Request", "Response", "Scene", "StandIn", "route", "utcnow"]

Answer = Response | tuple[int, Any] | tuple[int, Any, Mapping[str, str]]
Handler = TypeVar("Handler", bound=Callable[..., Answer])

_ROUTES = "_standin_routes"


def route(method: str, path: str) -> Callable[[Handler], Handler]:
    """Serve a method of a StandIn at ``path`` (werkzeug's rule syntax); may be repeated."""

    def mark(handler: Handler) -> Handler:
        setattr(handler, _ROUTES, [*getattr(handler, _ROUTES, []), (method, path)])
        return handler

    return mark


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next calls; see ``StandIn.fail_next``."""

    times: int
    status: int
    path: str
    body: bytes
    headers: Mapping[str, str]
    hang: bool
    after_effect: bool
    skip: int


@dataclass(slots=True)
class _Window:
    ends_at: datetime
    used: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """A stand-in set up with one rejected application, for the conformance suite.

    A connector's ``standin`` module offers it as ``scene() -> Scene``.
    ``settings`` gives the connection's settings for the URL the stand-in is served at.
    ``effects`` gives everything that writes left behind, as plain comparable data without
    times of access or counters: doing the same again must not change it.
    """

    stand_in: StandIn
    application: Application
    settings: Callable[[str], Mapping[str, str]]
    effects: Callable[[], Any]

    @classmethod
    def rejected(
        cls,
        stand_in: StandIn,
        case: str,
        *,
        person: str,
        settings: Callable[[str], Mapping[str, str]],
        effects: Callable[[], Any],
    ) -> Scene:
        """With the ids of the case and of an invented person who has one address."""
        candidate = Candidate(person, emails=("hanako@example.jp",))
        now, state = stand_in.clock(), ApplicationState.REJECTED
        return cls(stand_in, Application(case, candidate, state, now), settings, effects)


class StandIn:
    """A vendor in miniature. Subclass it per ATS; handlers return a Response or (status, JSON).

    ``clock`` gives the aware present; hand in your own to move time.
    ``lock`` (reentrant) guards the subclass's state. ``calls`` lists (method, path, status).
    """

    retry_seconds: ClassVar[tuple[float, ...]] = ()
    """The vendor's pauses before it sends a failed webhook again."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        self.clock = clock
        self.hook_url = ""
        """Where its web hooks go, of an ATS that has one address for all; "": nowhere yet."""
        self.lock = threading.RLock()
        self.calls: list[tuple[str, str, int]] = []
        self.watchers: list[Callable[[Request, Response], None]] = []
        """Told of every call that was dealt with as the vendor would, lost answers included."""
        self.retry_scale = 0.0
        """1.0 keeps the vendor's retry pauses; 0.0 tries again at once."""
        self.hang_seconds = 30.0
        self._faults: list[Fault] = []
        self._windows: dict[str, _Window] = {}
        self._stopping = threading.Event()
        self._rules = _rules(type(self))
        self._deliveries = Deliveries(
            accepted=self.accepted, pauses=self._pauses, clock=lambda: self.clock()
        )

    # For subclasses.

    def before(self, request: Request) -> Response | None:  # noqa: ARG002 - for subclasses
        """Runs before each handler: authentication, scopes, limits. A Response ends the call."""
        return None

    def accepted(self, status: int) -> bool:
        """Whether the vendor takes this answer to a webhook for success."""
        return 200 <= status < 300

    def limit(self, key: str, calls: int, seconds: float) -> Response | None:
        """Count one call against a fixed window; the 429 to answer when it is used up."""
        now = self.clock()
        with self.lock:
            window = self._windows.get(key)
            if window is None or (now - window.ends_at).total_seconds() >= 0:
                window = self._windows[key] = _Window(now + timedelta(seconds=seconds))
            if window.used < calls:
                window.used += 1
                return None
        return self.too_many((window.ends_at - now).total_seconds())

    def too_many(self, seconds_left: float) -> Response:
        """The 429 of this vendor; override for its body and headers."""
        seconds = str(max(1, round(seconds_left + 0.5)))
        return self.json_response(429, {"error": "rate_limited"}, headers={"Retry-After": seconds})

    def json_response(
        self, status: int, data: Any, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        """``data`` as JSON in UTF-8."""
        text = json.dumps(data, ensure_ascii=False)
        return Response(text, status, dict(headers or {}), mimetype="application/json")

    def deliver(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a webhook in the background, with the vendor's retries scaled by retry_scale."""
        self._deliveries.send(url, body, headers)

    def ping(self, url: str, body: bytes, headers: Mapping[str, str]) -> bool:
        """Send a webhook once and wait for the answer; True if it was accepted."""
        return self._deliveries.try_once(url, body, headers)

    def ask(self, url: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str]] | None:
        """An empty POST whose whole answer matters, as in a handshake; None: no answer."""
        return ask(url, b"", headers)

    # For whoever uses the stand-in.

    @property
    def deliveries(self) -> list[Attempt]:
        """Every attempt to hand over a webhook, in order."""
        return list(self._deliveries.attempts)

    def wait_delivered(self, *, seconds: float = 10.0) -> bool:
        """Wait until no webhook is under way any more; False if one still is."""
        return self._deliveries.wait(seconds=seconds)

    def fail_next(
        self,
        *,
        times: int = 1,
        status: int = 500,
        path: str = "",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        hang: bool = False,
        after_effect: bool = False,
        skip: int = 0,
    ) -> None:
        """Let the next ``times`` calls whose path starts with ``path`` fail.

        The first ``skip`` of them still work. The others get ``status`` with ``body`` and
        ``headers``; with ``hang`` nothing, until the client gives up; with ``after_effect``
        the work is done and only the answer is lost.
        """
        fault = Fault(times, status, path, body, dict(headers or {}), hang, after_effect, skip)
        with self.lock:
            self._faults.append(fault)

    @property
    def faults_left(self) -> int:
        """How many of the faults of ``fail_next`` no call has met yet."""
        with self.lock:
            return sum(fault.times for fault in self._faults)

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Serve on the loopback interface, each call in a thread; yields the base URL."""
        self._stopping.clear()
        self._deliveries.resume()
        server = make_server("127.0.0.1", port, self, threaded=True, request_handler=_Quiet)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            self._stopping.set()
            self._deliveries.stop()
            server.shutdown()
            thread.join()
            server.server_close()

    # WSGI.

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        request.get_data(cache=True, parse_form_data=False)
        response = self._respond(request)
        with self.lock:
            self.calls.append((request.method, request.path, response.status_code))
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        fault = self._next_fault(request.path)
        if fault is None:
            return self._watched(request)
        if fault.after_effect:
            self._watched(request)
        if fault.hang:
            self._stopping.wait(self.hang_seconds)
        return Response(fault.body, fault.status, dict(fault.headers))

    def _watched(self, request: Request) -> Response:
        response = self._handle(request)
        for watcher in self.watchers:
            watcher(request, response)
        return response

    def _handle(self, request: Request) -> Response:
        try:
            name, args = self._rules.bind_to_environ(request.environ).match()
            refused = self.before(request)
            return refused or self._as_response(getattr(self, name)(request, **args))
        except HTTPException as error:
            if isinstance(error.response, Response):
                return error.response
            status = error.code or 500
            return self.json_response(status, {"error": HTTPStatus(status).phrase})

    def _as_response(self, answer: Any) -> Response:
        if isinstance(answer, Response):
            return answer
        status, data, *headers = answer
        return self.json_response(status, data, headers=headers[0] if headers else None)

    def _next_fault(self, path: str) -> Fault | None:
        with self.lock:
            for fault in self._faults:
                if not path.startswith(fault.path):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None

    def _pauses(self) -> tuple[float, ...]:
        return tuple(seconds * self.retry_scale for seconds in self.retry_seconds)


class _Quiet(WSGIRequestHandler):
    """No access log: ``StandIn.calls`` has it."""

    def log(self, *_: object, **__: object) -> None:
        return None


def _rules(stand_in: type[StandIn]) -> Map:
    """The URL map of a class: every method marked by ``route``."""
    rules = [
        Rule(path, methods=[method], endpoint=name)
        for name in dir(stand_in)
        for method, path in getattr(getattr(stand_in, name), _ROUTES, [])
    ]
    return Map(rules, strict_slashes=False)
