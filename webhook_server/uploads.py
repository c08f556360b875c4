"""/u/<token>: a recruiter uploads a CSV file, sees what it says, and confirms; registrations back.

There is no sign-in yet, so the operator hands out signed links that expire and can be taken back
(``careerrelay csv link``). Nothing of a file is kept before its columns are known: then the file is
chosen once more.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import format_date, to_user_timezone
from flask_babel import gettext as _
from werkzeug.exceptions import RequestEntityTooLarge

from ..engine.sheets import uploads as engine
from ..engine.sheets.encoding import ENCODINGS
from ..engine.sheets.importing import FailedRows, FileReading, Outcome
from ..engine.sheets.opening import look_at, preview, settled, unexplained
from ..engine.sheets.profiles import (
    Profile,
    find_profile,
    profiles_of,
    reading_spec,
    save_profile,
    suggested_columns,
)
from ..engine.sheets.reader import Sheet
from ..engine.sheets.registrations import write_registrations
from ..models.errors import NotFoundError, ProfileError, RefusedError, SheetRefusedError
from ..models.tables import Connection, UploadLink
from . import throttle
from .errors import without_cookies
from .i18n import locale
from .i18n import prefer as prefer_locale
from .pages import page, see_other
from .server import current_server
from .sheet_forms import (
    ColumnsForm,
    SheetForm,
    chosen_columns,
    chosen_words,
    column_names,
    delimiter_names,
    meanings,
)

bp = Blueprint("uploads", __name__)

FAULTS_SHOWN = 50
FAILED_BYTES = 1024 * 1024
MOST_ROWS = 30_000
"""Looking takes a few seconds for each ten thousand, and the reader's browser waits for it."""
Opened = tuple[UploadLink, Connection]


@bp.get("/u/<token:token>")
def show(token: str) -> Response:
    """Where a file is chosen."""
    return _start_page(token, _open(token)[1], SheetForm())


@bp.post("/u/<token:token>")
def look(token: str) -> Response:
    """Look through the file; where its columns are not known, ask for them."""
    link, connection = _open(token)
    server = current_server()
    server.limits.spend(throttle.UPLOADS_BY_LINK, "upload", link.id)
    # The form and its other fields need a little room of their own.
    request.max_content_length = (server.runtime.settings.csv["megabytes"] * 1024 + 64) * 1024
    try:
        form = SheetForm()
    except RequestEntityTooLarge:
        return _start_page(token, connection, SheetForm(formdata=None), said=_too_large())
    if not form.validate():
        return _start_page(token, connection, form)
    if not server.looking.acquire(blocking=False):
        return _start_page(token, connection, form, said=_busy(), status=503)
    try:
        return _looked(token, link, connection, form)
    except SheetRefusedError as error:
        return _start_page(token, connection, form, said=_told(error))
    except NotFoundError:
        return _start_page(token, connection, form, said=_profile_gone())
    finally:
        server.looking.release()


def _looked(token: str, link: UploadLink, connection: Connection, form: SheetForm) -> Response:
    runtime = current_server().runtime
    file = form.sheet.data.stream
    sheet, profile = look_at(runtime, connection, file, form.manner())
    if profile is None and sheet.encoding.certain and sheet.header_certain:
        return _columns_page(token, connection, sheet, form)
    if profile is None and form.manner().header_row is not None:
        return _columns_page(token, connection, sheet, form)
    profile = settled(sheet, profile)
    as_of = runtime.clock()
    reading = FileReading(
        runtime, connection, file,
        sheet=sheet, profile=profile, as_of=as_of, most_rows=MOST_ROWS,
    )  # fmt: skip
    rows = io.BytesIO()
    failed = FailedRows(rows, sheet, locale=locale(), most_bytes=FAILED_BYTES)
    upload_id, outcome = engine.hold(runtime, connection, link, reading, as_of=as_of, failed=failed)
    failed.close()
    words = unexplained(runtime, connection, profile, file, sheet)
    return page(
        "upload_preview.html",
        token=token,
        company=connection.company,
        read_as=_read_as(sheet, profile, form),
        counts=outcome.counts(),
        oldest=_day(outcome.oldest_rejection),
        links_from=_links_from(connection, outcome),
        faults=[_sentence(fault.told(locale())) for fault in outcome.faults[:FAULTS_SHOWN]],
        more_faults=outcome.failed - min(len(outcome.faults), FAULTS_SHOWN),
        failed_rows=_data_url(rows) if outcome.failed else "",
        left_out=failed.left_out,
        words=words,
        meanings={name: meanings(reading_spec(connection), name) for name in words},
        columns=column_names(reading_spec(connection)),
        profile=profile,
        upload_id=upload_id,
        form=ColumnsForm(formdata=None),
        errors=[],
    )


