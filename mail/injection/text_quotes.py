"""The quoted original in a plain text: how mail programs announce it, in the languages they speak.

Every pattern is tried on single lines or on a few joined ones of bounded length, so that time
grows with the text only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from .text_lines import TextLines, is_dashes

_LONGEST: Final = 500
"""No attribution is longer."""
_FOLDS: Final = 4
"""An attribution covers at most so many lines."""
_HEADER_LINES: Final = 7
_MOST_TRIES: Final = 200
"""Lines that may announce a quote and are looked at more closely: no mail has more before one."""
_QUOTE_SIGNS: Final = (">", "＞")
_RULES: Final = "-_=*~─━―—－＿"
_TWICE: Final = frozenset(sign * 2 for sign in _RULES)
_TITLED: Final = re.compile(
    rf"\s*+(?:{'|'.join(map(re.escape, sorted(_TWICE)))})[{re.escape(_RULES)}\s]*+\S"
)
_DECORATION: Final = f" \t:：{_RULES}"

_ORIGINALS: Final = frozenset(
    """
    original message|original appointment|original email|forwarded message|forwarded mail
    begin forwarded message|forward header|reply message|replied message|reply separator
    start of forwarded message|mensagem original|mensaje original|mensaje reenviado
    messaggio originale|messaggio inoltrato|message d'origine|message original|message transféré
    message d’origine|début du message transféré|ursprüngliche nachricht|original-nachricht
    originalnachricht|weitergeleitete nachricht|oorspronkelijk bericht|doorgestuurd bericht
    oryginalna wiadomość|wiadomość oryginalna|ursprungligt meddelande|originalmeddelande
    oprindelig meddelelse|opprinnelig melding|alkuperäinen viesti|исходное сообщение
    пересылаемое сообщение|пересланное сообщение|конец пересылаемого сообщения|původní zpráva
    元のメッセージ|元のメール|オリジナルメッセージ|オリジナル メッセージ|転送メッセージ
    転送されたメッセージ|転送されたメール|転送メール|引用元メッセージ|返信元メッセージ|受信メール
    原始邮件|原始郵件|转发邮件|转发的邮件|回复的原邮件|원본 메시지|원본 메일|전달된 메시지
    """.replace("\n", "|")
    .replace("    ", "")
    .strip("|")
    .split("|")
)
_LABELS: Final = {
    label: kind
    for kind, labels in {
        "from": "from|差出人|送信者|送信元|von|de|от|от кого|da|van|od|från|fra|lähettäjä|发件人"
        "|寄件者|寄件人|보낸 사람|보낸사람",
        "sent": "sent|date|sent at|sent on|送信日時|送信日|日時|日付|受信日時|gesendet|datum"
        "|gesendet am|envoyé|envoyé le|date d'envoi|отправлено|дата|fecha|enviado|enviado el"
        "|inviato|data|enviada em|verzonden|wysłano|skickat|sendt|lähetetty|发送时间|发送日期"
        "|寄件日期|日期|보낸 날짜|보낸날짜|날짜",
        "to": "to|宛先|送信先|受信者|an|à|a|para|кому|aan|do|till|til|vastaanottaja|收件人|收件者"
        "|받는 사람|받는사람",
        "cc": "cc|ｃｃ|copie|copie à|копия|kopie|kopia|抄送|副本|참조",
        "subject": "subject|件名|題名|betreff|objet|тема|oggetto|asunto|assunto|onderwerp|temat"
        "|ämne|emne|aihe|主题|主旨|제목",
    }.items()
    for label in labels.split("|")
}
_LABEL: Final = re.compile(r"\s{0,8}\*?([^\s*:：][^*:：]{0,15}?)\*?\s?\*?\s?[:：]")

_DATE: Final = re.compile(
    r"(?i)\d{4}\s?[年/.\-]\s?\d{1,2}\s?[月/.\-]\s?\d{1,2}"
    r"|\d{1,2}\s?[./\-]\s?\d{1,2}\s?[./\-]\s?\d{2,4}"
    r"|(?:令和|平成)\s?\d{1,2}\s?年|\d{4}년|\d{1,2}\.?\s[a-zа-яё]{3,9}\.?,?\s\d{4}"
)
_DATE_WITHIN: Final = 80
_SAID: Final = re.compile(
    r"""(?xi)
    [^\w]{0,3}(?:
      On\ .{4,400}\b(?:wrote|writes|said|sent)\s?[:：]
    | (?:At|In)\ .{3,400}\b(?:wrote|writes|said)\s?[:：]
    | Am\ .{4,400}\bschrieb\b.{0,200}[:：]
    | Le\ .{4,400}\ba\ [ée]crit\s?[:：]
    | El\ .{4,400}\bescribi[óo]\b.{0,200}[:：]
    | Il\ .{4,400}\bha\ scritto\s?[:：]
    | Em\ .{4,400}\bescreveu\s?[:：]
    | Op\ .{4,400}\b(?:schreef|geschreven)\b.{0,200}[:：]
    | (?:Den|På)\ .{4,400}\bskrev\b.{0,200}[:：]
    | (?:Dne|W\ dniu|Dnia)\ .{4,400}\b(?:pisze|napsala?|napisał(?:\(a\)|a)?).{0,200}[:：]
    | (?:[а-яё]{2,11},?\ )?\d.{4,400}(?:пишет|писала?|написала?|написал\(а\))\s?[:：]
    )
    """
)
"""Says who wrote, and when: enough to know a quote whose lines carry no sign."""
_SAID_ELSEWHERE: Final = re.compile(
    r"(?i)(?:\bwrote|書きました|書かれました|送信しました|のメール|のメッセージ|写道|寫道|작성)\s?[:：。]?\Z"
)
"""The same at the end of a line that has a date in it."""
_INTRODUCES: Final = re.compile(
    r"(?i)(?:\b(?:wrote|writes|said|schrieb|schreef|skrev|kirjoitti|yazdı|escribió|pisze)"
    r"|a écrit|ha scritto|escreveu|пишет|написала?|написал\(а\)|写道|寫道|작성"
    r"|書きました|書かれました|述べました|書いています|(?:さん|様|氏)より|の(?:メール|メッセージ))\s?[:：。]?\Z"
    r"|^Quoting\s.+[:：]\Z"
)
"""Enough directly above quoted lines."""
_BEGINS: Final = re.compile(
    r"(?i)[^\w]{0,3}(?:(?:On|At|In|Am|Le|El|Il|Em|Op|Den|På|Dne|Dnia|W dniu|Quoting)\s"
    r"|[а-яё]{2,11},?\s\d|\d)"
)


def quote_in(text: TextLines) -> int | None:
    """Where the quoted original begins, with the lines that announce it and the rule above them.

    None where there is none, or where nothing stands above it: then the reply is below, or in it.
    """
    starts = (_announced(text), _marked(text))
    if starts == (None, None):
        return None
    return min((s for s in starts if s is not None and text.before(s)), default=None)


def is_quoted(line: str) -> bool:
    """Marked as another's words."""
    return line.lstrip(" ").startswith(_QUOTE_SIGNS)


