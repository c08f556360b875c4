"""The paragraph that ``careerrelay inject`` puts in: the usual words, or those of a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from ..mail.injection import Paragraph
from ..models.errors import ConfigurationError

USUAL_TEXTS: Mapping[str, str] = {
    "ja": (
        "■ 今後の活動に関するご案内（登録無料・任意）\n"
        "今後のご活動をご支援する「キャリアリレー」のご案内です。\n"
        "ご希望の方は、下記よりご登録いただけます。\n"
        "\n{link}\n\n"
        "ご登録は任意です。ご登録の有無が選考に影響することは\n"
        "ございません。"
    ),
    "en": (
        "An optional next step, free of charge\n"
        "CareerRelay supports you in what you do next. If you like, please\n"
        "register here:\n"
        "\n{link}\n\n"
        "Registering is your choice and has no influence on any application."
    ),
}

_PLACE = re.compile(r"\{\{\s*(?:career_relay_link|relay_link|link)\s*\}\}|\{(?:link|url)\}")
_LEFT_OVER = re.compile(r"\{[^{}\n]*\}")
_BLANK_LINES = re.compile(r"\n{3,}")


def paragraph_of(
    link: str, *, language: str, file: Path | None, ascii_file: Path | None
) -> Paragraph:
    """The paragraph with ``link``. Raises ConfigurationError naming the option or the file."""
    text = USUAL_TEXTS[language] if file is None else _read(file)
    if ascii_file is not None:
        ascii_text = _read(ascii_file)
    else:
        ascii_text = text if text.isascii() else USUAL_TEXTS["en"]
    return Paragraph(
        text=_with_link(text, link=link, source=str(file or "--language")),
        url=link,
        link_id=hashlib.sha256(link.encode()).hexdigest()[:16],
        ascii_text=_with_link(ascii_text, link=link, source=str(ascii_file or "--language")),
        language=language,
    )


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError:
        raise ConfigurationError(f"cannot read the file {path}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"cannot read the file {path} as UTF-8 text") from None
    if not text.strip():
        raise ConfigurationError(f"the file {path} is empty")
    return text


def _with_link(text: str, *, link: str, source: str) -> str:
    """``link`` on a line of its own where ``{link}`` stands, else at the end."""
    # What is no address would stand anywhere in the text; Paragraph refuses it by its name.
    place = text.replace(link, "{link}") if "://" in link else text
    before, *after = _PLACE.split(place)
    if len(after) > 1:
        raise ConfigurationError(f"{source}: {{link}} must stand in it once only")
    wrong = _LEFT_OVER.search(before + "".join(after))
    if wrong:
        raise ConfigurationError(f"{source}: {wrong[0]} is unknown; the link's place is {{link}}")
    lines = [before.rstrip(), "", link, "", *(part.strip() for part in after)]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")