def _columns_page(token: str, connection: Connection, sheet: Sheet, form: SheetForm) -> Response:
    spec = reading_spec(connection)
    suggested = suggested_columns(spec, sheet)
    shown = preview(form.sheet.data.stream, sheet, {})
    return page(
        "upload_columns.html",
        token=token,
        company=connection.company,
        read_as=_read_as(sheet, None, form),
        sheet=sheet,
        samples={h: [v for v in values if v] for h, values in shown.samples.items()},
        suggested={heading: column for column, heading in suggested.items()},
        columns=column_names(spec),
        profile_name=connection.settings.get("ats", "csv"),
        form=ColumnsForm(formdata=None),
        errors=[],
    )


@bp.post("/u/<token:token>/columns")
def save_columns(token: str) -> Response:
    """Keep which heading is which column; then the file is chosen once more."""
    link, connection = _open(token)
    form = ColumnsForm()
    if not form.validate():
        return _start_page(token, connection, SheetForm(formdata=None), said=_stale())
    try:
        profile = Profile(str(form.profile.data or ""), chosen_columns(request.form))
        save_profile(current_server().runtime, connection, profile, actor=f"link:{link.id}")
    except ProfileError as error:
        said = _("The columns were not saved: %(why)s", why=_told(error))
        return _start_page(token, connection, SheetForm(formdata=None), said=said)
    return see_other(url_for("uploads.show", token=token, saved="1"))


@bp.post("/u/<token:token>/words")
def save_words(token: str) -> Response:
    """Keep what words mean; then the file is chosen once more."""
    link, connection = _open(token)
    form = ColumnsForm()
    if not form.validate():
        return _start_page(token, connection, SheetForm(formdata=None), said=_stale())
    runtime = current_server().runtime
    try:
        known = find_profile(runtime, connection.company_id, str(form.profile.data or ""))
        profile = Profile(
            known.name,
            known.columns,
            {**known.statuses, **chosen_words(request.form, "status")},
            {**known.reasons, **chosen_words(request.form, "reason")},
        )
        save_profile(runtime, connection, profile, actor=f"link:{link.id}")
    except ProfileError as error:
        return _start_page(token, connection, SheetForm(formdata=None), said=_told(error))
    except NotFoundError:
        return _start_page(token, connection, SheetForm(formdata=None), said=_profile_gone())
    return see_other(url_for("uploads.show", token=token, saved="1"))


@bp.post("/u/<token:token>/import")
def confirm(token: str) -> Response:
    """Import what was looked at. Twice is once."""
    link, connection = _open(token)
    form = ColumnsForm()
    if not form.validate():
        return _start_page(token, connection, SheetForm(formdata=None), said=_stale())
    upload_id = str(form.upload.data or "")
    try:
        engine.confirm(current_server().runtime, link, upload_id)
    except (NotFoundError, RefusedError):
        said = _("This preview is too old. Please choose the file again.")
        return _start_page(token, connection, SheetForm(formdata=None), said=said)
    return see_other(url_for("uploads.state", token=token, upload_id=upload_id))


@bp.get("/u/<token:token>/files/<upload_id>")
def state(token: str, upload_id: str) -> Response:
    """What became of a confirmed file."""
    link, connection = _open(token)
    try:
        upload = engine.find_upload(current_server().runtime, link, upload_id)
    except NotFoundError:
        said = _("This preview is too old. Please choose the file again.")
        return _start_page(token, connection, SheetForm(formdata=None), said=said)
    return page("upload_state.html", token=token, company=connection.company, upload=upload)


