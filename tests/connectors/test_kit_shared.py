"""What connectors share: reports written once, pages walked, declared signatures, fields, ids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from marshmallow import fields
from responses import matchers

from careerrelay import connectors as kit
from careerrelay.connectors import Capability
from careerrelay.connectors.base import MOST_RECALLED, RECALL
from careerrelay.connectors.spec import Signature
from careerrelay.connectors.values import named_ends

NOW = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
REPORT = kit.RegistrationReport("CR-1", "CareerRelay: registered. [CR-1]", "registered")
SPEC = kit.ConnectorSpec(
    name="acme",
    title="Acme ATS",
    docs_url="https://acme.example.com",
    capabilities={Capability.WEBHOOK: kit.documented("https://acme.example.com/hooks")},
    settings=(kit.webhook_secret("Secret of the web hook", "Webhookのシークレット"),),
    webhook=kit.WebhookSpec(
        kit.Trust.SIGNED, "signed", signature=kit.BodyHmac("X-Signature", prefix="sha256=")
    ),
    events=("changed",),
    ignored_events=("viewed",),
)


class Acme(kit.Connector):
    """Declares a signature and has no code for it."""

    spec = SPEC


class Unsigned(kit.Connector):
    """Declares no web hooks."""

    spec = kit.ConnectorSpec("bare", "Bare ATS", "https://bare.example.com", {}, ())


class Record:
    """A record of the ATS, and in which order it was written; ``adds`` and ``keeps`` its tags."""

    def __init__(self, *tags: str, adds: bool = False, keeps: bool = True) -> None:
        self.tags, self.notes, self.written = list(tags), ["Call back"], list[str]()
        self.adds, self.keeps = adds, keeps

    def write_tags(self, tags: Sequence[str]) -> None:
        self.written.append("tags")
        if self.keeps:
            self.tags = [*self.tags, *tags] if self.adds else list(tags)

    def add_note(self, text: str) -> None:
        self.written.append("note")
        self.notes.append(text)

    def write_field(self, _: str) -> None:
        self.written.append("field")

    def report(self, **options: Any) -> list[str]:
        """What this try wrote."""
        self.written.clear()
        kit.write_report(
            REPORT,
            by=Acme({"webhook_secret": ""}),
            notes=kit.Notes(lambda: self.notes, self.add_note),
            tags=kit.Tags(lambda: self.tags, self.write_tags, adds=self.adds),
            field=self.write_field,
            **options,
        )
        return list(self.written)


def test_a_note_comes_last_and_once() -> None:
    record = Record("VIP")
    assert record.report() == ["field", "tags", "note"]
    assert (record.tags, record.notes) == (["VIP", "registered"], ["Call back", REPORT.text])
    assert record.report() == ["field"]


def test_a_tag_that_comes_last_tells_that_all_is_written() -> None:
    record = Record()
    assert record.report(tag_last=True) == ["field", "note", "tags"]
    assert record.report(tag_last=True) == []


def test_a_tag_is_added_where_the_vendor_adds() -> None:
    record = Record("VIP", adds=True)
    record.report()
    assert record.tags == ["VIP", "registered"]


def test_tags_are_put_back_where_the_vendor_replaces_after_all() -> None:
    record = Record("VIP")
    kit.write_report(
        REPORT,
        by=Acme({}),
        notes=kit.Notes(lambda: record.notes, record.add_note),
        tags=kit.Tags(lambda: record.tags, record.write_tags, adds=True),
    )
    assert (record.tags, record.written) == (["VIP", "registered"], ["tags", "tags", "note"])


def test_a_lost_tag_is_an_error_and_no_note_says_otherwise() -> None:
    record = Record("VIP", keeps=False)
    with pytest.raises(kit.ApiResponseError, match="without the tags it was sent"):
        record.report()
    assert record.notes == ["Call back"]


def pages(**following: str) -> list[str]:
    """Rows of pages, each naming the one that follows; the first is p1."""
    api = kit.VendorApi(kit.HttpClient("acme"), url="https://acme.example.com", setting="api_key")
    return list(api.all_pages(lambda page: ([page], following[page or "p1"]), operation="list"))


def test_all_pages_are_walked_once() -> None:
    assert pages(p1="p2", p2="p3", p3="") == ["", "p2", "p3"]


def test_pages_in_a_circle_are_an_error_and_not_an_end() -> None:
    with pytest.raises(kit.ApiResponseError, match="'list' with a page that was there before"):
        pages(p1="p2", p2="p3", p3="p2")


def test_a_poll_that_stands_still_is_an_error() -> None:
    with (
        pytest.raises(kit.ApiResponseError, match="'list cases' with the same page"),
        Acme({}).reading("list cases"),
    ):
        kit.Window(NOW, NOW, "p2").turned((), page="p2")
    assert (kit.Window(NOW, NOW).number, kit.Window(NOW, NOW, "7").number) == (1, 7)


def test_of_a_link_only_the_query_is_followed() -> None:
    assert (
        kit.query_of("https://elsewhere.example.net/evil?since=a%20b&page=2") == "since=a+b&page=2"
    )
    assert kit.query_of("") == ""


REQUEST = kit.WebhookRequest("POST", "/hook", "company=1", {"x": "y"}, b'{"a": 1}', NOW)


@pytest.mark.parametrize(
    "signature",
    [
        kit.BodyHmac("X-Signature"),
        kit.BodyHmac("X-Signature", prefix="sha256=", encoding="base64"),
        kit.BasicLogin(setting="webhook_secret"),
        kit.UrlToken(setting="webhook_secret"),
        kit.UrlToken(setting="webhook_secret", in_form=True),
    ],
)
def test_a_declared_signature_is_verified_as_it_is_signed(signature: Signature) -> None:
    signed = signature.sign(REQUEST, settings={"webhook_secret": "new,old"})
    signature.verify(signed, settings={"webhook_secret": "newer, new"})
    for request, secret in ((REQUEST, "new"), (signed, "another"), (signed, "")):
        with pytest.raises(kit.WebhookVerificationError, match=r"webhook_secret|missing|exactly"):
            signature.verify(request, settings={"webhook_secret": secret})


def test_a_connector_with_a_declared_signature_needs_no_code() -> None:
    connector = Acme({"webhook_secret": "s"})
    connector.verify_webhook(connector.sign_webhook(REQUEST))
    with pytest.raises(kit.UnsupportedCapabilityError):
        Unsigned({}).verify_webhook(REQUEST)


def test_an_event_is_read_ignored_or_unknown() -> None:
    assert SPEC.reads("changed")
    assert not SPEC.reads("viewed")
    with pytest.raises(kit.UnknownEventError, match="Acme ATS sent an event"):
        SPEC.reads("moved")


class PersonSchema(kit.PayloadSchema):
    """Nothing of it has to be there but the id."""

    id = kit.ExternalId(required=True)
    boss = kit.OptionalId()
    at = kit.OptionalTime()
    barred = kit.OptionalFlag()
    email = kit.Addresses()
    tags = kit.OptionalList(fields.String())


NOTHING = {"id": "7", "boss": None, "at": None, "barred": False, "email": (), "tags": []}


@pytest.mark.parametrize("value", [None, ...])
def test_what_may_be_missing_may_be_null(value: Any) -> None:
    given = {} if value is ... else dict.fromkeys(("boss", "at", "email", "tags", "barred"), value)
    assert PersonSchema().read({"id": 7, **given}) == NOTHING


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("a@example.jp", ("a@example.jp",)),
        ([" a@example.jp", "", "b@example.jp", "a@example.jp"], ("a@example.jp", "b@example.jp")),
        ("", ()),
        ([], ()),
    ],
)
def test_addresses_are_one_or_many(given: Any, read: tuple[str, ...]) -> None:
    assert PersonSchema().read({"id": 7, "email": given})["email"] == read


@pytest.mark.parametrize("email", [7, {}, [7], True])
def test_other_things_are_no_addresses(email: Any) -> None:
    with pytest.raises(kit.PayloadError, match="email"):
        PersonSchema().read({"id": 7, "email": email})


@pytest.mark.parametrize("data", [[], None, {}, {"person": None}, {"person": {"id": []}}])
def test_a_part_is_read_under_its_key_and_named_by_it(data: Any) -> None:
    with pytest.raises(kit.PayloadError, match="person"):
        PersonSchema().read(data, under="person")
    assert PersonSchema().read({"person": {"id": 7}}, under="person") == NOTHING


def test_a_case_without_an_id_is_a_person_on_a_job() -> None:
    assert kit.split_pair(kit.pair_id("7", "job:1")) == ("7", "job:1")
    with pytest.raises(kit.PayloadError):
        kit.pair_id("7:8", "1")


def test_a_part_of_one_line_is_a_part_like_any_other() -> None:
    camel = kit.CamelCaseSchema.of(first_name=kit.OptionalText(), tags=kit.Addresses())
    assert camel().read({"firstName": "花子", "more": 1}) == {"first_name": "花子", "tags": ()}
    with pytest.raises(kit.PayloadError, match="firstName"):
        camel(many=True).read([{"firstName": 7}])


def test_a_bearer_api_sends_the_current_of_two_tokens() -> None:
    connector = Acme({"api_token": "new, old", "api_url": "https://acme.example.com/v1"})
    api = kit.VendorApi.bearer(connector, "api_token", reads="people:read")
    with responses.RequestsMock() as vendor:
        header = matchers.header_matcher({"Authorization": "Bearer new"})
        vendor.get("https://acme.example.com/v1/people/7", json={}, status=403, match=[header])
        with pytest.raises(kit.ApiPermissionError, match="people:read"):
            api.get(("people", "7"), schema=PersonSchema(), operation="get a person")


def test_a_company_names_what_ends_a_case_and_whose_end_it_is() -> None:
    given = {"rejected": "12, Not a Fit", "withdrawn": "Declined\n14"}
    assert named_ends(given, "rejected", "withdrawn") == (
        {"12", "not a fit"},
        {"declined", "14"},
    )


@pytest.mark.parametrize(
    ("rejected", "withdrawn", "why"),
    [(" , ", "", "rejected names nothing"), ("12, Gone", "gone", "rejected and withdrawn name")],
)
def test_nothing_named_or_the_same_for_both_is_refused(
    rejected: str, withdrawn: str, why: str
) -> None:
    with pytest.raises(kit.ConfigurationError, match=why):
        named_ends({"rejected": rejected, "withdrawn": withdrawn}, "rejected", "withdrawn")


def test_what_seldom_changes_is_asked_for_once_in_ten_minutes_for_all_cases() -> None:
    now = [NOW]
    first = Acme({}, clock=lambda: now[0])
    asked: list[str] = []

    def title(connector: kit.Connector, job: str, *, anew: bool = False) -> str:
        def read() -> str:
            asked.append(job)
            return f"title {len(asked)} of {job}"

        return connector.recalled(f"job {job}", read, anew=anew)

    assert title(first, "7") == title(first, "7") == "title 1 of 7"
    later = Acme({}, http=first.http, clock=first.clock)
    assert title(later, "7") == "title 1 of 7", "the next case of the same account"
    assert title(Acme({}, clock=first.clock), "7") == "title 2 of 7", "another account's"
    assert title(later, "7", anew=True) == title(first, "7") == "title 3 of 7"
    now[0] += RECALL
    assert title(first, "7") == "title 4 of 7"


def test_no_answer_is_not_remembered_and_nothing_for_ever() -> None:
    connector = Acme({})

    def away() -> str:
        raise kit.ApiUnavailableError("away", connector="acme", operation="get a job")

    with pytest.raises(kit.ApiUnavailableError):
        connector.recalled("job 7", away)
    assert connector.recalled("job 7", lambda: "Sales") == "Sales"
    for number in range(MOST_RECALLED):
        connector.recalled(f"person {number}", lambda: "")
    assert connector.recalled("job 7", lambda: "Sales, Tokyo") == "Sales, Tokyo"
