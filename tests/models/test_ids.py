"""Ids are random letters and digits, each sign as likely as any other."""

from __future__ import annotations

import os
from collections import Counter

import time_machine

from careerrelay.models.base import ALPHABET, ID_LENGTH, new_id, next_id


def test_ids_are_letters_and_digits_of_one_length() -> None:
    for _ in range(1000):
        assert len(id_ := new_id()) == ID_LENGTH
        assert set(id_) <= set(ALPHABET)


def test_ids_of_a_table_that_only_grows_stand_in_the_order_they_were_given() -> None:
    with time_machine.travel("2026-04-01T09:00:00Z", tick=False) as clock:
        given = []
        for _ in range(1000):
            given.append(next_id())
            clock.shift(0.001)
    assert given == sorted(given)
    assert {len(id_) for id_ in given} == {ID_LENGTH}
    assert set("".join(given)) <= set(ALPHABET)


def test_ids_of_one_moment_differ() -> None:
    with time_machine.travel("2026-04-01T09:00:00Z", tick=False):
        assert len({next_id() for _ in range(10_000)}) == 10_000


def test_no_sign_is_likelier_than_another() -> None:
    ids = 20_000
    seen = Counter("".join(new_id() for _ in range(ids)))
    expected = ids * ID_LENGTH / len(ALPHABET)
    # Ten standard deviations: a bias of the alphabet's 256 % 62 would be thirty.
    assert all(abs(seen[sign] - expected) < 10 * expected**0.5 for sign in ALPHABET)


def test_a_forked_process_gives_ids_of_its_own() -> None:
    new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, ID_LENGTH).decode() not in {new_id() for _ in range(200)}
