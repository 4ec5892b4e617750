"""The `web` process: health, metrics and the webhook.

Liveness asks no server; readiness asks the ledger, Redis and the broker.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import DBAPIError

from config.process import begin_process
from coordination.processes import WEB, announce
from operators.able import unable
from operators.alarms import begin_watch
from operators.door import serve_app
from operators.metrics.measure import measure
from operators.shared_calls import FLIGHTS, Flights
from operators.stuck import stuck_now
from producers.hooks.http import LONGEST, WebhookHandler, webhook_of
from worker.services.bootstrap import Services
from worker.services.deployment import Deployment

log = logging.getLogger("hcc.web")

SERVICES = web.AppKey("services", tuple[Services, ...])
WEBHOOK = web.AppKey("webhook", WebhookHandler)

routes = web.RouteTableDef()


def serve(deployment: Deployment, port: int) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT. Put a proxy with TLS in front."""
    begin_process(deployment.shared.settings, WEB)
    announce(deployment.shared.settings.redis_url, WEB)
    begin_watch(deployment)
    serve_app(build(*deployment), port)


def build(*every: Services) -> web.Application:
    """The application for these OAs, for `serve` and for tests."""
    app = web.Application(client_max_size=LONGEST)
    app[FLIGHTS] = Flights()
    app[SERVICES] = every
    app.add_routes(routes)
    app[WEBHOOK] = webhook_of([each.settings for each in every], lambda: every[0].sealer, app)
    app.router.add_post("/hooks/zalo", app[WEBHOOK].post)
    return app


@routes.get("/healthz")
async def healthz(_: web.Request) -> web.Response:
    """Liveness. It asks no server, so a slow ledger never gets the process killed."""
    return web.Response(text="ok\n")


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """Readiness: the ledger and Redis take writes, the broker takes messages, and nothing is stuck."""
    faults = await request.app[FLIGHTS].join("readyz", _faults, request.app[SERVICES])
    return web.Response(text="\n".join(faults or ["ready"]) + "\n", status=503 if faults else 200)


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Metrics for Prometheus: `operators.metrics.table` has each of them."""
    body = await request.app[FLIGHTS].join("metrics", measure, request.app[SERVICES]) + request.app[WEBHOOK].metrics()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _faults(every: Sequence[Services]) -> list[str]:
    """Faults of the shared servers, or else whatever is stuck in any OA. `hcc doctor` reports other faults of an OA."""
    faults = [line for _, line, _ in unable(every[0].shared)]
    if not faults:
        try:
            faults = [one.line for services in every for one in stuck_now(services)]
        except DBAPIError:
            faults = ["the ledger does not answer"]
    return faults
