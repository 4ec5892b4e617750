"""The `web` process: health, metrics and the console.

Liveness asks nobody; readiness asks the ledger, Redis and the broker.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy.exc import DBAPIError

from config.logs import set_up_logs
from operators.able import unable
from operators.alarms import begin_watch
from operators.clocks import measure_clocks
from operators.costs import measure_costs
from operators.door import serve_app
from operators.flights import FLIGHTS, Flights
from operators.hooks import LONGEST, Doorman, open_door
from operators.kept import measure_kept
from operators.stuck import oldest_due, stuck_now
from worker.aftermath import breaker_key
from worker.bootstrap import Services
from worker.deployment import Deployment
from worker.domain.clock import to_the_second
from worker.domain.spelling import spellings
from worker.ledger import cursors, oddities, reports
from worker.queue.connection import QueueDown
from worker.queue.processes import WEB, announce
from worker.queue.refusals import Refusals
from worker.shared import TEMPLATES

log = logging.getLogger("hcc.web")

SERVICES = web.AppKey("services", tuple[Services, ...])
PAGES = web.AppKey("pages", Environment)
DOORMAN = web.AppKey("doorman", Doorman)

routes = web.RouteTableDef()


def serve(deployment: Deployment, port: int) -> None:
    """Serve on 127.0.0.1 until a signal ends us; a proxy with TLS belongs in front."""
    set_up_logs(deployment.shared.settings.log_level)
    announce(deployment.shared.settings.redis_url, WEB)
    begin_watch(deployment)
    serve_app(build(*deployment), port)


def build(*every: Services) -> web.Application:
    """The application for these OAs, for `serve` and for tests."""
    app = web.Application(client_max_size=LONGEST)
    app[FLIGHTS] = Flights()
    app[SERVICES] = every
    app[PAGES] = Environment(loader=FileSystemLoader(TEMPLATES / "console"), autoescape=True)
    app[PAGES].filters["vietnam"] = to_the_second
    app.add_routes(routes)
    app[DOORMAN] = open_door(every, app)
    app.router.add_post("/hooks/zalo", app[DOORMAN].post)
    return app


@routes.get("/healthz")
async def healthz(_: web.Request) -> web.Response:
    """Alive: says so without asking anybody, so that a slow ledger never gets the process killed."""
    return web.Response(text="ok\n")


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """May take work: the ledger takes writes, Redis and the broker do what they are for, and nothing is stuck."""
    faults = await request.app[FLIGHTS].join("readyz", _faults, request.app[SERVICES])
    return web.Response(text="\n".join(faults or ["ready"]) + "\n", status=503 if faults else 200)


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Prometheus: how many notices are in each live state, what came from Zalo, which channels are down."""
    body = await request.app[FLIGHTS].join("metrics", _metrics, request.app[SERVICES]) + request.app[DOORMAN].metrics()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


@routes.get("/")
async def console(request: web.Request) -> web.Response:
    """The console: what is under way, and one dossier's story by its code (Vietnamese; `?lang=en` in English)."""
    language = "en" if request.query.get("lang") == "en" else "vi"
    page = await _aside(_page, request.app[SERVICES], request.query.get("code", ""))
    text = request.app[PAGES].get_template("index.html.j2").render(language=language, **page)
    return web.Response(text=text, content_type="text/html")


async def _aside(work: Callable[..., Any], *arguments: object) -> Any:
    """Run blocking work in a thread: the loop stays free for others."""
    return await asyncio.to_thread(work, *arguments)


def _faults(every: Sequence[Services]) -> list[str]:
    """What all OAs need, and what does not move of any; what else one of them lacks `hcc doctor` tells."""
    faults = [line for _, line, _ in unable(every[0].shared)]
    if not faults:
        try:
            faults = [one.line for services in every for one in stuck_now(services)]
        except DBAPIError:
            faults = ["the ledger does not answer"]
    return faults


def _metrics(every: Sequence[Services]) -> bytes:
    registry = CollectorRegistry()
    notices = Gauge("hcc_notices", "Notices in each live state", ["oa", "state"], registry=registry)
    doubts = Gauge("hcc_lasting_doubts", "Notices in doubt for more than an hour", ["oa"], registry=registry)
    odd = Gauge("hcc_source_oddities", "What cannot be read in the source", ["oa", "column"], registry=registry)
    oldest = Gauge(
        "hcc_oldest_due_seconds", "Since a notice may go that has not gone", ["oa", "lane"], registry=registry
    )
    paces: dict[str, Sequence[cursors.Pace]] = {}
    for services in every:
        for lane, seconds in oldest_due(services).items():
            oldest.labels(services.oa, lane.name.lower()).set(seconds)
    with every[0].ledger.connect() as connection:
        for oa in (services.oa for services in every):
            for state, number in reports.live_counts(connection, oa).items():
                notices.labels(oa, state).set(number)
            doubts.labels(oa).set(reports.lasting_doubts(connection, oa))
            paces[oa] = cursors.paces(connection, oa)
            for one in oddities.tallied(connection, oa):
                odd.labels(oa, one.field).inc(one.number)
        measure_kept(registry, connection, [services.oa for services in every])
    measure_clocks(registry, every[0])
    _measure_sources(registry, paces)
    _measure_channels(registry, every)
    measure_costs(registry, *every)
    _measure_refusals(registry, every[0])
    return generate_latest(registry)


def _measure_refusals(registry: CollectorRegistry, services: Services) -> None:
    """Messages and values in Redis that nobody of ours wrote."""
    refused = Gauge("hcc_refused_total", "What was thrown away since a day without any", ["why"], registry=registry)
    with suppress(QueueDown):
        for why, number in Refusals(services.shared.redis).all().items():
            refused.labels(why).set(number)


def _measure_channels(registry: CollectorRegistry, every: Sequence[Services]) -> None:
    down = Gauge("hcc_channel_down", "1 while the channel's breaker is open", ["oa", "channel"], registry=registry)
    with suppress(QueueDown):
        for services in every:
            for channel in services.channels.values():
                is_open = services.breaker.state(breaker_key(services.oa, channel)).until is not None
                down.labels(services.oa, channel.name).set(is_open)


def _measure_sources(registry: CollectorRegistry, paces: Mapping[str, Sequence[cursors.Pace]]) -> None:
    """How the producers keep up with the dossier databases: an age that grows is a source that is slow or away."""
    labels = ["oa", "feed"]
    age = Gauge("hcc_source_poll_age_seconds", "Since a feed was last read to its end", labels, registry=registry)
    missing = Gauge("hcc_source_missing_ids", "Ids that a feed still waits for", labels, registry=registry)
    for oa, of_feeds in paces.items():
        for pace in of_feeds:
            age.labels(oa, pace.feed).set(pace.seconds)
            missing.labels(oa, pace.feed).set(pace.missing)


def _page(every: Sequence[Services], typed: str) -> dict[str, Any]:
    """What is under way, of all OAs together; a dossier is looked for in all of them."""
    counts: Counter[str] = Counter()
    page: dict[str, Any] = {"counts": counts, "code": typed, "notices": None, "several": len(every) > 1}
    with every[0].ledger.connect() as connection:
        for services in every:
            counts.update(reports.live_counts(connection, services.oa))
        if typed.strip():
            try:
                codes = spellings(typed)
                page["notices"] = [
                    {"oa": services.oa, **notice}
                    for services in every
                    for code in reports.known_codes(connection, services.oa, codes)
                    for notice in reports.dossier(connection, services.oa, code)
                ]
            except ValueError:
                page["notices"] = []
    return page