@bp.post("/u/<token:token>/registrations")
def registrations(token: str) -> Response:
    """The registrations of people who chose to be named, as CSV."""
    link, connection = _open(token)
    form = ColumnsForm()
    codec = str(form.encoding.data or "utf-8-sig")
    if not form.validate() or codec not in ENCODINGS:
        return _start_page(token, connection, SheetForm(formdata=None), said=_stale())
    runtime = current_server().runtime
    profiles = profiles_of(runtime, connection.company_id)
    out = io.BytesIO()
    write_registrations(
        runtime, connection, out,
        profile=profiles[0] if len(profiles) == 1 else None, codec=codec,
        actor=f"link:{link.id}",
    )  # fmt: skip
    headers = {"Content-Disposition": 'attachment; filename="careerrelay-registrations.csv"'}
    return Response(out.getvalue(), mimetype="text/csv", headers=headers)


def _open(token: str) -> Opened:
    link, connection = engine.open_link(current_server().runtime, token)
    prefer_locale(connection.company.locale)
    return link, connection


def _start_page(
    token: str, connection: Connection, form: SheetForm, *, said: str = "", status: int = 422
) -> Response:
    problems = [("sheet", said)] if said else []
    if form["csrf_token"].errors:
        problems.append(("sheet", _stale()))
    problems += [
        (name, str(form[name].errors[0])) for name in ("sheet", "header_row") if form[name].errors
    ]
    runtime = current_server().runtime
    return page(
        "upload.html",
        status=status if problems else 200,
        token=token,
        company=connection.company,
        form=form,
        problem=problems[0][1] if problems else "",
        errors=problems,
        encodings=ENCODINGS,
        profiles=[p.name for p in profiles_of(runtime, connection.company_id)],
        megabytes=runtime.settings.csv["megabytes"],
        saved=request.args.get("saved") == "1",
    )


def _read_as(sheet: Sheet, profile: Profile | None, form: SheetForm) -> Mapping[str, Any]:
    return {
        "encoding": sheet.encoding.label,
        "certain": form.manner().encoding is None,
        "delimiter": delimiter_names()[sheet.delimiter],
        "header_row": sheet.header_number,
        "doubled": sheet.doubled,
        "profile": profile.name if profile else "",
    }


def _day(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return format_date(to_user_timezone(moment).date(), "long")


def _links_from(connection: Connection, outcome: Outcome) -> str:
    """The day the connection was made, where the file tells of rejections before it."""
    begun = connection.links_from or connection.created_at
    oldest = outcome.oldest_rejection
    return _day(begun) if oldest is not None and oldest < begun else ""


def _data_url(rows: io.BytesIO) -> str:
    """The rows with errors inside the page itself: they are in no store and no log of ours."""
    return "data:text/csv;base64," + base64.b64encode(rows.getvalue()).decode("ascii")


def _told(error: Exception) -> str:
    if locale() == "ja":
        return _sentence(str(getattr(error, "message_ja", error)))
    return _sentence(str(error))


def _sentence(said: str) -> str:
    """As a page writes it; what commands print has no full stop."""
    if locale() == "ja":
        return said if said.endswith("。") else f"{said}。"
    return f"{said[:1].upper()}{said[1:].rstrip('.')}."


def _profile_gone() -> str:
    return _("That profile is no longer there. Please choose another.")


def _too_large() -> str:
    return _(
        "The file is larger than %(megabytes)s MB. Please export fewer columns or a shorter "
        "period.",
        megabytes=current_server().runtime.settings.csv["megabytes"],
    )


def _busy() -> str:
    return _("Another file is being looked at just now. Please send yours again in a minute.")


def _stale() -> str:
    if without_cookies():
        return _(
            "Your browser did not send our cookie back. Please allow cookies for this page and "
            "send the form again. The cookie only makes sure that it is you who sends the form."
        )
    return _("This page was open for a long time. Please send the form once more.")
