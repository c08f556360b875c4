"""Are the vendor's endpoints called as documented, and every bad answer told apart?"""

from __future__ import annotations

import copy
import json
from typing import Any

from ...models.errors import ApiError, ApiRateLimitedError, CareerRelayError
from ..base import Connector
from ..oauth import MemoryTokens
from .fixtures import Exchange, Step, filled_in
from .golden import argument, same, same_result
from .mutations import changes
from .replay import FAULTS, Fault, Replay
from .subject import Subject, require


def says_what_the_vendor_documents(subject: Subject, exchange: Exchange) -> None:
    """Method, URL, query, headers and body are those of the exchange; so is what it returns."""
    _plays(subject, exchange, subject.settings)


def goes_where_the_settings_point(subject: Subject, exchange: Exchange) -> None:
    """With every address setting changed, every request goes to the changed address."""
    moved = {
        s.name: f"https://{s.name.replace('_', '-')}.example.net/moved"
        for s in subject.spec.settings
        if s.name.endswith("_url")
    }
    _plays(subject, exchange, {**subject.settings, **moved})


def bad_answers_become_the_right_error(subject: Subject, exchange: Exchange) -> None:
    """401, 403, 404, 409, 429, 500, HTML, garbage and nothing, at each step of the exchange."""
    for index, step in enumerate(exchange.steps):
        for fault in FAULTS:
            if _applies(fault, step):
                _fails_rightly(subject, exchange, fault, at=index)


def odd_answers_are_no_surprise(subject: Subject, exchange: Exchange) -> None:
    """Each key of each documented answer changed in six ways: a result or an ApiError."""
    connector = subject.open(clock=lambda: exchange.now)
    for index, step in enumerate(exchange.steps):
        if "json" not in step.response:
            continue
        answer = filled_in(copy.deepcopy(step.response["json"]), connector.settings)
        replay = Replay(exchange, connector.settings, at=index)
        with replay.playing():
            for label, changed in changes(answer):
                body = json.dumps(changed).encode()
                replay.start_over(Fault(label, "", step.response["status"], body))
                connector.tokens = MemoryTokens(clock=connector.clock)
                _survives(connector, exchange, f"step {index + 1}, {label}")


CHECKS = (
    says_what_the_vendor_documents,
    goes_where_the_settings_point,
    bad_answers_become_the_right_error,
    odd_answers_are_no_surprise,
)


def _plays(subject: Subject, exchange: Exchange, settings: dict[str, str]) -> None:
    connector = subject.open(settings, clock=lambda: exchange.now)
    replay = Replay(exchange, connector.settings)
    raised = ""
    with replay.playing():
        try:
            result = _call(connector, exchange)
        except CareerRelayError as error:
            result, raised = None, type(error).__name__
            if not exchange.raises:
                raise
    same(raised, exchange.raises, what="the errors")
    replay.finished()
    if not exchange.raises:
        same_result(result, exchange.returns)


def _call(connector: Connector, exchange: Exchange) -> Any:
    arguments = {name: argument(name, data) for name, data in exchange.arguments.items()}
    return getattr(connector, exchange.method)(**arguments)


def _survives(connector: Connector, exchange: Exchange, where: str) -> None:
    try:
        _call(connector, exchange)
    except ApiError:
        return
    except Exception as error:
        raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error


def _applies(fault: Fault, step: Step) -> bool:
    """HTML says nothing where no JSON is documented, and null nothing where none is read."""
    if fault.name == "null":
        return "json" in step.response and step.request["method"] == "GET"
    return fault.name not in ("html", "garbage") or "json" in step.response


def _fails_rightly(subject: Subject, exchange: Exchange, fault: Fault, *, at: int) -> None:
    connector = subject.open(clock=lambda: exchange.now)
    replay = Replay(exchange, connector.settings, fault, at)
    wanted = exchange.steps[at].faults.get(fault.name, fault.error)
    where = f"{fault.name} at step {at + 1}"
    error: ApiError | None = None
    result: Any = None
    with replay.playing():
        try:
            result = _call(connector, exchange)
        except ApiError as raised:
            error = raised
        except Exception as raised:
            raise AssertionError(f"{where}: {type(raised).__name__}: {raised}") from raised
    require(at in replay.seen, f"{where}: the step was never reached")
    if exchange.method == "check":
        require(error is None, f"{where}: check() raised instead of returning a failed Check")
        failed = [check for check in result if not check.ok]
        require(failed or wanted == "ok", f"{where}: no check failed")
        require(all(c.remedy for c in failed), f"{where}: a failed check has no remedy")
        return
    same(type(error).__name__ if error else "ok", wanted, what=f"{where}: the errors")
    if error is not None:
        _says_what_to_do(subject, error, fault, where)


def _says_what_to_do(subject: Subject, error: ApiError, fault: Fault, where: str) -> None:
    """The message names the setting or permission to change, and no secret."""
    message = error.message
    for setting in subject.spec.settings:
        value = subject.settings.get(setting.name)
        require(
            not (setting.secret and value and value in message),
            f"{where}: the message quotes the secret {setting.name}",
        )
    if type(error).__name__ != fault.error:
        return
    if fault.name == "401":
        named = any(setting.name in message for setting in subject.spec.settings)
        require(named, f"{where}: the message names no setting: {message}")
    if fault.name == "403":
        named = "lack a permission" not in message
        require(named, f"{where}: the message does not name the permission: {message}")
    if isinstance(error, ApiRateLimitedError):
        require(error.retry_after, f"{where}: Retry-After is not passed on")
