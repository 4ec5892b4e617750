"""An OpenID Connect server on loopback, for single sign-on: code flow with PKCE, one client, one person at a time."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "console", "a secret of the console"
_KEY = rsa.generate_private_key(65537, 2048)


class SignOnServer:
    """Whom it signs on: `subject` never changes for a person, `name` may. It answers a code once."""

    def __init__(self) -> None:
        self.subject, self.name = "1", "lan"
        self.url = ""
        self._asked: dict[str, dict[str, str]] = {}  # code → what the sign-in was begun with

    def answer(self, path: str, given: dict[str, str], bearer: str) -> dict[str, Any] | str | None:
        """JSON, an address to go to, or None: refused."""
        if path == "/.well-known/openid-configuration":
            ends = {f"{name}_endpoint": f"{self.url}/{name}" for name in ("authorization", "token", "userinfo")}
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **ends}
        if path == "/authorization" and given["client_id"] == CLIENT and given["response_type"] == "code":
            code = secrets.token_urlsafe()
            self._asked[code] = given
            return f"{given['redirect_uri']}?{urlencode({'code': code, 'state': given['state']})}"
        if path == "/token" and (asked := self._asked.pop(given.get("code", ""), None)):
            return self._tokens(asked, given)
        return {"sub": self.subject, "preferred_username": self.name} if bearer == f"Bearer {self.subject}" else None

    def _tokens(self, asked: dict[str, str], given: dict[str, str]) -> dict[str, Any] | None:
        proof = base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        same = (given["client_secret"], given["redirect_uri"], proof)
        if same != (SECRET, asked["redirect_uri"], asked["code_challenge"]):
            return None
        claims = {"iss": self.url, "aud": CLIENT, "sub": self.subject, "exp": int(time.time()) + 60}
        return {"access_token": self.subject, "token_type": "Bearer", "id_token": jwt.encode(claims, _KEY, "RS256")}


@contextmanager
def sign_on_server() -> Iterator[SignOnServer]:
    """A server on a free port, while the block lasts."""
    served = SignOnServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            size = int(self.headers.get("Content-Length", 0))
            text = self.rfile.read(size).decode() or asked.query
            given = {name: values[0] for name, values in parse_qs(text).items()}
            found = served.answer(asked.path, given, self.headers.get("Authorization", ""))
            self.send_response(403 if found is None else 302 if isinstance(found, str) else 200)
            self.send_header(*(("Location", found) if isinstance(found, str) else ("Content-Type", "application/json")))
            self.end_headers()
            self.wfile.write(b"" if isinstance(found, str) else json.dumps(found).encode())

        do_POST = do_GET  # noqa: N815 (http.server's name)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield served
        server.shutdown()
