"""Headers, cookies, form tokens, hosts, proxies and limits, whatever the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from limits import parse

from careerrelay.engine.ingest import Ingest
from careerrelay.engine.queue import InlineQueue
from careerrelay.models.errors import ConfigurationError
from careerrelay.webhook_server import create_app, throttle
from careerrelay.webhook_server.throttle import network
from careerrelay.webhook_server.wsgi import application
from tests.support.world import Clock, open_runtime
from tests.webhook_server.site import MAIL, Reader, Site, csrf_of, filled

DIRECTIVES = {
    "default-src 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}


@pytest.fixture
def token(site: Site) -> str:
    return site.reject(1)


def test_every_kind_of_answer_carries_the_headers(reader: Reader, token: str) -> None:
    for path in (f"/r/{token}", "/r/x", "/nowhere", "/static/page.css", "/healthz", "/webhooks/x"):
        headers = reader.get(path).headers
        assert set(headers["Content-Security-Policy"].split("; ")) >= DIRECTIVES
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Strict-Transport-Security"].startswith("max-age=")


def test_pages_are_not_kept_by_anybody_and_the_sheet_is(reader: Reader, token: str) -> None:
    assert reader.get(f"/r/{token}").headers["Cache-Control"] == "no-store"
    assert reader.get("/r/x").headers["Cache-Control"] == "no-store"
    assert "max-age=3600" in reader.get("/static/page.css").headers["Cache-Control"]


def test_pages_load_nothing_from_elsewhere_and_run_nothing(reader: Reader, token: str) -> None:
    text = reader.get(f"/r/{token}").text
    assert "<script" not in text
    assert " style=" not in text
    assert 'src="http' not in text
    assert 'rel="stylesheet" href="/static/page.css"' in text


def test_cookies_are_bound_to_this_host_and_hidden_from_scripts(reader: Reader, token: str) -> None:
    cookies = reader.get(f"/r/{token}?lang=en").headers.getlist("Set-Cookie")
    assert {c.split("=")[0] for c in cookies} == {"__Host-session", "__Host-lang"}
    for cookie in cookies:
        for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert part in cookie
        assert "Domain" not in cookie


@pytest.fixture
def plain_http(sqlite_url: str, tmp_path: Path, clock: Clock) -> Iterator[Flask]:
    """A trial without https, behind one proxy."""
    server = {"base_url": "http://127.0.0.1:8080", "trusted_proxies": 1}
    runtime = open_runtime(
        sqlite_url,
        tmp_path / "data",
        clock=clock,
        queue=InlineQueue(clock),
        mail=MAIL,
        server=server,
    )
    ingest = Ingest(runtime)
    yield create_app(runtime, ingest=ingest)
    ingest.stop()
    runtime.close()


def test_without_https_cookies_still_work(plain_http: Flask) -> None:
    response = plain_http.test_client().get("/nowhere?lang=en")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("lang=en")
    assert "Secure" not in cookie
    assert "Strict-Transport-Security" not in response.headers


def seen_network(app: Flask, environ: dict[str, Any]) -> str:
    """What the limits take for the asking network."""
    seen: list[str] = []
    app.add_url_rule("/seen", view_func=lambda: seen.append(network()) or "")
    app.test_client().get("/seen", environ_overrides=environ)
    return seen[0]


def test_behind_a_trusted_proxy_the_nearest_forwarded_address_counts(plain_http: Flask) -> None:
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.7"}
    assert seen_network(plain_http, environ) == "198.51.100.7"


@pytest.mark.parametrize(("proxies", "second"), [(1, 401), (0, 429)])
def test_forged_web_hooks_are_counted_by_that_same_address(
    site: Site, ingest: Ingest, monkeypatch: pytest.MonkeyPatch, proxies: int, second: int
) -> None:
    monkeypatch.setattr(throttle, "REFUSALS", parse("1/minute"))
    monkeypatch.setitem(site.runtime.settings.server, "trusted_proxies", proxies)
    client = create_app(site.runtime, ingest=ingest).test_client()
    for address, status in (("198.51.100.7", 401), ("198.51.100.8", second)):
        environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": address}
        answer = client.post("/webhooks/toy", data=b"x", environ_overrides=environ)
        assert answer.status_code == status


def test_without_one_nobody_can_claim_an_address(site: Site) -> None:
    environ = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "198.51.100.7"}
    assert seen_network(site.app, environ) == "192.0.2.1"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unix:", "unknown"),
    ],
)
def test_a_household_counts_as_one_network(site: Site, address: str, counted: str) -> None:
    assert seen_network(site.app, {"REMOTE_ADDR": address}) == counted


@pytest.mark.parametrize("host", ["evil.example", "evil.example:443", "relay.example.jp@evil"])
def test_no_answer_repeats_a_foreign_host(site: Site, token: str, host: str) -> None:
    reader = site.reader()
    headers = {"Host": host, "X-Forwarded-Host": host, "Forwarded": f"host={host}"}
    page = reader.get(f"/r/{token}", headers=headers)
    answer = reader.post(f"/r/{token}", filled(csrf_of(reader.get(f"/r/{token}"))), headers=headers)
    for response in (page, answer, reader.get("/nowhere", headers=headers)):
        assert "evil" not in response.text
        assert "evil" not in str(response.headers)


def test_every_form_refuses_without_its_token_except_the_stop_link(site: Site, token: str) -> None:
    """Default deny: a form added later is protected before anybody thinks of it."""
    registration = site.start(token)
    held = {
        "/r/": token,
        "/p/": site.proof_token(registration),
        "/m/": site.my_token(registration),
    }
    before = site.dump()
    asked = 0
    for rule in site.app.url_map.iter_rules():
        start = rule.rule[:3]
        if "POST" not in (rule.methods or ()) or start not in held:
            continue
        path = rule.rule.replace("<token:token>", held[start])
        for data in ({}, {"csrf_token": "wrong"}, filled("wrong", code="12345678")):
            assert 400 <= site.reader().post(path, data).status_code < 500
            asked += 1
    assert asked == 12
    assert site.dump() == before


def test_a_rotation_of_keys_needs_no_restart_and_loses_no_session(
    site: Site, reader: Reader, token: str
) -> None:
    reader.post(f"/r/{token}", filled(csrf_of(reader.get(f"/r/{token}"))))
    page = reader.get(f"/r/{token}/code")
    keys = site.runtime.keys
    keys.save(keys.current().with_new().rotated())
    code = site.code(site.only_registration().id)
    stale = reader.post(f"/r/{token}/code", {"csrf_token": csrf_of(page), "code": code})
    assert stale.status_code == 422
    assert (
        reader.post(f"/r/{token}/code", {"csrf_token": csrf_of(stale), "code": code}).status_code
        == 303
    )


def test_one_network_gets_so_many_pages_a_minute(site: Site) -> None:
    reader, other = site.reader("en"), site.reader(address="192.0.2.99")
    answers = [reader.get("/r/x") for _ in range(301)]
    assert [a.status_code for a in answers] == [404] * 300 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert "Please wait a little" in answers[-1].text
    assert other.get("/r/x").status_code == 404
    assert reader.get("/healthz").status_code == 200


def test_an_error_of_ours_shows_no_trace_and_logs_no_person(
    site: Site,
    reader: Reader,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("person1@example.com")

    monkeypatch.setattr("careerrelay.engine.links.open_link", broken)
    for response in (reader.get(f"/r/{token}"), reader.get(f"/s/{token}")):
        assert response.status_code == 500
        assert "申し訳ございません" in response.text
        assert "Traceback" not in response.text
    logged = capsys.readouterr()
    assert "page_bug" in logged.out
    assert "person1@" not in logged.out + logged.err
    assert token not in logged.out + logged.err


def test_a_store_that_is_away_gets_a_kind_page(
    site: Site, reader: Reader, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    def away() -> None:
        raise OperationalError("SELECT", {}, Exception("down"))

    monkeypatch.setattr(site.runtime.database, "read", away)
    response = reader.get(f"/r/{token}")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"
    assert "申し訳ございません" in response.text


def test_a_page_address_with_markup_is_only_text(reader: Reader) -> None:
    response = reader.get("/%3Cscript%3Ealert(1)%3C/script%3E?lang=en")
    assert response.status_code == 404
    assert "<script" not in response.text


def test_a_form_over_one_mebibyte_is_refused_in_words(reader: Reader, token: str) -> None:
    page = csrf_of(reader.get(f"/r/{token}"))
    response = reader.post(f"/r/{token}", filled(page, name="x" * 1024 * 1024))
    assert response.status_code == 413
    assert "長すぎます" in response.text


def test_several_processes_refuse_a_store_that_has_but_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CAREERRELAY_STORE_FOLDER", str(tmp_path))
    monkeypatch.delenv("CAREERRELAY_CONFIG", raising=False)
    with pytest.raises(ConfigurationError, match=r"\[store\] url"):
        application()
