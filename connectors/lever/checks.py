"""What ``doctor`` looks at in a Lever account: cheap reads, each naming what to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import islice

from careerrelay.connectors.base import Check
from careerrelay.models.errors import ApiAuthenticationError, ApiError, ApiNotFoundError

from .client import LeverClient
from .spec import SPEC

KEY_PAGE = "Settings > Integrations and API > API Credentials"
HOOK_PAGE = "Settings > Integrations and API > Webhooks"


def run(client: LeverClient, settings: Mapping[str, str], *, now: datetime) -> list[Check]:
    """One check per thing the connector needs; after a refused key nothing else is asked."""
    key = _key(client)
    if not key.ok:
        return [key]
    return [
        key,
        _call("postings", lambda: _postings(client)),
        _call("opportunities and notes", lambda: _notes(client)),
        _call("deleted opportunities", lambda: _deleted(client, now)),
        _perform_as(client, settings["perform_as"]),
        _webhooks(client, wanted=bool(settings["signature_tokens"].strip())),
    ]


def _key(client: LeverClient) -> Check:
    try:
        count = len(client.archive_reasons())
    except ApiAuthenticationError as error:
        return Check(
            "api_key",
            False,
            error.message,
            f"Make a key under {KEY_PAGE}, type it in api_key, and see that base_url belongs to "
            "it: sandbox keys do not work in production.",
        )
    except ApiError as error:
        return _failed("api_key", error)
    return Check("api_key", True, f"accepted; {count} archive reasons")


def _call(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except ApiError as error:
        return _failed(name, error)


def _failed(name: str, error: ApiError) -> Check:
    return Check(name, False, error.message, f"Allow this endpoint for the key under {KEY_PAGE}.")


def _postings(client: LeverClient) -> str:
    return "may be read" if client.first_posting() else "may be read; there is none yet"


def _notes(client: LeverClient) -> str:
    found = client.opportunities({"limit": 1}, offset=None).records
    if not found:
        return "no opportunity to try on yet"
    list(islice(client.note_texts(found[0]["id"]), 1))
    return "may be read; writing is tried only by a report"


def _deleted(client: LeverClient, now: datetime) -> str:
    day_before = now - timedelta(days=1)
    client.deleted(start=_milliseconds(day_before), end=_milliseconds(now), offset=None)
    return "may be read"


def _perform_as(client: LeverClient, user_id: str) -> Check:
    remedy = "Type the id of an active Lever user in perform_as; GET /users lists them."
    try:
        user = client.user(user_id)
    except ApiNotFoundError:
        return Check("perform_as", False, "no Lever user has the id in perform_as", remedy)
    except ApiError as error:
        return _failed("perform_as", error)
    if user["deactivated_at"]:
        return Check("perform_as", False, "the user in perform_as is deactivated", remedy)
    return Check("perform_as", True, "an active user")


def _webhooks(client: LeverClient, *, wanted: bool) -> Check:
    if not wanted:
        return Check(
            "webhooks", True, "signature_tokens is empty: rejections are found by polling alone"
        )
    try:
        present = {hook["event"] for hook in client.webhooks()}
    except ApiError as error:
        return _failed("webhooks", error)
    missing = [event for event in SPEC.events if event not in present]
    if missing:
        return Check(
            "webhooks",
            False,
            f"no web hook for {', '.join(missing)}",
            f"Add them under {HOOK_PAGE}; until then polling finds these changes later.",
        )
    return Check("webhooks", True, f"one for each of {len(SPEC.events)} events")


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
