"""Passwords, kept only as bcrypt hashes."""

from __future__ import annotations

import base64
import functools
import hashlib

import bcrypt

#: bcrypt reads no further than this many bytes.
_BCRYPT_LIMIT = 72


def hash_password(password: str, *, rounds: int) -> str:
    """Return the salted hash of `password`; each round doubles the work."""
    return bcrypt.hashpw(_material(password), bcrypt.gensalt(rounds)).decode()


def matches(password: str, hashed: str | None, *, rounds: int) -> bool:
    """Tell whether `hashed` was made of `password`.

    Without a hash the answer is no, after the time that a comparison takes: who
    guesses does not learn which users exist.
    """
    if hashed is None:
        bcrypt.checkpw(_material(password), _nobodys(rounds))
        return False
    try:
        return bcrypt.checkpw(_material(password), hashed.encode())
    except ValueError:
        return False


def is_hash(text: str) -> bool:
    """Tell whether `text` looks like what `hash_password` returns."""
    return text.startswith(("$2a$", "$2b$", "$2y$")) and len(text) == 60


@functools.cache
def _nobodys(rounds: int) -> bytes:
    return bcrypt.hashpw(b"nobody", bcrypt.gensalt(rounds))


def _material(password: str) -> bytes:
    raw = password.encode("utf-8", "surrogatepass")
    if len(raw) > _BCRYPT_LIMIT or b"\0" in raw:
        return base64.b64encode(hashlib.sha256(raw).digest())
    return raw
