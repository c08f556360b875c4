"""JSON:API records: attributes by schema, related ones by name, written with their links."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses

from careerrelay import connectors as kit

URL = "https://acme.example.com/v1"
NameSchema = kit.KebabCaseSchema.of(first_name=kit.OptionalText(), email=kit.Addresses())
JOB = {"id": 7, "type": "jobs", "attributes": {"first-name": "営業"}}
CASE = {
    "id": "1",
    "type": "applications",
    "attributes": {"first-name": "花子"},
    "relationships": {
        "job": {"data": {"type": "jobs", "id": 7}},
        "stage": {"data": None},
        "notes": {"data": [{"type": "notes", "id": "3"}]},
        "links": None,
    },
}


@pytest.fixture
def vendor() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def api() -> kit.JsonApi:
    http = kit.HttpClient("acme")
    return kit.JsonApi(kit.VendorApi(http, url=URL, setting="api_key", reads="cases:read"))


def sent(call: responses.Call) -> Any:
    assert isinstance(call.request.body, bytes)
    return json.loads(call.request.body)["data"]


def test_a_record_has_attributes_and_what_it_is_related_to(vendor: responses.RequestsMock) -> None:
    vendor.get(f"{URL}/applications/1", json={"data": CASE, "included": [JOB]})
    found = api().one("applications", "1")
    assert found.read(NameSchema)["first_name"] == "花子"
    job = found.related("job", "jobs")
    assert job
    assert (job.id, job.read(NameSchema)["first_name"]) == ("7", "営業")
    assert found.related("job", "stages") is None
    assert [found.id_of(n) for n in ("job", "stage", "notes", "links", "none")] == ["7", *[""] * 4]
    assert "花子" not in repr(found)


def test_a_page_shares_what_came_with_it(vendor: responses.RequestsMock) -> None:
    vendor.get(f"{URL}/applications", json={"data": [CASE, CASE], "included": [JOB]})
    rows, answer = api().list(("applications",))
    assert [other.id for row in rows for other in row.others("jobs")] == ["7", "7"]
    assert answer.status == 200


@pytest.mark.parametrize("data", [[], {}, {"data": {"id": 1}}, {"data": {**CASE, "id": []}}])
def test_what_is_no_record_is_an_error(vendor: responses.RequestsMock, data: Any) -> None:
    vendor.get(f"{URL}/applications/1", json=data)
    with pytest.raises(kit.ApiResponseError, match="'get applications' not as"):
        api().one("applications", "1")


def test_a_new_record_is_posted_with_its_links_and_an_old_one_changed(
    vendor: responses.RequestsMock,
) -> None:
    vendor.post(f"{URL}/notes", json={"data": {"id": "3", "type": "notes"}})
    vendor.put(f"{URL}/jobs/7", json={"data": JOB})
    api().write("notes", {"text": "x"}, related={"job": ("jobs", "7")})
    api().write("jobs", {"name": "y"}, id_="7", method="PUT")
    new, changed = (sent(call) for call in vendor.calls)
    links = {"job": {"data": {"type": "jobs", "id": "7"}}}
    assert new == {"type": "notes", "attributes": {"text": "x"}, "relationships": links}
    assert changed == {"type": "jobs", "attributes": {"name": "y"}, "id": "7"}
