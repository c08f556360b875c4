"""What several connectors declare or do alike: ends, sweeps, clients, links, people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
from responses import matchers

from careerrelay import connectors as kit
from careerrelay.connectors import ApplicationState, Window

NOW = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
DAY, HISTORY = timedelta(days=1), timedelta(days=30)
TOKEN_URL = "https://acme.example.com/token"
OURS = "https://relay.example.com/r/"
CLIENT = {"api_url": "https://acme.example.com/v1", "client_id": "c1", "client_secret": "s1"}


class Acme(kit.Connector):
    """An account of an ATS that does nothing."""

    spec = kit.ConnectorSpec("acme", "Acme ATS", "https://acme.example.com", {}, ())


def case(state: ApplicationState) -> kit.Application:
    return kit.Application(state.value, kit.Candidate("p"), state, NOW)


def swept(cursor: dict[str, Any], *, now: datetime) -> Window:
    return Window.resume(cursor, now=now, history=HISTORY, sweep=DAY)


def test_the_past_is_read_again_a_day_after_the_last_sweep_that_came_to_its_end() -> None:
    first = swept({}, now=NOW)
    assert (first.whole, first.since) == (True, NOW - HISTORY)
    middle = first.turned((), page="p2").cursor
    assert middle["swept"] == ""
    again = swept({**middle}, now=NOW + DAY)
    assert (again.page, again.until) == ("p2", NOW)
    done = {**again.turned((), page="").cursor}
    assert done["swept"] == NOW.isoformat()
    soon, late = swept(done, now=NOW + DAY / 2), swept(done, now=NOW + DAY)
    assert (soon.whole, late.whole) == (False, True)
    assert (soon.since, late.since) == (NOW - timedelta(minutes=10), NOW + DAY - HISTORY)
    assert soon.turned((), page="").cursor["swept"] == NOW.isoformat()


def test_of_the_past_only_what_has_ended_is_news() -> None:
    cases = [case(ApplicationState.ACTIVE), case(ApplicationState.REJECTED)]
    past, later = Window(NOW, NOW, whole=True), Window(NOW, NOW)
    assert [e.application_id for e in past.cases(cases, page="").events] == ["rejected"]
    assert [e.application_id for e in later.cases(cases, page="").events] == ["active", "rejected"]


def test_a_link_to_a_next_page_that_says_nothing_is_an_error_and_not_an_end() -> None:
    with pytest.raises(kit.PayloadError, match="does not say which"):
        kit.query_of("https://acme.example.com/people")
    assert kit.asked_of("page=2&x=a+b", first={"limit": "9"}) == {"page": "2", "x": "a b"}
    assert kit.asked_of("", first={"limit": "9"}) == {"limit": "9"}


def test_any_word_for_a_status_says_whose_end_it_is() -> None:
    given = {"rejected_ids": "12, Not a Fit", "withdrawn_ids": "Declined"}
    ends = kit.Statuses.ends(given, rejected="rejected_ids", withdrawn="withdrawn_ids", hired="won")
    assert ends.of("7", "NOT A FIT ") is ApplicationState.REJECTED
    assert ends.of("12", "declined") is ApplicationState.WITHDRAWN
    assert ends.of("won", None) is ApplicationState.HIRED
    assert ends.of("7", None, "") is ApplicationState.ACTIVE
    without = kit.Statuses.ends(given, rejected="rejected_ids", withdrawn="withdrawn_ids")
    assert without.of("") is ApplicationState.ACTIVE
    sides = [state.side for state in (ApplicationState.REJECTED, ApplicationState.WITHDRAWN)]
    assert sides == [kit.RejectionSide.COMPANY, kit.RejectionSide.CANDIDATE]
    assert ApplicationState.HIRED.side is kit.RejectionSide.UNKNOWN


def test_only_a_rejection_waits_for_its_notice() -> None:
    policy = Acme({"notice_delay_days": "7"}).policy
    assert policy.notice_after(NOW, ApplicationState.REJECTED) == NOW + timedelta(days=7)
    assert policy.notice_after(NOW, ApplicationState.WITHDRAWN) is None
    assert Acme({}).policy.notice_after(NOW) is None


def test_what_ends_a_case_has_to_be_named_where_the_ats_has_no_word_of_its_own() -> None:
    rejected, withdrawn = kit.end_settings("stages", named="stages", named_ja="ステージ")
    assert (rejected.name, rejected.required) == ("rejected_stages", True)
    assert (withdrawn.name, withdrawn.required) == ("withdrawn_stages", False)
    known, _ = kit.end_settings("stages", named="", named_ja="", rejected="rejected")
    assert (known.required, known.default) == (False, "rejected")


@responses.activate
@pytest.mark.parametrize(
    ("more", "form"),
    [
        ({}, {"grant_type": "client_credentials"}),
        ({"refresh_token": "r1"}, {"grant_type": "refresh_token", "refresh_token": "r1"}),
    ],
)
def test_a_client_buys_its_token_by_the_grant_that_the_settings_hold(
    more: dict[str, str], form: dict[str, str]
) -> None:
    client = {name: CLIENT[name] for name in ("client_id", "client_secret")}
    asked = matchers.urlencoded_params_matcher(form | client)
    token = {"access_token": "t1", "expires_in": 3600}
    responses.post(TOKEN_URL, json=token, match=[asked])
    sent = matchers.header_matcher({"Authorization": "Acme-token t1"})
    people = responses.get("https://acme.example.com/v1/people", json=[], match=[sent])
    acme = Acme(CLIENT | more)
    body = {} if more else {"secret_in_body": True}
    session = kit.client_session(
        acme, token_url=TOKEN_URL, permission="people", scheme="Acme-token", **body
    )
    session.request("GET", "https://acme.example.com/v1/people", operation="list people")
    assert people.call_count == 1
    stored = acme.tokens.get("acme:https://acme.example.com/v1:c1")
    assert stored is not None
    assert stored.value == "t1"


@pytest.mark.parametrize(
    ("held", "url", "written"),
    [("", f"{OURS}a", [f"{OURS}a"]), (f"{OURS}a", "", [""]), (f"{OURS}a", f"{OURS}a", [])],
)
def test_a_link_is_put_where_nothing_or_ours_was(held: str, url: str, written: list[str]) -> None:
    wrote = list[str]()
    kit.put_link(url, by=Acme({}), ours=OURS, field="Link", held=held, write=wrote.append)
    assert wrote == written


def test_a_field_that_holds_something_else_is_left_alone() -> None:
    wrote = list[str]()
    with pytest.raises(kit.ApiConflictError, match=r"the field Link .* empty it in Acme ATS"):
        kit.put_link(
            f"{OURS}a", by=Acme({}), ours=OURS, field="Link", held="theirs", write=wrote.append
        )
    assert wrote == []


def test_of_whoever_was_erased_only_the_id_is_kept() -> None:
    class CandidateSchema(kit.CamelCaseSchema, kit.PersonParts):
        pass

    row = {"firstName": "花子", "lastName": "見本", "email": "hanako@example.jp"}
    parts = CandidateSchema().read(row)
    found = kit.person_of("7", parts)
    assert (found.family_name, found.given_name) == ("見本", "花子")
    assert found.emails == ("hanako@example.jp",)
    assert kit.person_of("7", parts, erased=True) == kit.Candidate("7")


def test_no_such_record_is_told_by_name() -> None:
    with pytest.raises(kit.ApiNotFoundError, match="Acme ATS has no such application"):
        Acme({}).fail_missing("get an application", "application")


def test_what_web_hooks_are_missed_is_told() -> None:
    told = [
        kit.webhook_probe(Acme({"webhook_secret": given}), without="few are found").run().detail
        for given in ("s", "")
    ]
    assert told[0].startswith("webhook_secret is set")
    assert told[1] == "webhook_secret is empty: few are found"


def test_a_hint_asks_to_look_and_an_erasure_names_the_case() -> None:
    hint = kit.hint_event("c1", at=NOW, person="p1", ats_event="moved")
    assert (hint.kind, hint.application_id, hint.candidate_id) == ("changed", "c1", "p1")
    gone = kit.erased_event("c1", at=NOW)
    assert (gone.kind, gone.application_ids, gone.candidate_id) == ("erased", ("c1",), None)


def test_what_is_left_of_a_limit_is_left_to_others_until_it_begins_anew() -> None:
    now = [NOW]
    allowance = kit.Allowance("acme", reserve=10, clock=lambda: now[0], remedy="; ask for more")
    for left, resets_in in (("10", 60.0), ("nine", 60.0), ("9", None)):
        allowance.note(left, resets_in=resets_in)
        allowance.wait_turn("list people")
    allowance.note("9", resets_in=60.0)
    with pytest.raises(kit.ApiRateLimitedError, match=r"left to others .*; ask for more") as told:
        allowance.wait_turn("list people")
    assert told.value.retry_after == 60
    now[0] += timedelta(minutes=1)
    allowance.wait_turn("list people")
    with pytest.raises(kit.ApiRateLimitedError):
        allowance.wait_turn("list people", not_before=now[0] + DAY)


class Known(Acme):
    """Has one case, which is open."""

    def fetch_application(self, application_id: str) -> kit.Application:
        if application_id != "7":
            self.fail_missing("get a case", "case")
        return case(ApplicationState.ACTIVE)


def test_whoever_left_a_list_is_looked_up_and_may_be_gone() -> None:
    known = Known({}, clock=lambda: NOW)
    assert known.looked_up("7", person="p").application == case(ApplicationState.ACTIVE)
    gone = known.looked_up("8", person="p")
    assert (gone.kind, gone.application_ids, gone.candidate_id) == ("erased", ("8",), "p")


@pytest.mark.parametrize(
    ("hours_ago", "full", "fresh", "page"),
    [
        ([1, 2], True, [1, 2], "2"),
        ([1, 30], True, [1], ""),
        ([1, 2], False, [1, 2], ""),
        ([], True, [], ""),
    ],
)
def test_the_latest_are_read_down_to_where_the_last_round_began(
    hours_ago: list[int], full: bool, fresh: list[int], page: str
) -> None:
    window = Window(NOW - DAY, NOW)
    found = window.down_to(hours_ago, lambda hours: NOW - timedelta(hours=hours), full=full)
    assert found == (fresh, page)


@responses.activate
def test_rows_are_read_each_by_the_schema_and_asked_for_by_name() -> None:
    asked = matchers.query_param_matcher({"page": "2"})
    people = {"people": [{"id": 7, "name": "花子"}]}
    responses.get("https://acme.example.com/v1/people", json=people, match=[asked])
    api = kit.VendorApi(kit.HttpClient("acme"), url=CLIENT["api_url"], setting="api_key")
    found = api.rows(
        ("people",), kit.NamedSchema, under="people", operation="list people", page="2"
    )
    assert found == [{"id": "7", "name": "花子"}]


def test_the_first_of_a_few_words_is_the_default() -> None:
    setting = kit.choice("auth", "How we sign in.", "認証方式。", "basic", "oauth")
    assert (setting.default, setting.choices) == ("basic", ("basic", "oauth"))
    assert not setting.required


def test_one_of_several_signatures_is_enough() -> None:
    good, bad = (b"b", f"v1={kit.hmac_sha256_hex('s', b'b')}"), (b"a", "v1=" + "0" * 64)
    kit.verify_any([bad, good], secrets="s", prefix="v1=", where="the header X")
    for tries, told in (([bad, bad], "does not match"), ([], "the header X is missing")):
        with pytest.raises(kit.WebhookVerificationError, match=told):
            kit.verify_any(tries, secrets="s", prefix="v1=", where="the header X")


@pytest.mark.parametrize(
    ("id_", "ok", "detail"), [("", True, "none is wanted"), ("7", True, "found"), ("8", False, "")]
)
def test_an_id_in_a_setting_is_looked_for(id_: str, ok: bool, detail: str) -> None:
    known = Known({"user_id": id_}, clock=lambda: NOW)
    check = kit.id_probe(known, "user_id", known.fetch_application, what="a user").run()
    assert (check.name, check.ok) == ("user_id", ok)
    assert detail in check.detail
    assert ok or check.remedy == "Type the id of a user in user_id."
