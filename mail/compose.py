"""Our own mails: which text, and the text with its values.

A template is text with ``{{name}}`` for a value, ``{{#name}}...{{/name}}`` for what falls away
when that value is empty or 0, and two blocks: ``{{signature}}`` and ``{{relay_block}}``, the
paragraph with the relay link, which can be left out as one unit. A company that words the
paragraph itself puts it between ``{{#relay_block}}`` and ``{{/relay_block}}``.

The shipped texts are files by language, first line ``Subject: ...``. A ``Confirm:`` line quotes
a sentence that states a fact about the company: it has to be true there (see linter.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

from ..models.candidates import Stage
from ..models.errors import TemplateError
from .message import Mail, html_part

LOCALES = ("ja", "en")

PLACEHOLDERS = frozenset(
    {
        "agency_license_no",
        "applied_year_month",
        "candidate_name",
        "careers_url",
        "company_address",
        "company_name",
        "consent_scope_sentence",
        "contact_email",
        "contact_phone",
        "document_policy",
        "graduation_year",
        "job_title",
        "my_page_link",
        "new_job_title",
        "new_job_url",
        "optout_link",
        "proof_code",
        "proof_link",
        "proof_valid_for",
        "reapply_months",
        "recruiter_name",
        "registered_at",
        "relay_link",
        "relay_operator_name",
        "store_name",
    }
)
SIGNED_LINKS = ("relay_link", "optout_link", "proof_link", "my_page_link")
"""These stand alone on their line: mail programs swallow Japanese punctuation into a link."""
LINKS = (*SIGNED_LINKS, "careers_url", "new_job_url")
RELAY_BLOCK = "relay_block"

_TEXTS = files(__name__.rpartition(".")[0]).joinpath("templates")

_NAME = r"\{\{(\w+)\}\}"
_PLACEHOLDER = re.compile(_NAME)
_TAG_LINE = re.compile(r"^[ \t]*(\{\{[#/]\w+\}\})[ \t]*\n?", re.M)
_SECTION = re.compile(r"\{\{#(\w+)\}\}((?:(?!\{\{#).)*?)\{\{/\1\}\}", re.S)
_STRAY = re.compile(r"\{\{[#/]?\s*([\w.-]*)|\}\}")
_BLANK_LINES = re.compile(r"\n{3,}")
_URL = re.compile(r"https?://[^\s<>\"\u3000]+")
_HEADER = re.compile(r"(Subject|Confirm): (.*)\n")


class Kind(StrEnum):
    """The mails there are; each is a file of that name in every language."""

    DOCUMENTS = "documents"
    FIRST_INTERVIEW = "first_interview"
    FINAL_INTERVIEW = "final_interview"
    NEW_GRADUATE = "new_graduate"
    MID_CAREER = "mid_career"
    PART_TIME = "part_time"
    GENERAL = "general"
    REAPPLICATION = "reapplication"
    FOLLOW_UP = "follow_up"
    PROOF = "proof"
    WELCOME = "welcome"


NOTICES = frozenset(
    {
        Kind.DOCUMENTS,
        Kind.FIRST_INTERVIEW,
        Kind.FINAL_INTERVIEW,
        Kind.NEW_GRADUATE,
        Kind.MID_CAREER,
        Kind.PART_TIME,
        Kind.GENERAL,
    }
)
"""The mails that tell a result."""


class Hiring(StrEnum):
    """What kind of people a job is for (採用区分)."""

    NEW_GRADUATE = "new_graduate"
    MID_CAREER = "mid_career"
    PART_TIME = "part_time"
    OTHER = "other"


class RelayBlock(StrEnum):
    """Which paragraph carries the relay link; NONE for those who must not get one."""

    FULL = "relay_block"
    SHORT = "relay_block_short"
    NONE = ""


class DocumentPolicy(StrEnum):
    """What becomes of the applicant's papers: one of three sentences."""

    DISCARD = "document_policy_discard"
    RETURN = "document_policy_return"
    KEEP = "document_policy_keep"


