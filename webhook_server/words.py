"""What error pages say: for each case a title and what the reader can do now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..models.errors import (
    LinkError,
    LinkInactiveError,
    LinkInvalidError,
    LinkPurposeError,
    LinkRevokedError,
)
from .i18n import lazy_gettext as _l


class Words(NamedTuple):
    """Title and text of an error page, in the reader's language."""

    title: str
    text: str


SORRY = Words(
    _l("We are sorry: this page cannot be shown right now"),
    _l("The problem is on our side. Please try again later."),
)
OTHER = Words(
    _l("That did not work"),
    _l("Please open the link in the mail again and start over."),
)
BY_STATUS: Mapping[int, Words] = {
    404: Words(
        _l("Page not found"),
        _l(
            "There is no page at this address. Please open the link in the mail again, from its "
            "first to its last character."
        ),
    ),
    405: Words(
        _l("This page cannot be used in that way"),
        _l("Please open the link in the mail again and use the buttons on the page."),
    ),
    413: Words(
        _l("That was too much text"),
        _l("Please go back, shorten what you entered and send it again."),
    ),
    429: Words(
        _l("Please wait a little"),
        _l(
            "We received many requests in a short time. Please wait a few minutes and try again. "
            "If you are waiting for a mail, please check your spam folder too."
        ),
    ),
}

NO_COOKIES = Words(
    _l("Please allow cookies for this page"),
    _l(
        "Your browser did not send our cookie back, so we could not make sure that it was you "
        "who pressed the button. Please allow cookies for this page, open the link in the mail "
        "again and press the button once more. The cookie only serves this purpose and is gone "
        "after 24 hours at the latest."
    ),
)
PAGE_TOO_OLD = Words(
    _l("Please press the button once more"),
    _l("This page was open for a long time, so nothing was changed yet."),
)

BY_LINK_ERROR: Mapping[type[LinkError], tuple[int, Words]] = {
    LinkRevokedError: (
        410,
        Words(
            _l("This link has been withdrawn"),
            _l(
                "The sender has withdrawn this link, so it can no longer be used. We are sorry for "
                "the trouble."
            ),
        ),
    ),
    LinkInactiveError: (
        404,
        Words(
            _l("This link cannot be used at the moment"),
            # Not why: whether a selection has ended is not ours to say.
            _l(
                "The link is correct, but it is not open for use at the moment. Please try again "
                "later."
            ),
        ),
    ),
    LinkPurposeError: (
        404,
        Words(
            _l("This link belongs to another page"),
            _l(
                "The link is genuine, but it was made for another of our pages. Please open the "
                "link in the mail itself instead of putting its address together by hand."
            ),
        ),
    ),
    LinkInvalidError: (
        404,
        Words(
            _l("We could not open this link"),
            _l(
                "The address may have been cut off or changed on its way. Please open the link "
                "in the mail again, or copy it whole, from its first to its last character."
            ),
        ),
    ),
}
PROOF_EXPIRED = Words(
    _l("The time to confirm has passed"),
    _l(
        "This link could be used for 24 hours. We are sorry for the trouble: please start again "
        "from the link in the mail that invited you."
    ),
)
LINK_EXPIRED = Words(
    _l("This link has expired"),
    _l("This link was issued on %(date)s and its time has passed."),
)


def for_status(status: int) -> Words:
    """The words for an HTTP status."""
    return SORRY if status >= 500 else BY_STATUS.get(status, OTHER)
