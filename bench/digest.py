"""Digests: identities of data, stable across machines and versions of Python."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> bytes:
    """Canonical JSON of a value: sorted keys, no spaces, UTF-8, no NaN. Equal values give equal bytes.

    Raises: ValueError on NaN or infinity, TypeError on what JSON cannot say.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value, in hex (64 characters)."""
    return hashlib.sha256(canonical(value)).hexdigest()


def short(hexdigest: str) -> str:
    """The first eight characters, for names that people read."""
    return hexdigest[:8]
