"""What ``doctor`` looks at in a Lever account: cheap reads, each naming what to change."""

from __future__ import annotations

from datetime import timedelta

from careerrelay import connectors as kit

from .client import LeverClient

KEY_PAGE = "Settings > Integrations and API > API Credentials"
HOOK_PAGE = "Settings > Integrations and API > Webhooks"


def run(client: LeverClient, by: kit.Connector) -> list[kit.Check]:
    """One check per thing the connector needs; after a refused key nothing else is asked."""
    allow = f"Allow this endpoint for the key under {KEY_PAGE}."
    user = f"Type the id of an active Lever user, as GET /users lists them, in perform_as. {allow}"
    hooks = f"Add them under {HOOK_PAGE}; until then polling finds these changes later."
    probes = [
        kit.Probe("reasons", lambda: f"{len(client.archive_reasons())} archive reasons", allow),
        kit.Probe("postings", lambda: _postings(client), allow),
        kit.Probe("opportunities and notes", lambda: _notes(client), allow),
        kit.Probe("deleted opportunities", lambda: _deleted(client, by), allow),
        kit.Probe("perform_as", lambda: _perform_as(client, remedy=user), user),
        kit.hooks_probe(
            by,
            lambda: [hook["event"] for hook in client.webhooks()],
            remedy=f"{hooks} {allow}",
            setting="signature_tokens",
        ),
    ]
    remedy = (
        f"Make a key under {KEY_PAGE}, type it in api_key, and see that base_url belongs to it: "
        "sandbox keys do not work in production."
    )
    return kit.run_probes(probes, credentials="api_key", remedy=remedy)


def _postings(client: LeverClient) -> str:
    return "may be read" if client.first_posting() else "may be read; there is none yet"


def _notes(client: LeverClient) -> str:
    found = client.opportunities({"limit": 1}, offset="").records
    if not found:
        return "no opportunity to try on yet"
    next(client.note_texts(found[0]["id"]), None)
    return "may be read; writing is tried only by a report"


def _deleted(client: LeverClient, by: kit.Connector) -> str:
    now = by.clock()
    start, end = (int(at.timestamp() * 1000) for at in (now - timedelta(days=1), now))
    client.deleted(start=start, end=end, offset="")
    return "may be read"


def _perform_as(client: LeverClient, *, remedy: str) -> kit.Check | str:
    if client.user()["deactivated_at"]:
        return kit.Check("perform_as", False, "the user in perform_as is deactivated", remedy)
    return "an active user"
