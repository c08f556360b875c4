"""What is true of every mail: generated, damaged, or none at all. The same ones in every run."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careerrelay.mail.injection import Paragraph, Result, Status, erase_marker, inject, marker_in
from tests.mail.judges import compare, read_all, require_judges

from .cases import ENGLISH, PARAGRAPH, POLICY, undone, without_our_header
from .trees import damaged, mails, soups

FIXED = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
paragraphs = st.sampled_from((PARAGRAPH, ENGLISH))


def proved(message: bytes, paragraph: Paragraph) -> tuple[bytes, Result]:
    """What has to hold whatever the bytes are."""
    result = inject(message, paragraph, POLICY)
    assert result.status is not Status.FAILED, result
    after = result.assemble(message)
    assert b"".join(result.pieces(message)) == after
    assert undone(after, message, result) == message
    if result.edits:
        assert inject(after, paragraph, POLICY).code == "marked"
        assert after.count(b"\r") - after.count(b"\r\n") <= message.count(b"\r")
    return after, result


def told(message: bytes, after: bytes, paragraph: Paragraph, result: Result) -> list[str]:
    require_judges()
    return compare(read_all(message), read_all(after), paragraph=paragraph, result=result)


@given(mails(), paragraphs)
@settings(FIXED, max_examples=120)
def test_any_mail_that_is_in_order(message: bytes, paragraph: Paragraph) -> None:
    after, result = proved(message, paragraph)
    if result.edits:
        assert told(message, after, paragraph, result) == []
        assert inject(without_our_header(after), paragraph, POLICY).code == "linked"


@given(damaged(), paragraphs)
@settings(FIXED, max_examples=120)
def test_any_damaged_mail(message: bytes, paragraph: Paragraph) -> None:
    """At most one reader, each of which has its own way with what is broken, sees it harmed."""
    after, result = proved(message, paragraph)
    if result.edits:
        findings = told(message, after, paragraph, result)
        assert len({finding.partition(":")[0] for finding in findings}) < 2, findings


@given(damaged(), paragraphs)
@settings(FIXED, max_examples=250)
def test_any_damaged_mail_by_our_own_checks(message: bytes, paragraph: Paragraph) -> None:
    proved(message, paragraph)


@given(st.one_of(st.binary(max_size=300), soups()), paragraphs)
@settings(FIXED, max_examples=800)
def test_any_bytes(message: bytes, paragraph: Paragraph) -> None:
    proved(message, paragraph)
    erased = erase_marker(message, POLICY)
    assert erased.status is not Status.FAILED, erased
    if erased.edits:
        assert not marker_in(erased.assemble(message), POLICY)
