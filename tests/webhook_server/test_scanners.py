"""Mail scanners open every link, more than once, by GET and HEAD: nothing anywhere changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from urllib.parse import quote

from werkzeug.routing import Rule

from careerrelay.engine import registration as engine
from careerrelay.link_signing import Purpose
from careerrelay.models.tables import Heartbeat
from tests.webhook_server.site import Reader, Site

SCANNERS = (
    {"User-Agent": "Mozilla/5.0 (compatible; LinkScanner)"},
    {"User-Agent": "", "Accept": "*/*", "Purpose": "prefetch"},
    {"User-Agent": "curl/8", "X-HTTP-Method-Override": "POST", "Cookie": "session=x; lang=en"},
)


def tokens(site: Site) -> list[str]:
    """Links of every purpose and in every state a person may hold."""
    relay = site.reject(1)
    waiting = site.start(relay)
    proved, unmatched, deleted = (site.start(relay, number=n) for n in (1, 9, 1))
    for id_ in (proved, unmatched):
        engine.confirm_link(site.runtime, site.proof_token(id_))
    engine.withdraw(site.runtime, deleted)
    own = [waiting, proved, unmatched, deleted]
    return [
        relay,
        site.apply(2),
        site.static_token(),
        site.static_token(Purpose.STOP),
        site.as_purpose(relay, Purpose.STOP),
        *(site.proof_token(id_) for id_ in own),
        *(site.my_token(id_) for id_ in own),
        relay[:-1] + "_",
    ]


def paths(rule: Rule, held: list[str]) -> Iterator[str]:
    """Every address of a route: with every token, and with what else it takes."""
    fillings = {
        "token": held,
        "connection_id": ["toy", "nobody"],
        "filename": ["page.css"],
        "upload_id": ["nothing"],
    }
    shape = rule.rule.replace("<token:token>", "<token>").replace("<path:filename>", "<filename>")
    names = sorted(rule.arguments)
    for values in product(*(fillings[name] for name in names)):
        path = shape
        for name, value in zip(names, values, strict=True):
            path = path.replace(f"<{name}>", quote(value))
        yield path


def walk(site: Site, held: list[str]) -> Iterator[str]:
    for rule in site.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            yield from paths(rule, held)


def scan(reader: Reader, path: str, number: int) -> None:
    reader.address = f"198.51.100.{number % 200}"
    headers = SCANNERS[number % len(SCANNERS)]
    for ask in (reader.get, reader.head, reader.get):
        response = ask(path, headers=headers)
        assert response.status_code < 500
        assert ask(f"{path}?lang=en&confirm=1&_method=POST", headers=headers).status_code < 500


def test_no_get_or_head_changes_anything_in_the_store(site: Site) -> None:
    held = tokens(site)
    site.world.work()
    with site.runtime.database.begin() as session:
        session.add(Heartbeat(executor_id="w", beat_at=site.world.clock(), host="h", pid=1))
    before = site.dump()
    walked = 0
    for number, path in enumerate(walk(site, held)):
        scan(site.reader(), path, number)
        walked += 1
    assert walked > 60
    assert site.dump() == before
    assert site.world.work() == 0


def test_the_dump_would_show_a_change(site: Site) -> None:
    """The walk above cannot fail to see one."""
    relay = site.reject(1)
    id_ = site.start(relay)
    before = site.dump()
    engine.confirm_link(site.runtime, site.proof_token(id_))
    assert site.dump() != before