class ConsentScope(StrEnum):
    """What the company learns of a registration, as the welcome mail says it."""

    ANONYMOUS = "consent_scope_anonymous"
    NAMED = "consent_scope_named"


@dataclass(frozen=True, slots=True)
class Template:
    """One mail's text. ``facts`` quotes the sentences that must be true at the company."""

    kind: Kind
    locale: str
    subject: str
    body: str
    facts: tuple[str, ...] = ()


_BY_STAGE = {
    (Hiring.NEW_GRADUATE, Stage.FIRST_INTERVIEW): Kind.NEW_GRADUATE,
    (Hiring.NEW_GRADUATE, Stage.LATER_INTERVIEW): Kind.NEW_GRADUATE,
    (Hiring.MID_CAREER, Stage.FIRST_INTERVIEW): Kind.FIRST_INTERVIEW,
    (Hiring.MID_CAREER, Stage.LATER_INTERVIEW): Kind.MID_CAREER,
    (Hiring.PART_TIME, Stage.FIRST_INTERVIEW): Kind.PART_TIME,
    (Hiring.PART_TIME, Stage.LATER_INTERVIEW): Kind.PART_TIME,
    (Hiring.OTHER, Stage.FIRST_INTERVIEW): Kind.FIRST_INTERVIEW,
}


def template_for(stage: Stage, *, hiring: Hiring, locale: str) -> Template:
    """The shipped notice for a case that ended at ``stage``.

    Where the stage is not known, or no text is true for it, the neutral one: a notice must not
    thank for an interview that never took place. Raises TemplateError after an offer (内定取消
    is no case for a mail of ours) and for an unknown locale.
    """
    return load_template(kind_for(stage, hiring=hiring), locale=locale)


def kind_for(stage: Stage, *, hiring: Hiring) -> Kind:
    """``template_for`` without the text, to look for the company's own version first."""
    if stage is Stage.OFFER:
        raise TemplateError("there is no notice for a case that ended after an offer (stage)")
    if stage is Stage.DOCUMENTS:
        return Kind.DOCUMENTS
    if stage is Stage.FINAL_INTERVIEW:
        return Kind.FINAL_INTERVIEW
    return _BY_STAGE.get((hiring, stage), Kind.GENERAL)


def usual_block(kind: Kind) -> RelayBlock:
    """The paragraph that goes with a notice: short in the short one, so that it never outweighs
    what is said to the person; none in the mails that are no notice."""
    if kind is Kind.PART_TIME:
        return RelayBlock.SHORT
    return RelayBlock.FULL if kind in NOTICES else RelayBlock.NONE


def load_template(kind: Kind, *, locale: str) -> Template:
    """The shipped text. Raises TemplateError for an unknown locale."""
    header, body = _read(kind.value, locale=locale)
    return Template(
        kind=kind,
        locale=locale,
        subject=next(value for name, value in header if name == "Subject"),
        body=body,
        facts=tuple(value for name, value in header if name == "Confirm"),
    )


def block(name: RelayBlock | DocumentPolicy | ConsentScope, *, locale: str) -> str:
    """The shipped text of one block, placeholders not yet filled in."""
    return _read(name.value, locale=locale)[1] if name.value else ""


def block_facts(name: RelayBlock, *, locale: str) -> tuple[str, ...]:
    """The block's sentences that state a fact about the company."""
    header = _read(name.value, locale=locale)[0] if name.value else ()
    return tuple(value for key, value in header if key == "Confirm")


def render_block(name: RelayBlock, *, locale: str, values: Mapping[str, str]) -> str:
    """The relay paragraph alone, for a company to paste into its ATS template (static link)."""
    return _fill(_resolve(block(name, locale=locale), values=values), values=values)


