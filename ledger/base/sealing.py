"""Personal data at rest: AES-256-GCM for data to be read again, a keyed hash for data to be found (R42).

Sealed bytes = key id (4) + nonce (12) + ciphertext with tag. The key id is a fingerprint of the secret key. So the
first key of HCC_SECRET_KEYS encrypts, every listed key decrypts, and a rotation needs no flag day.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_ID = 4  # bytes
_NONCE = 12  # bytes, as GCM requires


class SealError(Exception):
    """Sealed data cannot be opened with the available keys; the text never contains the data."""


class Sealer:
    """Seals and opens short texts with the keys of HCC_SECRET_KEYS."""

    def __init__(self, secret_keys: list[str]) -> None:
        derived = [_derive(key) for key in secret_keys]
        self._ciphers = {_fingerprint(key): AESGCM(key) for key in derived}
        self._first = _fingerprint(derived[0])

    @property
    def key_ids(self) -> frozenset[bytes]:
        """The fingerprints of the keys that it opens with."""
        return frozenset(self._ciphers)

    def seal(self, plain: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return self._first + nonce + self._ciphers[self._first].encrypt(nonce, plain.encode(), None)

    def open(self, sealed: bytes) -> str:
        """Raises `SealError` when no key of HCC_SECRET_KEYS fits."""
        sealed = bytes(sealed)
        cipher = self._ciphers.get(sealed[:_KEY_ID])
        if cipher is None:
            raise SealError("sealed with a key that is not in HCC_SECRET_KEYS: put the old key back at the end of it")
        nonce, body = sealed[_KEY_ID : _KEY_ID + _NONCE], sealed[_KEY_ID + _NONCE :]
        try:
            return cipher.decrypt(nonce, body, None).decode()
        except InvalidTag:
            raise SealError("sealed data was changed or is damaged") from None

    def open_all(self, sealed: Iterable[bytes]) -> dict[bytes, str | SealError]:
        """Opens each distinct value once; a value that cannot be opened maps to its error; the others still open."""
        return {one: self._open_or_tell(one) for one in set(sealed)}

    def _open_or_tell(self, sealed: bytes) -> str | SealError:
        try:
            return self.open(sealed)
        except SealError as fault:
            return fault


def keyed_hash(key: bytes, value: str) -> bytes:
    """HMAC-SHA-256: equal values have equal hashes, and without the key nobody can try out values."""
    return hmac.digest(key, value.encode(), "sha256")


def _derive(secret: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"hcc-notify sealing").derive(secret.encode())


def _fingerprint(key: bytes) -> bytes:
    return hashlib.sha256(b"id" + key).digest()[:_KEY_ID]
