"""An SMS gateway for tests, in this process: answers as eSMS documents it and keeps the accepted messages.

Source: eSMS, "Tin nhắn SMS OTP/CSKH". A repeated `RequestId` is refused with 124.
"""

from __future__ import annotations

import json
import re
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

PATH = "/MainService.svc/json/SendMultipleMessage_V4_post_json/"
PHONE = re.compile(r"0[0-9]{9}")
REQUEST_ID_MOST = 50


class SandboxSms:
    """Accepts SMS of one account; if `refuse_with` is set, every send is answered with that code instead."""

    def __init__(self, api_key: str, secret_key: str, brandname: str) -> None:
        self.account = (api_key, secret_key, brandname)
        self.messages: list[dict[str, str]] = []
        self.refuse_with = 0
        self.hang_up_after = 0  # the next so many messages are accepted but not answered
        self._seen: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        """Check and answer a send: the keys, the brand name, the phone, the id."""
        key, secret, brandname = self.account
        request_id = order.get("RequestId", "")
        if (order.get("ApiKey"), order.get("SecretKey")) != (key, secret):
            return _refused(101, "Authorize Failed")
        if order.get("Brandname") != brandname:
            return _refused(104, "Brand name code is not exist")
        if self.refuse_with:
            return _refused(self.refuse_with, "")
        if not PHONE.fullmatch(str(order.get("Phone"))):
            return _refused(108, "Phone not valid")
        if len(request_id) > REQUEST_ID_MOST or any(not isinstance(value, str) for value in order.values()):
            return _refused(110, "Invalid request")
        if request_id in self._seen:
            return _refused(124, "Request exist 1")
        self._seen.add(request_id)
        self.messages.append(order)
        return {"CodeResult": "100", "CountRegenerate": 0, "SMSID": uuid.uuid4().hex}


def _refused(code: int, message: str) -> dict[str, Any]:
    return {"CodeResult": str(code), "CountRegenerate": 0, "ErrorMessage": message}


def _handler(box: SandboxSms) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(box.answer(order) if self.path == PATH else {"error": "Invalid request"}).encode()
            if box.hang_up_after:
                box.hang_up_after -= 1
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Print nothing: the requests contain phones."""

    return Handler
