"""What people type, made whole and checked; the words of each error stand beside its rule."""

from __future__ import annotations

import re
import unicodedata

from flask_wtf import FlaskForm
from wtforms import BooleanField, Form, StringField
from wtforms.validators import AnyOf, InputRequired, Regexp, ValidationError

from ..engine.registration import CODE_DIGITS
from ..mail.addresses import read_address
from ..models.errors import AddressError
from .i18n import lazy_gettext as _l

MAX_NAME = 100
MOST_SIGNS = 1000
"""What is looked at of a field: Unicode's normal forms take a time that grows with the square of
its accents, and nobody types that much."""
KEPT_FORMAT_SIGNS = "\u200c\u200d"
"""Joiners that Persian and Indian names are spelled with."""

ADDRESS_PROBLEMS: dict[str, str] = {
    "empty": _l("Please enter your e-mail address."),
    "no_at": _l("An @ is missing. Please enter the whole address, such as name@example.jp."),
    "several_at": _l("There is more than one @. Please enter one e-mail address only."),
    "no_local_part": _l("The part before the @ is missing."),
    "local_part": _l("Please check the part before the @: such an address cannot exist."),
    "non_ascii_local_part": _l("Before the @, please use half-width letters, digits and signs."),
    "domain": _l("Please check the part after the @: such an address cannot exist."),
    "space": _l("There is a space in the address. Please remove it."),
}


def tidy(text: str | None) -> str:
    """One line without invisible signs: spaces joined, direction marks and the like removed."""
    composed = unicodedata.normalize("NFC", (text or "")[:MOST_SIGNS])
    seen = "".join(
        sign for sign in composed if unicodedata.category(sign) != "Cf" or sign in KEPT_FORMAT_SIGNS
    )
    return re.sub(r"[ \u00a0\u3000]+", " ", seen).strip()


def half_width(text: str | None) -> str:
    """Digits as a Japanese keyboard may give them, without what people put between."""
    return re.sub(r"[\s\-‐－ー]", "", unicodedata.normalize("NFKC", (text or "")[:MOST_SIGNS]))


class RegistrationForm(FlaskForm):
    """The form of /r/<token>. ``note`` is a trap: nobody sees it, programs fill it in."""

    name = StringField(filters=[tidy], validators=[InputRequired(_l("Please enter your name."))])
    email = StringField(validators=[InputRequired(ADDRESS_PROBLEMS["empty"])])
    named = StringField(
        validators=[
            InputRequired(_l("Please choose one of the two answers.")),
            AnyOf(("yes", "no"), _l("Please choose one of the two answers.")),
        ]
    )
    terms = BooleanField(
        validators=[InputRequired(_l("Your agreement is needed before you can register."))]
    )
    note = StringField()

    def validate_name(self, field: StringField) -> None:
        name = field.data or ""
        if not any(unicodedata.category(sign).startswith(("L", "Co")) for sign in name):
            raise ValidationError(_l("Please enter your name."))
        if len(name) > MAX_NAME:
            raise ValidationError(_l("Please keep your name within 100 characters."))
        if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in name) or "://" in name:
            raise ValidationError(_l("Please enter your name in one line, without signs."))

    def validate_email(self, field: StringField) -> None:
        try:
            field.data = read_address(field.data or "")
        except AddressError as error:
            raise ValidationError(ADDRESS_PROBLEMS[error.problem]) from None

    def validate_note(self, field: StringField) -> None:
        if field.data:
            field.data = ""
            raise ValidationError(_l("A hidden field was filled in. Please send the form again."))


class CodeForm(FlaskForm):
    """The 8 digits of the proof mail."""

    code = StringField(
        filters=[half_width],
        validators=[
            InputRequired(_l("Please enter the code from the mail.")),
            Regexp(rf"[0-9]{{{CODE_DIGITS}}}\Z", message=_l("The code has 8 digits.")),
        ],
    )


class StopForm(Form):
    """The address a static stop link is to stop; personal links need none. No form token."""

    email = StringField()

    def validate_email(self, field: StringField) -> None:
        try:
            field.data = read_address(field.data or "")
        except AddressError as error:
            raise ValidationError(ADDRESS_PROBLEMS[error.problem]) from None
