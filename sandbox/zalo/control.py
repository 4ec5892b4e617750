"""The second socket: all orders and queries for tests and operators of the sandbox, as JSON.

POST   /tokens          a new pair, as `hcc oa import` reads it; {"oa_id", "oa_name", "expires_in"} optional
POST   /tokens/expire   end all access tokens           DELETE /tokens   kill the grant
POST   /people          one, a list, or {"people": […], "everybody_known": true}
POST   /templates       one or a list
POST   /faults          one or a list      GET /faults      DELETE /faults[?id=]
POST   /down            {"seconds": 5}, or {} until POST /up
POST   /clock           {"now": time, "advance": seconds, "stopped": bool}; {} restores the real time
POST   /switches        {name: value}      GET /switches
GET    /messages        ?since=SEQ&wait=SECONDS&user_id=&limit=
POST   /messages/age    {"seconds": 3600}: make all accepted messages older by that
GET    /stats
POST   /events          send a signed webhook (events.py)
POST   /reset           back to the initial state; tokens stay valid
GET    /                the page
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sandbox.zalo import page
from sandbox.zalo.clock import Clock, seconds
from sandbox.zalo.door import Door
from sandbox.zalo.events import send_event
from sandbox.zalo.messages import as_json
from sandbox.zalo.people import read_person
from sandbox.zalo.templates import read_template
from sandbox.zalo.tokens import ACCESS_SECONDS
from sandbox.zalo.world import World

BODY_MOST = 256 * 1024 * 1024  # people are registered by the hundred thousand
WAIT_MOST = 60.0
MESSAGES_MOST = 2_000  # more at once would block the API for too long

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """The handlers, one method per order."""

    def __init__(self, world: World, door: Door) -> None:
        self._world = world
        self._door = door

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_explain], client_max_size=BODY_MOST)
        app.add_routes(
            [
                web.get("/", self.page),
                web.post("/tokens", self.mint),
                web.post("/tokens/expire", self.expire),
                web.delete("/tokens", self.kill),
                web.post("/people", self.people),
                web.post("/templates", self.templates),
                web.post("/faults", self.add_faults),
                web.get("/faults", self.faults),
                web.delete("/faults", self.clear_faults),
                web.post("/down", self.down),
                web.post("/up", self.up),
                web.post("/clock", self.clock),
                web.post("/switches", self.turn),
                web.get("/switches", self.switches),
                web.get("/messages", self.messages),
                web.post("/messages/age", self.age),
                web.get("/stats", self.stats),
                web.post("/events", self.event),
                web.post("/reset", self.reset),
            ]
        )
        return app

    async def page(self, _request: web.Request) -> web.Response:
        return page.answer(self._world.identity.oa_name)

    async def mint(self, request: web.Request) -> web.Response:
        order = await _object(request)
        grant = self._world.grant(order.get("oa_id", ""), order.get("oa_name", ""))
        lives = float(order.get("expires_in", ACCESS_SECONDS))
        return web.json_response(self._world.tokens.mint(grant, self._world.clock.now(), lives))

    async def expire(self, _request: web.Request) -> web.Response:
        self._world.tokens.expire_access()
        return _done()

    async def kill(self, _request: web.Request) -> web.Response:
        self._world.tokens.kill()
        return _done()

    async def people(self, request: web.Request) -> web.Response:
        order = await _json(request)
        if isinstance(order, dict) and not {"user_id", "phone"} & set(order):
            self._world.switches.turn({key: value for key, value in order.items() if key != "people"})
            order = order.get("people", [])
        people = [read_person(row, self._world.clock.now()) for row in _rows(order)]
        for person in people:
            self._world.people.register(person)
        return _done(registered=len(people), known=len(self._world.people))

    async def templates(self, request: web.Request) -> web.Response:
        templates = [read_template(row) for row in _rows(await _json(request))]
        for template in templates:
            self._world.templates.register(template)
        return _done(registered=len(templates))

    async def add_faults(self, request: web.Request) -> web.Response:
        faults = [self._world.faults.add(row) for row in _rows(await _json(request))]
        return web.json_response([fault.as_json() for fault in faults])

    async def faults(self, _request: web.Request) -> web.Response:
        return web.json_response([fault.as_json() for fault in self._world.faults.all()])

    async def clear_faults(self, request: web.Request) -> web.Response:
        self._world.faults.clear(int(request.query["id"]) if "id" in request.query else None)
        return _done()

    async def down(self, request: web.Request) -> web.Response:
        pause = (await _object(request)).get("seconds")
        self._door.shut(None if pause is None else float(pause))
        return _done()

    async def up(self, _request: web.Request) -> web.Response:
        await self._door.open()
        return _done()

    async def clock(self, request: web.Request) -> web.Response:
        order = await _object(request)
        clock = self._world.clock if order else Clock()
        if order:
            moment = seconds(order.get("now", clock.now())) + float(order.get("advance", 0))
            clock.set(moment, stopped=bool(order.get("stopped", False)))
        self._world.clock = clock
        return _done(now=clock.now())

    async def turn(self, request: web.Request) -> web.Response:
        self._world.switches.turn(await _object(request))
        return await self.switches(request)

    async def switches(self, _request: web.Request) -> web.Response:
        return web.json_response(asdict(self._world.switches))

    async def messages(self, request: web.Request) -> web.Response:
        """The messages after `since` (if negative: the last so many); waits up to `wait` seconds for the first."""
        log, query = self._world.messages, request.query
        since, user_id = int(query.get("since", "0")), query.get("user_id")
        since = max(0, log.last + since) if since < 0 else since
        limit = min(int(query.get("limit", MESSAGES_MOST)), MESSAGES_MOST)
        found = await log.wait_for(since, limit, user_id, min(float(query.get("wait", "0")), WAIT_MOST))
        full = len(found) == limit
        following = found[-1].seq if full else log.last
        return web.json_response({"messages": [as_json(m) for m in found], "next": following, "last": log.last})

    async def age(self, request: web.Request) -> web.Response:
        self._world.messages.age(float((await _object(request))["seconds"]))
        return _done()

    async def stats(self, _request: web.Request) -> web.Response:
        stats, rate = self._world.stats, self._world.rate
        return web.json_response(
            {
                "accepted": stats.accepted.total(),
                "accepted_by_channel": stats.accepted,
                "refused": stats.refused,
                "max_per_minute": rate.arrived_max,
                "max_executed_per_minute": rate.executed_max,
                "rate_violations": rate.violations,
                "refreshes": stats.refreshes,
                "requests": stats.requests,
                "connections": stats.connections,
                "in_flight": stats.in_flight,
                "up": self._door.is_open,
            }
        )

    async def event(self, request: web.Request) -> web.Response:
        return web.json_response(await send_event(self._world, await _object(request)))

    async def reset(self, _request: web.Request) -> web.Response:
        self._world.reset()
        await self._door.open()
        return _done()


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an invalid order with status 400 and a sentence."""
    try:
        return await handler(request)
    except (ValueError, TypeError, KeyError) as error:
        return web.json_response({"error": str(error)}, status=400)


async def _json(request: web.Request) -> Any:
    raw = await request.read()
    return json.loads(raw) if raw.strip() else {}


async def _object(request: web.Request) -> dict[str, Any]:
    order = await _json(request)
    if not isinstance(order, dict):
        raise TypeError("this order is a JSON object")
    return order


def _rows(order: Any) -> list[dict[str, Any]]:
    rows = order if isinstance(order, list) else [order]
    if not all(isinstance(row, dict) for row in rows):
        raise TypeError("this order is a JSON object or a list of them")
    return rows


def _done(**facts: Any) -> web.Response:
    return web.json_response({"done": True, **facts})
