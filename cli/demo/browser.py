"""A browser in miniature: cookies, forms, links and redirects, as an applicant's would do them.

Standard library only and nothing of the product, so what it sees is what is there from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

TIMEOUT_SECONDS = 20.0
MOST_REDIRECTS = 5
VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta"})


@dataclass(slots=True)
class Form:
    """A form as it stands on the page; ``fields`` are what an untouched one would send."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer. ``marked``: texts of the elements with ``data-see``, by its value."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    heading: str = ""
    forms: tuple[Form, ...] = ()
    marked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def see(self, name: str) -> str:
        """The first text marked ``name``, "" when there is none."""
        return next(iter(self.marked.get(name, ())), "")


class Browser:
    """One person's browser. ``language`` is what it prefers to read (ja, en)."""

    def __init__(self, *, language: str = "ja") -> None:
        self._language = language
        self._cookies: dict[str, dict[str, str]] = {}

    def get(self, url: str) -> Page:
        return self._follow("GET", url, None)

    def head(self, url: str) -> Page:
        return self._follow("HEAD", url, None)

    def post(self, url: str, fields: Mapping[str, str]) -> Page:
        """Send a form's fields; the page it leads to."""
        return self._follow("POST", url, urlencode(fields).encode("ascii"))

    def submit(
        self, page: Page, values: Mapping[str, str] | None = None, *, action: str = ""
    ) -> Page:
        """Fill in the page's first form whose action ends so, and send it, hidden fields included.

        Raises LookupError when the page has none.
        """
        posting = (f for f in page.forms if f.method == "POST")
        form = next((f for f in posting if f.action.endswith(action)), None)
        if form is None:
            raise LookupError(f"no form to send on {page.url} (HTTP {page.status})")
        return self.post(urljoin(page.url, form.action), {**form.fields, **(values or {})})

    def _follow(self, method: str, url: str, body: bytes | None) -> Page:
        for _ in range(MOST_REDIRECTS):
            page = self._ask(method, url, body)
            if page.status not in (301, 302, 303, 307, 308):
                return page
            url = urljoin(url, page.headers.get("location", ""))
            if page.status in (301, 302, 303):
                method, body = "GET", None
        raise LookupError(f"{url} redirects without end")

    def _ask(self, method: str, url: str, body: bytes | None) -> Page:
        parts = urlsplit(url)
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection = HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, self._headers(parts.netloc, body))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        self._keep_cookies(parts.netloc, answer.headers.get_all("Set-Cookie") or [])
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return read_page(url, answer.status, headers, content)

    def _headers(self, host: str, body: bytes | None) -> dict[str, str]:
        headers = {"Accept-Language": self._language, "User-Agent": "Mozilla/5.0 (demo)"}
        cookies = self._cookies.get(host)
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return headers

    def _keep_cookies(self, host: str, lines: list[str]) -> None:
        for line in lines:
            for name, morsel in SimpleCookie(line).items():
                self._cookies.setdefault(host, {})[name] = morsel.value


def read_page(url: str, status: int, headers: Mapping[str, str], body: bytes) -> Page:
    """The answer with what a reader makes out on it."""
    reader = _Reader()
    if headers.get("content-type", "").startswith("text/html"):
        reader.feed(body.decode("utf-8", "replace"))
        reader.close()
    return Page(
        url,
        status,
        headers,
        body,
        heading=" ".join("".join(reader.heading).split()),
        forms=tuple(reader.forms),
        marked={name: tuple(texts) for name, texts in reader.marked.items()},
    )


class _Reader(HTMLParser):
    """Collects forms, the first heading and marked texts."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.heading: list[str] = []
        self.marked: dict[str, list[str]] = {}
        self._open: list[tuple[str, str | None, list[str]]] = []
        self._in_form = False
        self._select = ""
        self._headings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = values.get("method", "get").upper()
            self.forms.append(Form(values.get("action", ""), method))
            self._in_form = True
        elif tag in ("input", "option") and self._in_form:
            self._note_input(tag, values)
        elif tag == "select":
            self._select = values.get("name", "")
        if tag not in VOID:
            self._open.append((tag, values.get("data-see"), []))
            self._headings += tag == "h1"

    def _note_input(self, tag: str, values: Mapping[str, str]) -> None:
        if tag == "option":
            # The first one is chosen; none of these pages marks another.
            self.forms[-1].fields.setdefault(self._select, values.get("value", ""))
            return
        kind = values.get("type", "text")
        chosen = kind not in ("checkbox", "radio", "submit") or "checked" in values
        if chosen and values.get("name"):
            self.forms[-1].fields[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._in_form = False
        while self._open:
            name, mark, texts = self._open.pop()
            if mark:
                self.marked.setdefault(mark, []).append(" ".join("".join(texts).split()))
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        for _tag, mark, texts in self._open:
            if mark:
                texts.append(data)
        if self._headings == 1 and any(tag == "h1" for tag, _, _ in self._open):
            self.heading.append(data)