def render(template: Template, *, values: Mapping[str, str], relay: RelayBlock) -> Mail:
    """The mail, text and HTML.

    ``values`` may hold more than the template names. Raises TemplateError naming the placeholder
    that is unknown, has no value, or has a value that does not belong into a mail (a line break
    anywhere, a link in a person's name, no URL where one is due), and when ``relay`` asks for a
    paragraph the template has no place for.
    """
    if relay is not RelayBlock.NONE and not has_relay_block(template.body):
        raise TemplateError("the template has no place for the link: add {{relay_block}}")
    expanded = _expand_blocks(template.body, relay=relay, locale=template.locale)
    shown = {**values, RELAY_BLOCK: relay.value}
    text = _fill(_resolve(expanded, values=shown), values=values)
    subject = _fill(_resolve(template.subject, values=shown), values=values)
    return Mail(
        subject=subject,
        text=text,
        html=html_part(text, subject=subject, locale=template.locale),
    )


def has_relay_block(body: str) -> bool:
    """Whether the text has the paragraph, ours or the company's own."""
    return "{{relay_block}}" in body or "{{#relay_block}}" in body


def _expand_blocks(body: str, *, relay: RelayBlock, locale: str) -> str:
    paragraph = block(relay, locale=locale)
    signature = _read("signature", locale=locale)[1]
    return body.replace("{{relay_block}}", paragraph).replace("{{signature}}", signature)


def _resolve(text: str, *, values: Mapping[str, str]) -> str:
    """Sections decided, blank lines put right; placeholders still there, alone where due."""
    text = _TAG_LINE.sub(r"\1", text.replace("\r\n", "\n"))
    while (decided := _SECTION.sub(lambda m: _section(m, values=values), text)) != text:
        text = decided
    for link in SIGNED_LINKS:
        text = _set_apart(text, link=link)
    lines = (line.rstrip(" \t\u3000") for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def _section(match: re.Match[str], *, values: Mapping[str, str]) -> str:
    if match[1] not in PLACEHOLDERS | {RELAY_BLOCK}:
        raise TemplateError(f"{{{{#{match[1]}}}}} is not a known placeholder")
    return match[2] if values.get(match[1], "").strip() not in ("", "0") else ""


def _set_apart(text: str, *, link: str) -> str:
    placeholder = f"{{{{{link}}}}}"
    alone = re.compile(rf"^[ \t]*{re.escape(placeholder)}[ \t]*$", re.M)
    if text.count(placeholder) != len(alone.findall(text)):
        raise TemplateError(f"{placeholder} must stand alone on its line")
    return alone.sub(f"\n{placeholder}\n", text)


def _fill(text: str, *, values: Mapping[str, str]) -> str:
    without = _PLACEHOLDER.sub("", text)
    if stray := _STRAY.search(without):
        near = f" near {stray[1]!r}" if stray[1] else ""
        raise TemplateError(f"a placeholder is not written {{{{name}}}}, or not closed{near}")
    # One pass: a value that looks like a placeholder stays what it is.
    return _PLACEHOLDER.sub(lambda m: _value(m[1], values=values), text)


def _value(name: str, *, values: Mapping[str, str]) -> str:
    if name not in PLACEHOLDERS:
        raise TemplateError(f"{{{{{name}}}}} is not a known placeholder")
    value = values.get(name, "").strip()
    if not value:
        raise TemplateError(f"{{{{{name}}}}} has no value")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in value):
        raise TemplateError(f"the value of {{{{{name}}}}} has a line break or control character")
    if name in LINKS and not _URL.fullmatch(value):
        raise TemplateError(f"the value of {{{{{name}}}}} is not an http(s) address")
    # Anybody can type a name: without this the form would mail a stranger's link to a victim.
    if name == "candidate_name" and ("://" in value or "www." in value.casefold()):
        raise TemplateError("the value of {{candidate_name}} has a web address in it")
    return value


@lru_cache(maxsize=128)
def _read(name: str, *, locale: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """Header lines and body of a shipped file."""
    if locale not in LOCALES:
        raise TemplateError(f"there are no mail texts for the locale {locale!r}")
    text = _TEXTS.joinpath(locale, f"{name}.txt").read_text("utf-8")
    header: list[tuple[str, str]] = []
    while found := _HEADER.match(text):
        header.append((found[1], found[2]))
        text = text[found.end() :]
    return tuple(header), text.strip("\n")
