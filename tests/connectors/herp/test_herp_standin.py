"""The stand-in keeps to what is known of the vendor."""

from __future__ import annotations

from typing import Any

import pytest

from careerrelay.connectors.herp.standin import HerpStandIn
from careerrelay.connectors.http import HttpClient
from careerrelay.models.errors import (
    ApiRequestError,
)

from .conftest import START, Tenant

# The stand-in itself keeps to what is known of the vendor


def test_the_standin_ignores_limit_and_shows_100_rows(tenant: Tenant) -> None:
    for n in range(101):
        tenant.rejected(n)
    answer = _get(tenant, "/v1/candidacies", limit="5")
    assert len(answer["candidacies"]) == 100
    assert answer["hasNextPage"] is True


def test_the_standin_leaves_optional_keys_out(tenant: Tenant) -> None:
    tenant.rejected(1, email="")
    [row] = _get(tenant, "/v1/candidacies")["candidacies"]
    assert "email" not in row
    assert None not in row.values()


def test_the_standins_single_read_lacks_address_and_reason(tenant: Tenant) -> None:
    candidacy = tenant.rejected(1)
    single = _get(tenant, f"/v1/candidacies/{candidacy}")
    assert not single.keys() & {"email", "terminationReason", "terminatedAt", "updatedAt"}
    assert single["links"] == []


def test_the_standin_filters_days_in_japan_time(tenant: Tenant) -> None:
    tenant.standin.apply(tenant.requisition, name="見本", applied_at=START.replace(hour=20))
    assert _get(tenant, "/v1/candidacies", appliedAtFrom="2026-01-21")["candidacies"]
    assert not _get(tenant, "/v1/candidacies", appliedAtTo="2026-01-20")["candidacies"]


@pytest.mark.parametrize(
    "params",
    [{"page": "0"}, {"status": "ended"}, {"appliedAtFrom": "20260120"}, {"direction": "down"}],
)
def test_the_standin_refuses_bad_parameters(tenant: Tenant, params: dict[str, str]) -> None:
    with pytest.raises(ApiRequestError):
        _get(tenant, "/v1/candidacies", **params)


@pytest.mark.parametrize(
    "body",
    [
        {"comment": "x", "contentType": "text/plain"},
        {"body": ""},
        {"body": "あ" * 20_001},
        {"body": "x", "textType": "text/html"},
        {"body": "x", "mentionTo": "U-AAAAA"},
    ],
)
def test_the_standin_refuses_other_shapes_of_a_comment(
    tenant: Tenant, body: dict[str, Any]
) -> None:
    path = f"/v1/candidacies/{tenant.person(1)}/timeline-comments"
    with pytest.raises(ApiRequestError):
        _client(tenant).request(
            "POST", tenant.url + path, operation="comment", json=body, headers=_key(tenant.standin)
        )


def test_ending_a_case_moves_its_update_but_not_its_step(tenant: Tenant) -> None:
    candidacy = tenant.person(1)
    before = tenant.standin.candidacy(candidacy)
    tenant.standin.reject(candidacy)
    after = tenant.standin.candidacy(candidacy)
    assert after["stepUpdatedAt"] == before["stepUpdatedAt"]
    assert after["updatedAt"] > before["updatedAt"]
    assert after["terminatedAt"].endswith(":00+09:00")


def _client(tenant: Tenant) -> HttpClient:
    return HttpClient("herp", allow_private=True)


def _key(standin: HerpStandIn) -> dict[str, str]:
    return {"Authorization": f"Bearer {standin.api_key}"}


def _get(tenant: Tenant, path: str, **params: str) -> dict[str, Any]:
    return (
        _client(tenant)
        .request(
            "GET",
            tenant.url + path,
            operation="read",
            params=params,
            headers=_key(tenant.standin),
        )
        .json()
    )
