"""Relay, proof, stop, my-data and upload links.

A token is an opaque 130-bit id and itsdangerous' signature over it: nothing personal, and it
logs nobody in. Only an upload link, which is handed to a recruiter, lets whoever holds it do
something for a company. Expiry and revocation live in the id's row, so both can change after
sending; the signature refuses a flood of guesses without a database read.

URLs stay within 100 ASCII characters, because Japanese text mail wraps early, and end in a
letter or digit, because mail clients take trailing punctuation for part of the sentence:
SHA-256 in unpadded base64url ends in one of 16 characters, none of them ``-`` or ``_``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from enum import Enum

from itsdangerous import BadData, Signer

from ..models.errors import ConfigurationError, LinkInvalidError, LinkPurposeError

MAX_URL = 100
ID_LENGTH = 22
SIGNATURE_LENGTH = 43


class Purpose(Enum):
    """What a link is for: the path in the URL and the salt that keeps purposes apart."""

    RELAY = ("r", "careerrelay.link.v1")
    PROOF = ("p", "careerrelay.proof.v1")
    STOP = ("s", "careerrelay.stop.v1")
    MY_DATA = ("m", "careerrelay.my-data.v1")
    UPLOAD = ("u", "careerrelay.upload.v1")

    @property
    def path(self) -> str:
        return self.value[0]

    @property
    def salt(self) -> str:
        return self.value[1]


class LinkSigner:
    """Makes and opens links. ``keys`` gives signing keys, oldest first: the last one signs."""

    def __init__(self, keys: Callable[[], Sequence[str]], *, base_url: str) -> None:
        self._keys = keys
        self.base_url = base_url.rstrip("/")
        longest = len(f"{self.base_url}/r/") + ID_LENGTH + 1 + SIGNATURE_LENGTH
        if longest > MAX_URL:
            raise ConfigurationError(
                f"server.base_url is {longest - MAX_URL} characters too long: "
                f"a relay link must fit into {MAX_URL} characters of a mail line"
            )
        if not self.base_url.isascii():
            raise ConfigurationError("server.base_url must be ASCII (use the xn-- form)")

    def prefix(self, purpose: Purpose = Purpose.RELAY) -> str:
        """What every URL of that purpose begins with."""
        return f"{self.base_url}/{purpose.path}/"

    @property
    def key_name(self) -> str:
        """What the key that signs now is called; it tells nothing of the key."""
        return _name(self._keys()[-1])

    def url_for(self, id_: str, *, purpose: Purpose = Purpose.RELAY, key: str = "") -> str:
        """The signed URL of an id, by the key of that name as long as it is kept, else the newest:
        what is written again after a rotation is then the same."""
        return self.prefix(purpose) + self.token_for(id_, purpose=purpose, key=key)

    def token_for(self, id_: str, *, purpose: Purpose = Purpose.RELAY, key: str = "") -> str:
        """The signed token alone."""
        return self._signer(purpose, key).sign(id_).decode("ascii")

    def open(self, token: str, *, purpose: Purpose = Purpose.RELAY) -> str:
        """The id in a token.

        Raises LinkPurposeError (ours, made for another page), LinkInvalidError (tampered, cut off).
        """
        id_ = self._unsigned(token, purpose)
        if id_ is not None:
            return id_
        if any(self._unsigned(token, other) for other in Purpose):
            raise LinkPurposeError("the link was made for another page")
        raise LinkInvalidError("the link is incomplete or altered")

    def _unsigned(self, token: str, purpose: Purpose) -> str | None:
        try:
            return self._signer(purpose).unsign(token.encode("ascii")).decode("ascii")
        except (BadData, UnicodeError):
            return None

    def _signer(self, purpose: Purpose, key: str = "") -> Signer:
        keys = self._keys()
        return Signer(
            sorted(keys, key=lambda known: _name(known) == key) if key else list(keys),
            salt=purpose.salt,
            sep=".",
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )


def _name(key: str) -> str:
    """Of a key with 256 bits of randomness nobody finds it by this."""
    return hashlib.sha256(f"careerrelay.key-name.v1:{key}".encode()).hexdigest()[:16]
