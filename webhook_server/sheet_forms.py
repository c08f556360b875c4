"""The forms around a CSV file, and our columns and meanings in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import IntegerField, StringField
from wtforms.validators import AnyOf, NumberRange, Optional

from ..connectors.spec import ConnectorSpec
from ..engine.sheets.encoding import ENCODINGS
from ..engine.sheets.opening import Manner
from ..engine.sheets.reader import MOST_HEADINGS
from ..models.errors import ProfileError
from .i18n import lazy_gettext as _l
from .i18n import locale


class SheetForm(FlaskForm):
    """The file, and how it is read where that cannot be found out."""

    sheet = FileField(validators=[FileRequired(_l("Please choose a CSV file."))])
    encoding = StringField(validators=[AnyOf(("", None, *ENCODINGS))])
    header_row = IntegerField(
        validators=[
            Optional(),
            NumberRange(1, 100, _l("Please enter the number of a row, from 1 to 100.")),
        ]
    )
    chosen_profile = StringField()

    def manner(self) -> Manner:
        """What was said about the file; nothing means: find out."""
        return Manner(
            encoding=self.encoding.data or None,
            header_row=self.header_row.data,
            profile=self.chosen_profile.data or None,
        )


class ColumnsForm(FlaskForm):
    """What follows a look at a file; the columns and words themselves vary with it."""

    profile = StringField()
    upload = StringField()
    encoding = StringField()


def chosen_columns(sent: Mapping[str, str]) -> dict[str, str]:
    """Our column -> heading, as chosen beside each. Raises ProfileError: one column twice."""
    found: dict[str, str] = {}
    for number in range(MOST_HEADINGS):
        column, heading = sent.get(f"c{number}", ""), sent.get(f"h{number}", "")
        if not column or not heading:
            continue
        if column in found:
            raise ProfileError(
                f"'{found[column]}' and '{heading}' were both chosen for the same column",
                f"「{found[column]}」と「{heading}」に、同じ項目が選ばれています",
            )
        found[column] = heading
    return found


def chosen_words(sent: Mapping[str, str], column: str) -> dict[str, str]:
    """Word -> meaning, for those that were given one."""
    found = {}
    for number in range(MOST_HEADINGS):
        word, meaning = sent.get(f"{column}-w{number}", ""), sent.get(f"{column}-m{number}", "")
        if word and meaning:
            found[word] = meaning
    return found


def column_names(spec: ConnectorSpec) -> dict[str, str]:
    """Our columns as the reader calls them."""
    return {c.name: c.help_ja if locale() == "ja" else c.help for c in spec.columns}


def meanings(spec: ConnectorSpec, column: str) -> dict[str, str]:
    """What a word of that column may mean, as the reader calls it."""
    names = {
        "rejected": _("rejected by the company"),
        "withdrawn": _("withdrawn by the applicant"),
        "hired": _("hired"),
        "active": _("still in selection"),
        "offer_rescinded": _("offer taken back"),
        "erased": _("personal data deleted: forget the person here too"),
        "ignored": _("leave the row out (duplicate, test)"),
        "company": _("the company ended it"),
        "candidate": _("the applicant ended it"),
        "unknown": _("decide later (no link until then)"),
    }
    declared = spec.column(column)
    return {choice: names.get(choice, choice) for choice in (declared.choices if declared else ())}


def delimiter_names() -> dict[str, str]:
    """What parts the cells."""
    return {",": _("comma"), "\t": _("tab")}
