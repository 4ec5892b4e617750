"""How a fault looks on the wire."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web

from sandbox.network.resets import reset
from sandbox.zalo.faults import Fault

DRIPS = 10

Break = Callable[[Fault, web.BaseRequest, web.Response], Awaitable[web.StreamResponse | None]]


async def break_off(fault: Fault, request: web.BaseRequest, reply: web.Response) -> web.StreamResponse | None:
    """The answer to send instead of `reply`, or None if `reply` may still be sent."""
    return await BREAKAGES[fault.kind](fault, request, reply)


async def _delay(fault: Fault, _request: web.BaseRequest, _reply: web.Response) -> None:
    await asyncio.sleep(fault.ms / 1000)


async def _reset(_fault: Fault, request: web.BaseRequest, reply: web.Response) -> web.Response:
    if request.transport is not None:
        reset(request.transport)
    return reply  # aiohttp finds the connection closed and drops it


async def _html(fault: Fault, _request: web.BaseRequest, _reply: web.Response) -> web.Response:
    status = HTTPStatus(int(fault.kind.removeprefix("http_")))
    return _page(status, f"{status.value} {status.phrase}")


async def _not_json(_fault: Fault, _request: web.BaseRequest, _reply: web.Response) -> web.Response:
    return _page(HTTPStatus.OK, "Hệ thống đang bảo trì")


async def _truncated_json(_fault: Fault, _request: web.BaseRequest, reply: web.Response) -> web.Response:
    body = _bytes(reply)
    return web.Response(body=body[: len(body) // 2], content_type="application/json")


async def _cut_short(_fault: Fault, request: web.BaseRequest, reply: web.Response) -> web.Response:
    body = _bytes(reply)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return _raw(request, reply, head.encode() + body[: len(body) // 2])


async def _empty(_fault: Fault, request: web.BaseRequest, reply: web.Response) -> web.Response:
    return _raw(request, reply, b"")


async def _garbage(_fault: Fault, request: web.BaseRequest, reply: web.Response) -> web.Response:
    return _raw(request, reply, b"\x16\x03\x01\x00\xff\x00 this is no HTTP \xfe\xfd\r\n\r\n")


async def _empty_body(_fault: Fault, _request: web.BaseRequest, _reply: web.Response) -> web.Response:
    return web.Response(content_type="application/json")


async def _slow_body(fault: Fault, request: web.BaseRequest, reply: web.Response) -> web.StreamResponse:
    body = _bytes(reply)
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Date": reply.headers["Date"]}
    slow = web.StreamResponse(headers=headers)
    await slow.prepare(request)
    step = -(-len(body) // DRIPS)
    for start in range(0, len(body), step):
        await asyncio.sleep(fault.ms / 1000 / DRIPS)
        await slow.write(body[start : start + step])
    await slow.write_eof()
    return slow


BREAKAGES: Mapping[str, Break] = {
    "delay": _delay,
    "reset_before": _reset,
    "reset_after": _reset,
    "http_500": _html,
    "http_502": _html,
    "http_503": _html,
    "truncated_json": _truncated_json,
    "cut_short": _cut_short,
    "empty": _empty,
    "empty_body": _empty_body,
    "garbage": _garbage,
    "not_json": _not_json,
    "slow_body": _slow_body,
}


def _raw(request: web.BaseRequest, reply: web.Response, answer: bytes) -> web.Response:
    if isinstance(request.transport, asyncio.WriteTransport):
        request.transport.write(answer)
        request.transport.close()
    return reply  # aiohttp finds the connection closed and drops it


def _page(status: HTTPStatus, title: str) -> web.Response:
    html = f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
    return web.Response(status=status, text=html, content_type="text/html")


def _bytes(reply: web.Response) -> bytes:
    return reply.body if isinstance(reply.body, bytes) else b""
