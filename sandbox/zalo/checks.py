"""The checks of a call, in their order. Zalo documents the codes but not the order; change it in the table below.

Transport faults come before all checks (api.py), the execution comes after them (`Route.carry_out`).
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping

from sandbox.zalo.call import Call
from sandbox.zalo.codes import Host, Refusal
from sandbox.zalo.faults import CHECK
from sandbox.zalo.routes import Route

Check = Callable[[Call, Route], None]

MISSING_TOKEN: Mapping[Host, int] = {Host.OPENAPI: -216, Host.BUSINESS: -124}
DEAD_TOKEN: Mapping[Host, int] = {Host.OPENAPI: -220, Host.BUSINESS: -124}
WRONG_PROOF: Mapping[Host, int] = {Host.OPENAPI: -242, Host.BUSINESS: -1241}


def rate(call: Call, _route: Route) -> None:
    """4,000 calls per minute and App; Zalo documents that a call above the limit is not executed."""
    if not call.world.rate.admit(call.world.switches.rate_per_minute, time.monotonic()):
        raise Refusal(-32)


def on_demand(call: Call, _route: Route) -> None:
    """Apply the faults ordered by the control."""
    for fault in call.world.faults.striking(CHECK, call):
        if fault.kind == "error":
            raise Refusal(fault.code)
        call.world.tokens.expire_access()


def token(call: Call, route: Route) -> None:
    """The access token in the header `access_token`; a bearer token in `Authorization` is ignored."""
    given = call.world.tokens.access.get(call.headers.get("access_token", ""))
    if given is None:
        raise Refusal(MISSING_TOKEN[route.host])
    if not given.alive(call.world.clock.now()):
        raise Refusal(DEAD_TOKEN[route.host])
    call.grant = given.grant


def proof(call: Call, route: Route) -> None:
    """The optional header appsecret_proof: HMAC-SHA256 of the access token under the app secret, in hex."""
    if not call.world.switches.require_proof:
        return
    secret = call.world.identity.app_secret.encode()
    expected = hmac.new(secret, call.headers["access_token"].encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, call.headers.get("appsecret_proof", "")):
        raise Refusal(WRONG_PROOF[route.host])


def app_and_oa(call: Call, route: Route) -> None:
    """One code that refuses everything: not activated, not registered, not granted, not verified …"""
    switches = call.world.switches
    if state := switches.oa_state if route.host is Host.OPENAPI else switches.zns_state:
        raise Refusal(state)


def body(call: Call, route: Route) -> None:
    """Fields, limits, type of message."""
    route.read(call)


def recipient(call: Call, route: Route) -> None:
    """Unknown, banned, restricted, outside the window …"""
    if route.recipient:
        route.recipient(call)


def night(call: Call, route: Route) -> None:
    """Messages that may not be sent from 22:00 to 06:00."""
    if route.night:
        route.night(call)


def money_and_quota(call: Call, route: Route) -> None:
    """Out of quota, out of money."""
    if route.money:
        route.money(call)


OF_AN_API_CALL: tuple[Check, ...] = (
    rate,
    on_demand,
    token,
    proof,
    app_and_oa,
    body,
    recipient,
    night,
    money_and_quota,
)

CHECKS: Mapping[Host, tuple[Check, ...]] = {
    Host.OPENAPI: OF_AN_API_CALL,
    Host.BUSINESS: OF_AN_API_CALL,
    Host.OAUTH: (on_demand, body),
}
