"""Checks Zalo's signature: SHA-256 of app id + raw body + timestamp + OA secret key, as hex. It is no HMAC.

Source: Zalo, "Webhook", and `MacUtils.buildMac` of its Java SDK, which fixes the order and that the app id comes first.
"""

from __future__ import annotations

import hashlib
import hmac


def signature(app_id: str, body: bytes, timestamp: str, secret: str) -> str:
    """Zalo's signature of a body; `body` is the request body as received, byte for byte."""
    return hashlib.sha256(app_id.encode() + body + timestamp.encode() + secret.encode()).hexdigest()


def is_genuine(header: str, app_id: str, body: bytes, timestamp: str, secret: str) -> bool:
    """Whether `X-ZEvent-Signature` is right, with or without `mac=` (both occur). Takes constant time for wrong ones.

    Without a secret no request is genuine.
    """
    given = header.strip().removeprefix("mac=").lower()
    wanted = signature(app_id, body, timestamp, secret)
    return bool(secret) and hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())
