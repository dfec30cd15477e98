"""A browser that somebody has signed in on: it is known again by a cookie, for that reader's name and
password alone.

The cookie opens nothing. It is signed with what the store keeps of the reader's password, so that it outlives
the program, needs no other secret, and is worth nothing once the reader is removed or has another password.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from magic_demo.reviews.store import Reader
from magic_demo.reviews.store.names import fold_name

DEVICE_COOKIE = "magic-demo-device"
DEVICE_SECONDS = 400 * 24 * 3600
"""As long as a browser keeps any cookie."""
_COOKIE = re.compile(r"([A-Za-z0-9_-]{22})\.([0-9a-f]{64})")


def write_device(reader: Reader) -> str:
    """Return the cookie's value for a browser that the reader has just signed in on."""
    device = secrets.token_urlsafe(16)
    return f"{device}.{_sign(device, reader)}"


def read_device(cookie: str, reader: Reader) -> str | None:
    """Return which of the reader's devices a cookie is of, None where it is of none."""
    found = _COOKIE.fullmatch(cookie)
    if found is None or not reader.access or not hmac.compare_digest(found[2], _sign(found[1], reader)):
        return None
    return found[1]


def _sign(device: str, reader: Reader) -> str:
    message = f"device {device} {fold_name(reader.name)}".encode("utf-8", "replace")
    return hmac.new(reader.access.encode(), message, hashlib.sha256).hexdigest()
