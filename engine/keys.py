"""The key file: sealing, signing, matching and session keys in one 0600 TOML file.

``new`` adds a key that every process can open with but nobody uses yet; ``rotate`` makes it
the one that seals and signs. Between the two, machines that keep copies of the file get the
new one. Running processes look at the file's time stamp, so neither step needs a restart.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import tomli_w
from cryptography.fernet import Fernet

from ..models.crypto import SealingKeys
from ..models.errors import ConfigurationError

LOOK_SECONDS = 0.1
"""The file is not looked at for every value that is sealed: while one thread asks the disk, another
takes the interpreter from it. A value sealed with the old key that late is sealed anew by
``rotation``, which waits far longer."""


@dataclass(frozen=True, slots=True)
class Keys:
    """All secrets of an installation; lists are oldest first. ``next_*``: added, not in use."""

    sealing: tuple[str, ...] = field(repr=False)
    signing: tuple[str, ...] = field(repr=False)
    session: tuple[str, ...] = field(repr=False)
    matching: str = field(repr=False)
    next_sealing: tuple[str, ...] = field(default=(), repr=False)
    next_signing: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def generate(cls) -> Keys:
        return cls(
            sealing=(Fernet.generate_key().decode(),),
            signing=(secrets.token_urlsafe(32),),
            session=(secrets.token_urlsafe(32),),
            matching=secrets.token_hex(32),
        )

    def with_new(self) -> Keys:
        """A further sealing and signing key, known but not used. Refused while one waits."""
        if self.next_sealing:
            raise ConfigurationError("a new key is waiting already; run 'careerrelay keys rotate'")
        return replace(
            self,
            next_sealing=(Fernet.generate_key().decode(),),
            next_signing=(secrets.token_urlsafe(32),),
        )

    def rotated(self) -> Keys:
        """The waiting key in use; the old ones go on opening."""
        if not self.next_sealing:
            raise ConfigurationError("no new key is waiting; run 'careerrelay keys new' first")
        return replace(
            self,
            sealing=self.sealing + self.next_sealing,
            signing=self.signing + self.next_signing,
            session=(*self.session, secrets.token_urlsafe(32)),
            next_sealing=(),
            next_signing=(),
        )

    def only_newest_seal(self) -> Keys:
        """Without old sealing keys: right only once every row was sealed anew."""
        return replace(self, sealing=self.sealing[-1:])


class KeyFile:
    """Reads the file once and again whenever it changed."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._clock = clock
        self._stamp = 0
        self._looked_at = 0.0
        self._keys: Keys | None = None

    def current(self) -> Keys:
        """The keys as the file had them a moment ago. Raises ConfigurationError naming it."""
        keys, now = self._keys, self._clock()
        if keys is not None and now - self._looked_at < LOOK_SECONDS:
            return keys
        keys = self._looked_up()
        self._looked_at = now
        return keys

    def _looked_up(self) -> Keys:
        try:
            stamp = self.path.stat().st_mtime_ns
        except FileNotFoundError:
            raise ConfigurationError(
                f"the key file {self.path} does not exist; run 'careerrelay init'"
            ) from None
        keys = self._keys
        if keys is None or stamp != self._stamp:
            keys = self._load()
            self._keys, self._stamp = keys, stamp
        return keys

    def readable(self) -> bool:
        """Whether the file, as it is at this moment, would give keys."""
        try:
            self._looked_up()
        except ConfigurationError:
            return False
        return True

    def sealing(self) -> SealingKeys:
        """For the Vault. Waiting keys open too, but are placed so that they do not seal."""
        keys = self.current()
        return SealingKeys(keys.next_sealing + keys.sealing, bytes.fromhex(keys.matching))

    def signing(self) -> tuple[str, ...]:
        """For the LinkSigner; the last one signs."""
        keys = self.current()
        return keys.next_signing + keys.signing

    def save(self, keys: Keys) -> None:
        """Replace the file whole, readable by its owner only; a kill leaves old or new."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lists = {
            name: list(getattr(keys, name))
            for name in ("sealing", "signing", "session", "next_sealing", "next_signing")
        }
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".keys-")
        with os.fdopen(handle, "wb") as file:
            file.write(tomli_w.dumps({**lists, "matching": keys.matching}).encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)
        self._keys = None

    def create(self) -> None:
        """A new file; an existing one is never overwritten."""
        if self.path.exists():
            raise ConfigurationError(f"the key file {self.path} exists already")
        self.save(Keys.generate())

    def _load(self) -> Keys:
        if self.path.stat().st_mode & 0o077:
            raise ConfigurationError(
                f"the key file {self.path} may be read by others; run: chmod 600 {self.path}"
            )
        try:
            data = tomllib.loads(self.path.read_text())
            lists = {k: tuple(v) for k, v in data.items() if k != "matching"}
            keys = Keys(**lists, matching=data["matching"])
            for key in keys.sealing + keys.next_sealing:
                Fernet(key)
            bytes.fromhex(keys.matching)
        except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError):
            raise ConfigurationError(
                f"the key file {self.path} is damaged; restore it from your backup"
            ) from None
        return keys
