"""Zalo's signature: SHA-256 of app id + raw body + timestamp + OA secret key, as hex. No HMAC.

Source: Zalo, "Webhook", and `MacUtils.buildMac` of its Java SDK, which fixes the order and that the app id comes first.
"""

from __future__ import annotations

import hashlib
import hmac


def signature(app_id: str, body: bytes, timestamp: str, secret: str) -> str:
    """What Zalo signs a body with; `body` is what came over the wire, byte for byte."""
    return hashlib.sha256(app_id.encode() + body + timestamp.encode() + secret.encode()).hexdigest()


def is_genuine(header: str, app_id: str, body: bytes, timestamp: str, secret: str) -> bool:
    """Whether `X-ZEvent-Signature` is right, seen with and without `mac=`. Takes the same time for any wrong one.

    Without a secret nothing is genuine.
    """
    given = header.strip().removeprefix("mac=").lower()
    wanted = signature(app_id, body, timestamp, secret)
    return bool(secret) and hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())