def _announced(text: TextLines) -> int | None:
    """A rule that says "original message", a block of header fields, or who wrote when."""
    for position in islice(_that_may_announce(text), _MOST_TRIES):
        first = _announcement(text, position)
        if first is not None:
            return _with_rule(text, first)
    return None


def _that_may_announce(text: TextLines) -> Iterable[int]:
    """The positions of lines with a colon, or with words behind the beginning of a rule."""
    joined, lines, titled = text.joined, text.all, _TITLED.match
    if ":" in joined or "：" in joined:
        return (
            position
            for position, number in enumerate(text.filled)
            if ":" in (line := lines[number]) or "：" in line or titled(line)
        )
    if not any(twice in joined for twice in _TWICE):
        return ()
    return (
        position
        for position, number in enumerate(text.filled)
        if (line := lines[number]).lstrip()[:2] in _TWICE and titled(line)
    )


def _announcement(text: TextLines, position: int) -> int | None:
    """The position where the announcement begins of which this line is part."""
    line = text[text.filled[position]]
    if is_original_rule(line) or _is_header_block(text, position):
        return position
    if not line.rstrip().endswith((":", "：")) or _is_next_quoted(text, position):
        return None
    folds = _folds(text, position, _says)
    return position - folds + 1 if folds else None


def _is_next_quoted(text: TextLines, position: int) -> bool:
    """Then the quote ends where its marks do, and answers may stand below."""
    return any(is_quoted(text[n]) for n in text.filled[position + 1 : position + 2])


def is_original_rule(line: str) -> bool:
    """``-----Original Message-----`` and its like."""
    if len(line) > _LONGEST:
        return False
    words = line.strip(_DECORATION).lower()
    is_decorated = line.lstrip()[:2] in _TWICE or line.rstrip().endswith((":", "："))
    return is_decorated and (words in _ORIGINALS or words.startswith("forwarded by "))


def _is_header_block(text: TextLines, position: int) -> bool:
    """From, with two more of Sent, To, Cc, Subject, in the lines that begin here."""
    if _field(text[text.filled[position]]) not in ("from", "sent", "subject"):
        return False
    kinds = {_field(line) for line in _block(text, position)}
    return "from" in kinds and len(kinds - {""}) >= 3


