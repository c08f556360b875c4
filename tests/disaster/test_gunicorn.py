"""The grown shape's web server, as the example unit starts it: killed under load, then stopped."""

from __future__ import annotations

import json
import random
import re
import time
from pathlib import Path

from tests.disaster.nodes import Gunicorn
from tests.disaster.turmoil import turmoil
from tests.support.postgres import PostgresServer

PEOPLE = 20
TURNS = 4
GUNICORNS = re.compile(r"\[\d{4}-\d\d-\d\d [^\]]*\] ")
"""How each of its own lines begins."""


def test_nothing_is_lost_or_doubled_when_gunicorn_or_one_of_its_processes_is_killed(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    url, chance = postgres_server.create_database(), random.Random(20261129)
    with turmoil(tmp_path, url=url, workers=1, web="gunicorn", chance=chance) as site:
        web = site.nodes[0]
        assert isinstance(web, Gunicorn)
        with site.sender.running(threads=16):
            for turn in range(TURNS):
                site.tell(PEOPLE)
                site.register(2)
                time.sleep(chance.uniform(0.1, 0.8))
                if turn % 2:
                    web.kill_a_child(chance)
                else:
                    web.kill()
                    web.start()
        assert site.settle().faults == []
        lines = web.log.read_text(encoding="utf-8").splitlines()
        ours = [json.loads(line)["event"] for line in lines if not GUNICORNS.match(line)]
        assert ours.count("registration_started") >= TURNS
