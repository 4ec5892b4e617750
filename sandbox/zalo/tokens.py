"""The grants of OAs to the App, each a chain of token pairs of which only the last is valid.

Zalo documents: an access token lives 25 hours, a refresh token three months and for one use, a code ten minutes.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass

from sandbox.zalo.codes import Body

ACCESS_SECONDS = 90_000
REFRESH_SECONDS = 90 * 86_400
CODE_SECONDS = 600
KEPT_TOKENS = 10_000


@dataclass(slots=True)
class Grant:
    """One consent of one OA."""

    oa_id: str
    oa_name: str


@dataclass(slots=True)
class Token:
    """An access or a refresh token, or a code; it ends by time or by `kill`."""

    grant: Grant
    expires_at: float
    challenge: str = ""

    def alive(self, now: float) -> bool:
        return now < self.expires_at

    def kill(self) -> None:
        self.expires_at = 0.0


class Tokens:
    """All issued tokens, including dead ones: a dead access token has another refusal than an unknown one."""

    def __init__(self) -> None:
        self.access: dict[str, Token] = {}
        self._refresh: dict[str, Token] = {}
        self._codes: dict[str, Token] = {}

    def mint(self, grant: Grant, now: float, lives: float = ACCESS_SECONDS) -> Body:
        """A new pair, as in a reply of the token endpoint (where `expires_in` is a string)."""
        access, refresh = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
        _keep(self.access, access, Token(grant, now + lives))
        _keep(self._refresh, refresh, Token(grant, now + REFRESH_SECONDS))
        return {"access_token": access, "refresh_token": refresh, "expires_in": str(int(lives))}

    def code(self, grant: Grant, challenge: str, now: float) -> str:
        """A new code for the consent page to put into the redirect."""
        code = secrets.token_urlsafe(32)
        _keep(self._codes, code, Token(grant, now + CODE_SECONDS, challenge))
        return code

    def use_refresh(self, refresh: str, now: float) -> Grant | None:
        """Use up a refresh token; returns its grant, or None if it was dead or unknown."""
        token = _use(self._refresh, refresh, now)
        return token.grant if token else None

    def use_code(self, code: str, now: float) -> Token | None:
        return _use(self._codes, code, now)

    def expire_access(self, grant: Grant | None = None) -> None:
        """End the access tokens of one grant, or of all."""
        for token in self.access.values():
            if grant is None or token.grant is grant:
                token.kill()

    def kill(self) -> None:
        """End all grants: both access and refresh tokens."""
        self.expire_access()
        for token in self._refresh.values():
            token.kill()


def challenge_of(verifier: str) -> str:
    """PKCE: base64url without padding of the raw SHA-256 of the verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _use(tokens: dict[str, Token], key: str, now: float) -> Token | None:
    token = tokens.get(key)
    if token is None or not token.alive(now):
        return None
    used = Token(token.grant, token.expires_at, token.challenge)
    token.kill()
    return used


def _keep(tokens: dict[str, Token], key: str, token: Token) -> None:
    tokens[key] = token
    if len(tokens) > KEPT_TOKENS:
        del tokens[next(iter(tokens))]