def _block(text: TextLines, position: int) -> Iterator[str]:
    """The lines from here to the next two blank ones in a row, at most as many as a header."""
    last = text.filled[position]
    for number in text.filled[position : position + _HEADER_LINES]:
        if number - last > 2:
            return
        last = number
        yield text[number]


def _field(line: str) -> str:
    found = _LABEL.match(line[:40])
    return _LABELS.get(found[1].lower(), "") if found else ""


def _marked(text: TextLines) -> int | None:
    """Quoted lines that go on to the end, but for a signature."""
    end = _end_of_quote(text)
    if end is None:
        return None
    first = end
    while first and _belongs_to_quote(text, first - 1):
        first -= 1
    announced = _with_attribution(text, first)
    if announced is None and any(is_quoted(text[n]) for n in text.filled[:first]):
        # Without the line that says who wrote it, it is one more answered question.
        return None
    return text.filled[first] if announced is None else announced


def _end_of_quote(text: TextLines) -> int | None:
    """The position behind the last quoted line, if below it stands a signature or nothing."""
    if ">" not in text.joined and "＞" not in text.joined:
        return None
    filled = text.filled
    end = len(filled)
    while end and not is_quoted(text[filled[end - 1]]):
        end -= 1
    rest = filled[end:]
    return end if end and (not rest or _is_signature_rule(text[rest[0]])) else None


def _is_signature_rule(line: str) -> bool:
    return line.rstrip() == "--" or is_dashes(line)


def _belongs_to_quote(text: TextLines, position: int) -> bool:
    """Quoted, or the end of a quoted line that a mail program has broken."""
    number = text.filled[position]
    if is_quoted(text[number]):
        return True
    around = text.all[max(number - 1, 0) : number + 2]
    return len(around) == 3 and is_quoted(around[0]) and is_quoted(around[2])


def _with_attribution(text: TextLines, first: int) -> int | None:
    """The line number where the attribution above the quoted lines begins."""
    if not first or text.filled[first] - text.filled[first - 1] > 2:
        return None
    position = first - 1
    folds = _folds(text, position, _says) or _folds(text, position, _introduces)
    return _with_rule(text, position - folds + 1) if folds else None


def announces(line: str) -> bool:
    """Says who wrote, or when, as a line directly above a quote does."""
    joined = " ".join(line.split())
    return len(joined) <= _LONGEST and (_says(joined) or _introduces(joined))


def _says(joined: str) -> bool:
    """Who wrote, and when."""
    if _SAID.fullmatch(joined):
        return any(c.isdigit() for c in joined)
    is_dated = _DATE.search(joined[:_DATE_WITHIN]) is not None
    return is_dated and (_ends_in_address(joined) or _SAID_ELSEWHERE.search(joined) is not None)


def _introduces(joined: str) -> bool:
    """Says who wrote, or when; a line of any text does not."""
    ends_in_colon = joined.endswith((":", "："))
    is_dated = ends_in_colon and _DATE.search(joined[:_DATE_WITHIN]) is not None
    return is_dated or _ends_in_address(joined) or _INTRODUCES.search(joined) is not None


def _ends_in_address(joined: str) -> bool:
    name, sign, domain = joined.rpartition("@")
    domain = domain.rstrip(" :：)）>]")
    return bool(sign and domain and " " not in domain and name and name[-1] not in " <")


def _folds(text: TextLines, position: int, accepts: Callable[[str], bool]) -> int:
    """Over how many lines, of which this is the last, the attribution goes; 0: it is none.

    The fewest lines that begin as an attribution does; one line where none does.
    """
    matching = 0
    for count in range(1, _FOLDS + 1):
        if count > position + 1 or not _is_joint(text, position, count):
            break
        joined = _joined(text, position, count)
        if joined and accepts(joined):
            if _BEGINS.match(joined):
                return count
            matching = matching or count
    return matching


def _is_joint(text: TextLines, position: int, count: int) -> bool:
    """No blank line stands among them."""
    return text.filled[position] - text.filled[position - count + 1] == count - 1


def _joined(text: TextLines, position: int, count: int) -> str:
    numbers = text.filled[position - count + 1 : position + 1]
    joined = " ".join(text[n].strip() for n in numbers)
    return joined.replace("\xa0", " ").replace("\u202f", " ") if len(joined) <= _LONGEST else ""


def _with_rule(text: TextLines, position: int) -> int:
    """The dashes above the announcement belong to it."""
    number = text.filled[position]
    above = text.filled[position - 1] if position else -1
    return above if above >= 0 and number - above <= 2 and is_dashes(text[above]) else number
