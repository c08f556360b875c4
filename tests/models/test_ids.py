"""Ids are random letters and digits, each sign as likely as any other."""

from __future__ import annotations

import os
from collections import Counter

from careerrelay.models.base import ALPHABET, ID_LENGTH, new_id


def test_ids_are_letters_and_digits_of_one_length() -> None:
    for _ in range(1000):
        assert len(id_ := new_id()) == ID_LENGTH
        assert set(id_) <= set(ALPHABET)


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
