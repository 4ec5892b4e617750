"""The first socket: checks, carries out and answers a request, with faults on demand."""

import asyncio
import json

from aiohttp import web

from sandbox.network.resets import reset
from sandbox.zalo.breakage import break_off
from sandbox.zalo.call import Call
from sandbox.zalo.checks import CHECKS
from sandbox.zalo.codes import Body, Host, Refusal
from sandbox.zalo.faults import AFTER, BEFORE, CHECKED, Fault
from sandbox.zalo.oauth import Redirect
from sandbox.zalo.routes import ROUTES, Route
from sandbox.zalo.world import World

ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Api:
    """The three hosts. A call changes the state within one `_execute`, which has no await: nothing interrupts it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._late: set[asyncio.Task[None]] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        route = ROUTES.get((request.method, path))
        if route is None:
            # Zalo does not document its answer to an unknown path or method.
            page = web.Response(status=404, text="<html><body>404 Not Found</body></html>", content_type="text/html")
            return self._dated(page)
        call = Call(self._world, path, query, request.headers, await request.read())
        stats = self._world.stats  # keep this object: a reset during the call replaces it
        stats.requests[path] += 1
        stats.in_flight += 1
        try:
            return self._dated(await self._answer(call, route, request))
        finally:
            stats.in_flight -= 1

    async def _answer(self, call: Call, route: Route, request: web.BaseRequest) -> web.StreamResponse:
        half = self._world.switches.latency_ms / 2000
        await _pass(half)
        if broken := await self._break(BEFORE, call, request, web.Response()):
            return broken
        if refused := self._refusal(call, route):
            await _pass(half)
            return refused
        for fault in self._world.faults.striking(CHECKED, call):
            return await self._put_off(fault, call, route, request)
        reply, accepted = self._execute(call, route)
        await _pass(half)
        if accepted and (broken := await self._break(AFTER, call, request, reply)):
            return broken
        return reply

    async def _put_off(self, fault: Fault, call: Call, route: Route, request: web.BaseRequest) -> web.Response:
        """Execute the call later, even if the client has gone by then; its result is never sent."""
        stats = self._world.stats

        async def later() -> None:
            await asyncio.sleep(fault.ms / 1000)
            if self._world.stats is stats:  # else this Zalo was reset meanwhile
                self._execute(call, route)

        task = asyncio.get_running_loop().create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        if fault.kind == "late":
            await asyncio.shield(task)  # keeps the connection open; its end does not cancel the task
        if request.transport is not None:
            reset(request.transport)
        return web.Response()  # aiohttp finds the connection closed and drops it

    def _refusal(self, call: Call, route: Route) -> web.Response | None:
        """The refusal of the first failing check, in their order; None if all pass."""
        try:
            for check in CHECKS[route.host]:
                check(call, route)
        except Refusal as refusal:
            return self._refuse(refusal, route.host)
        return None

    def _execute(self, call: Call, route: Route) -> tuple[web.Response, bool]:
        """Carry out the call; True if it was accepted."""
        try:
            body = route.carry_out(call)
        except Refusal as refusal:
            return self._refuse(refusal, route.host), False
        if isinstance(body, Redirect):
            return web.Response(status=302, headers={"Location": body.url}), True
        return self._reply(body, route.host), True

    def _refuse(self, refusal: Refusal, host: Host) -> web.Response:
        self._world.stats.refused[str(refusal.code)] += 1
        return self._reply(refusal.body(host), host)

    async def _break(
        self, when: str, call: Call, request: web.BaseRequest, reply: web.Response
    ) -> web.StreamResponse | None:
        for fault in self._world.faults.striking(when, call):
            if broken := await break_off(fault, request, reply):
                return broken
        return None

    def _reply(self, body: Body, host: Host) -> web.Response:
        """The HTTP response. Zalo documents the two rate headers, with this spelling of the second one."""
        headers = {"Content-Type": "application/json;charset=utf-8", "Date": self._world.clock.http_date()}
        if host is not Host.OAUTH:
            limit = self._world.switches.rate_per_minute
            headers["X-RateLimit-Limit"] = str(limit)
            headers["X-RateLimit-Remain"] = str(self._world.rate.remaining(limit))
        return web.Response(body=ENCODE(body).encode(errors="replace"), headers=headers)

    def _dated(self, reply: web.StreamResponse) -> web.StreamResponse:
        """Set `Date` by this Zalo's clock (aiohttp would use the host's), unless the headers have been sent already."""
        if not reply.prepared:
            reply.headers["Date"] = self._world.clock.http_date()
        return reply


async def _pass(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)
