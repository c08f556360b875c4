"""Signing keys for tests, and two implementations that judge our signatures: dkimpy and Perl's.

Neither asks DNS: each is told the records there are.
"""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from careerrelay.mail.dkim import DkimKey, dns_record

PERL = Path(__file__).with_name("dkim_verify.pl")
MAIL_DKIM = Path("/usr/share/perl5/Mail/DKIM/Verifier.pm")

PrivateKey = rsa.RSAPrivateKey | Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def pem(key: PrivateKey, *, password: bytes = b"") -> str:
    """``key`` as PKCS #8, encrypted where there is a password."""
    cipher = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, cipher).decode("ascii")


@functools.cache
def rsa_pem(bits: int = 2048) -> str:
    """One RSA key for the whole run: making it takes longer than most tests."""
    return pem(rsa.generate_private_key(public_exponent=65537, key_size=bits))


def rsa_key(domain: str = "example.jp", selector: str = "cr1") -> DkimKey:
    return DkimKey(domain, selector, rsa_pem())


def ed25519_key(domain: str = "example.jp", selector: str = "cr2") -> DkimKey:
    return DkimKey(domain, selector, pem(Ed25519PrivateKey.generate()))


def records(*keys: DkimKey) -> dict[str, str]:
    """What stands in DNS when the company has published these keys."""
    return dict(dns_record(key) for key in keys)


def judged_by_dkimpy(message: bytes, published: Mapping[str, str]) -> list[bool]:
    """Whether each DKIM-Signature holds, from the top."""

    def look_up(name: bytes, timeout: int = 5) -> bytes | None:
        found = published.get(name.decode("ascii").rstrip("."))
        return found.encode("ascii") if found else None

    judge = dkim.DKIM(message)
    count = sum(name.lower() == b"dkim-signature" for name, _ in judge.headers)
    return [_holds(message, n, look_up) for n in range(count)]


def _holds(message: bytes, number: int, look_up: Callable[..., bytes | None]) -> bool:
    """dkimpy raises for a body that was changed, and for nothing else that we make."""
    try:
        return bool(dkim.DKIM(message).verify(idx=number, dnsfunc=look_up))
    except dkim.ValidationError:
        return False


def judged_by_perl(message: bytes, published: Mapping[str, str]) -> list[tuple[str, str]]:
    """``(domain, result)`` of each signature, from the top; "pass" is good. RSA only."""
    if not MAIL_DKIM.exists():
        if os.environ.get("CI"):
            pytest.fail("no Mail::DKIM: apt-get install libmail-dkim-perl")
        pytest.skip("no Mail::DKIM: apt-get install libmail-dkim-perl")
    command = ["perl", PERL, *(f"{name}={text}" for name, text in published.items())]
    done = subprocess.run(command, input=message, capture_output=True, check=True)
    lines = done.stdout.decode("ascii").splitlines()
    return [(line.split("\t")[0], line.split("\t")[1]) for line in lines]
