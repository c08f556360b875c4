"""What ``doctor`` looks at: each scope by its name, the field and its token, the sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from careerrelay.connectors import (
    ApiAuthenticationError,
    ApiError,
    ApiPermissionError,
    Channel,
    Check,
)

from .client import ROWS, HarvestClient, Row

READS = (*ROWS,)
# Calls that can change nothing: a record that cannot exist, or a body without what is required.
WRITES = (
    ("PATCH", "candidates/0", "candidates:update"),
    ("POST", "notes", "notes:create"),
    ("POST", "candidate_tags", "candidate_tags:create"),
    ("POST", "applied_candidate_tags", "applied_candidate_tags:create"),
)
SCREEN = "Configure > Dev Center > API Credential Management > Manage permissions"
FIELDS = "Configure > Custom Options > Company Custom Fields > Candidates"
TEXT_TYPES = ("short_text", "long_text", "url")


def check(
    client: HarvestClient, settings: Mapping[str, str], *, channels: Mapping[str, Channel]
) -> list[Check]:
    """All checks, or the one about the credentials where nothing else can work."""
    try:
        found = [*_reads(client), *_writes(client)]
        if _granted(found, "harvest:custom_fields:list"):
            found += _told("custom fields", lambda: list(_fields(client, settings)))
        if _granted(found, "harvest:sources:list"):
            found += _told("agency sources", lambda: list(_sources(client, channels=channels)))
    except ApiAuthenticationError as error:
        remedy = (
            "make a 'Harvest V3 (OAuth)' credential in Configure > Dev Center > API Credential "
            "Management and type client_id, client_secret and acting_user_id again"
        )
        return [Check("credentials", ok=False, detail=error.message, remedy=remedy)]
    return found


def _granted(found: list[Check], scope: str) -> bool:
    return any(check.name == scope and check.ok for check in found)


def _reads(client: HarvestClient) -> Iterator[Check]:
    for resource in READS:
        scope = f"harvest:{resource}:list"
        yield from _told(scope, lambda: _read(client, resource, scope=scope))  # noqa: B023 - called at once


def _read(client: HarvestClient, resource: str, *, scope: str) -> list[Check]:
    client.page(resource, filters={"per_page": "1"})
    return [Check(scope, ok=True, detail="granted")]


def _writes(client: HarvestClient) -> Iterator[Check]:
    for method, path, scope in WRITES:
        name = f"harvest:{scope}"
        yield from _told(name, lambda: _write(client, method, path, scope=scope))  # noqa: B023 - called at once


def _write(client: HarvestClient, method: str, path: str, *, scope: str) -> list[Check]:
    client.probe(method, path, scope=scope)
    return [Check(f"harvest:{scope}", ok=True, detail="granted")]


def _told(name: str, look: Callable[[], list[Check]]) -> list[Check]:
    """What a look found, or a failed check that says why it found nothing."""
    try:
        return look()
    except ApiAuthenticationError:
        raise  # then nothing else can work
    except ApiPermissionError as error:
        return [_missing(name, error)]
    except ApiError as error:
        remedy = "check the settings base_url and token_url; if they are right, try again later"
        return [Check(name, ok=False, detail=error.message, remedy=remedy)]


def _missing(scope: str, error: ApiError) -> Check:
    remedy = (
        f"tick {scope} in {SCREEN}; if it is ticked, make the acting user a Site Admin "
        "(lists are only given to Site Admins)"
    )
    return Check(scope, ok=False, detail=error.message, remedy=remedy)


def _fields(client: HarvestClient, settings: Mapping[str, str]) -> Iterator[Check]:
    rows = {row["name_key"]: row for row in client.every("custom_fields")}
    yield _field(rows, key=settings["link_field"], setting="link_field", mailed=True)
    if settings["report_field"]:
        yield _field(rows, key=settings["report_field"], setting="report_field", mailed=False)


def _field(rows: Mapping[str, Row], *, key: str, setting: str, mailed: bool) -> Check:
    wrong = next(_field_faults(rows.get(key), key=key, mailed=mailed), None)
    name = f"custom field {key} ({setting})"
    if wrong is None:
        detail = "a candidate field with an email token" if mailed else "a candidate field"
        return Check(name, ok=True, detail=detail)
    return Check(name, ok=False, detail=wrong[0], remedy=wrong[1])


def _field_faults(row: Row | None, *, key: str, mailed: bool) -> Iterator[tuple[str, str]]:
    """(what is wrong, what to click), the gravest first."""
    if row is None:
        yield (
            "there is no custom field with this key",
            f"{FIELDS} > Add Field: name it so that its key becomes {key}, type URL, not private, "
            "tick 'Create new email token'; or correct the setting",
        )
        return
    if row["field_type"] != "candidate":
        yield (
            f"it is a field of type {row['field_type']}, not a candidate field",
            f"make the field under {FIELDS}: tokens of other fields stay blank in bulk rejection",
        )
    if row["active"] is False:
        yield "the field is switched off", f"{FIELDS}: switch the field on again"
    if row["value_type"] not in TEXT_TYPES:
        yield (
            f"its type {row['value_type']} cannot hold a link",
            f"{FIELDS} > Add Field: make a new field of type URL; a type cannot be changed later",
        )
    if row["private"]:
        yield "the field is private", f"{FIELDS} > the field: untick 'Private'"
    if mailed and not row["template_token_string"]:
        yield (
            "the field has no email token, so no template can show the link",
            f"{FIELDS} > the field: tick 'Create new email token' and Save, then put the token "
            "into the Candidate Rejection template",
        )


def _sources(client: HarvestClient, *, channels: Mapping[str, Channel]) -> Iterator[Check]:
    """Hooks carry a source's name but not its type, so agencies must be named by id."""
    unnamed = [
        row["id"]
        for row in client.every("sources")
        if ((row["type"] or {}).get("name") or "").lower() == "agencies"
        and row["id"] not in channels
    ]
    if not unnamed:
        yield Check("agency sources", ok=True, detail="all named in source_channels, or none")
        return
    words = ", ".join(f"{source_id}=agent" for source_id in unnamed)
    yield Check(
        "agency sources",
        ok=False,
        detail=f"{len(unnamed)} sources are agencies that source_channels does not name",
        remedy=f"add to source_channels: {words}",
    )
