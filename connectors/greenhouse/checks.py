"""What ``doctor`` looks at: each scope by its name, the field and its token, the sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from careerrelay import connectors as kit

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
    client: HarvestClient, settings: Mapping[str, str], *, channels: Mapping[str, kit.Channel]
) -> list[kit.Check]:
    """All checks, or the one about the credentials where nothing else can work."""
    remedy = (
        "make a 'Harvest V3 (OAuth)' credential in Configure > Dev Center > API Credential "
        "Management and type client_id, client_secret and acting_user_id again"
    )
    try:
        found = [_scope(scope, look) for scope, look in _looks(client)]
        granted = {check.name for check in found if check.ok}
        if "harvest:custom_fields:list" in granted:
            found += _told("custom fields", lambda: _fields(client, settings))
        if "harvest:sources:list" in granted:
            found += _told("agency sources", lambda: _sources(client, channels=channels))
    except kit.ApiAuthenticationError as error:
        return [kit.Check("credentials", ok=False, detail=error.message, remedy=remedy)]
    return found


def _scope(scope: str, look: Callable[[], object]) -> kit.Check:
    remedy = (
        f"tick {scope} in {SCREEN}; if it is ticked, make the acting user a Site Admin "
        "(lists are only given to Site Admins); check base_url and token_url"
    )
    return kit.Probe(scope, look, remedy).run()


def _told(name: str, look: Callable[[], Iterator[kit.Check]]) -> list[kit.Check]:
    """What a look found, or a failed check that says why it found nothing."""
    found: list[kit.Check] = []
    asked = kit.Probe(name, lambda: found.extend(look()), "check base_url; try again later").run()
    return found if asked.ok else [asked]


def _looks(client: HarvestClient) -> Iterator[tuple[str, Callable[[], object]]]:
    """A look at each scope, by its name."""
    for resource in READS:
        look = partial(client.page, resource, filters={"per_page": "1"})
        yield f"harvest:{resource}:list", look
    for method, path, scope in WRITES:
        yield f"harvest:{scope}", partial(client.probe, method, path, scope=scope)


def _fields(client: HarvestClient, settings: Mapping[str, str]) -> Iterator[kit.Check]:
    rows = {row["name_key"]: row for row in client.every("custom_fields")}
    yield _field(rows, key=settings["link_field"], setting="link_field", mailed=True)
    if settings["report_field"]:
        yield _field(rows, key=settings["report_field"], setting="report_field", mailed=False)


def _field(rows: Mapping[str, Row], *, key: str, setting: str, mailed: bool) -> kit.Check:
    wrong = next(_field_faults(rows.get(key), key=key, mailed=mailed), None)
    name = f"custom field {key} ({setting})"
    if wrong is None:
        detail = "a candidate field with an email token" if mailed else "a candidate field"
        return kit.Check(name, ok=True, detail=detail)
    return kit.Check(name, ok=False, detail=wrong[0], remedy=wrong[1])


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


def _sources(client: HarvestClient, *, channels: Mapping[str, kit.Channel]) -> Iterator[kit.Check]:
    """Hooks carry a source's name but not its type, so agencies must be named by id."""
    unnamed = [
        row["id"]
        for row in client.every("sources")
        if ((row["type"] or {}).get("name") or "").lower() == "agencies"
        and row["id"] not in channels
    ]
    if not unnamed:
        yield kit.Check("agency sources", ok=True, detail="all named in source_channels, or none")
        return
    words = ", ".join(f"{source_id}=agent" for source_id in unnamed)
    yield kit.Check(
        "agency sources",
        ok=False,
        detail=f"{len(unnamed)} sources are agencies that source_channels does not name",
        remedy=f"add to source_channels: {words}",
    )
