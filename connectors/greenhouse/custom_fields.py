"""One candidate custom field, written without losing the others.

v3 replaces the whole collection, offers no version or ETag and answers 204: read, merge, write,
read again. An edit by a recruiter after our write is kept, or merged again if it took our value
away; an edit that falls into the one round trip between our read and our write cannot be seen.
https://harvestdocs.greenhouse.io/docs/write-endpoint-migration-guide
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from careerrelay import connectors as kit

from .client import NAME, HarvestClient, Row

ROUNDS = 3


class CandidateFields:
    """Writes single custom fields of candidates.

    ``round_trip_types``: field types with object values (currency, user) that the company has
    seen survive being written back; how they are written is not documented.
    """

    def __init__(self, client: HarvestClient, *, round_trip_types: Collection[str] = ()) -> None:
        self._client = client
        self._round_trip_types = round_trip_types

    def put(self, candidate_id: str, *, key: str, value: str, ours: str | None) -> None:
        """Set (or with "" empty) a field that is empty or begins with ``ours`` (None: any value).

        Raises kit.ApiConflictError when it holds another value, when the field is not on the
        candidate, or when another field lost its value.
        """
        for _ in range(ROUNDS):
            before = self._read(candidate_id, key=key)
            if before.get(key, "") == value:
                return
            _refuse_foreign(before.get(key), key=key, ours=ours)
            # The collection is replaced whole: what is not sent is emptied.
            wanted = {name: v for name, v in {**before, key: value}.items() if v != ""}
            self._client.write_fields(candidate_id, wanted)
            after = self._read(candidate_id, key=key)
            _refuse_loss(wanted, after=after, key=key)
            if after.get(key, "") == value:
                return
        raise conflict(f"the custom field {key} was changed back by somebody each time it was set")

    def _read(self, candidate_id: str, *, key: str) -> dict[str, Any]:
        """The values that are there, by name_key."""
        shown: Mapping[str, Row] = self._client.candidate(candidate_id)["custom_fields"] or {}
        if key not in shown:
            raise conflict(
                f"the candidate has no custom field {key}: create it in Configure > Custom Options "
                "> Candidates, for all jobs, or correct the setting"
            )
        values = {name: field.get("value") for name, field in shown.items()}
        kept = {name: value for name, value in values.items() if value not in (None, "", [])}
        for name, value in kept.items():
            self._refuse_object(shown[name], name=name, value=value)
        return kept

    def _refuse_object(self, field: Row, *, name: str, value: Any) -> None:
        kind = str(field.get("type"))
        if _is_plain(value) or kind in self._round_trip_types:
            return
        raise conflict(
            f"the candidate's custom field {name} has a value of type {kind}, which Greenhouse "
            "does not document how to write back; add the type to round_trip_types once you have "
            "seen it survive"
        )


def _is_plain(value: Any) -> bool:
    """Text, numbers, yes/no and option names travel back as they came."""
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, (str, int, float, bool))


def _refuse_foreign(current: Any, *, key: str, ours: str | None) -> None:
    if current is None or ours is None:
        return
    if not (isinstance(current, str) and current.startswith(ours)):
        raise conflict(f"the custom field {key} holds a value that is not ours; it was left alone")


def _refuse_loss(wanted: Mapping[str, Any], *, after: Mapping[str, Any], key: str) -> None:
    lost = sorted(name for name in wanted if name not in after and name != key)
    if lost:
        raise conflict(
            f"custom field {lost[0]} of the candidate was emptied while {key} was written: "
            "look at the candidate's record"
        )


def conflict(message: str) -> kit.ApiConflictError:
    return kit.ApiConflictError(message, connector=NAME, operation="update candidates")
