"""The system: sources, the OA's grant, channels and limits, budget, switches."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from config.channels import CHANNEL_FACTS
from domain.kinds import RANK
from ledger.notices.switches import EVERY_OA, SORTS, Switch
from ledger.source import oddities
from ledger.source.cursors import Pace
from operators.console import ground, layout
from operators.console.lists import services_of
from operators.console.numbers import length_said, number_said
from operators.console.roles import may
from operators.console.stored_reasons import said
from operators.console.verdict import BAD, findings
from operators.console.views.lists import common
from operators.console.views.overview import bounds_of, finding_said, flow_of
from operators.console.vitals import LedgerVitals, RedisVitals, ledger_vitals, redis_vitals
from producers.dossiers.queries import FEEDS
from worker.services.bootstrap import Services

_ODDITIES = 50
_HERE = frozenset({"system", "switches"})
HOURS = (1, 4, 12, 24)
"""The lengths that a switch may be given in its form; without one it stays until somebody ends it."""


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """One OA; whatever belongs to Redis is left out while Redis is away."""
    one, language = services_of(request), layout.language_of(request)
    ledger, redis = ledger_vitals(one), redis_vitals(one)
    stopping = [switch for switch in layout.paused() if switch.oa in (EVERY_OA, one.oa)]
    with ground.reading() as connection:
        odd = oddities.listed(connection, one.oa, limit=_ODDITIES)
    found = findings(ledger, redis, stopping, FEEDS, bounds_of(one))
    context = {
        "page": "system",
        "live": True,
        "worst": [finding_said(each, one, language) for each in found if each.route in _HERE],
        "feeds": [_feed(pace, bounds_of(one).feed_seconds, language) for pace in ledger.paces],
        "source": ledger.source,
        "odd_groups": [
            {"group": group, "number": number_said(language, group.number)} for group in ledger.odd[:_ODDITIES]
        ],
        "tone": "bad" if found and found[0].rank >= BAD else "warn",
        "odd": [{**row, "said": said(language, row["why"]).text} for row in odd],
        "switches": [held_said(switch, language) for switch in stopping],
        "alarms": ledger.alarms,
        "may_lift": may(cast("Any", request).account.role, "hold_lift", "POST"),
        "may_stop": may(cast("Any", request).account.role, "switches", "POST"),
        **_channels(one, ledger, redis, language),
        **flow_of(one, ledger, redis, language),
        **switch_choices(),
    }
    return render(request, "pages/system.html", {**context, **common(request, one)})


def held_said(switch: Switch, language: str) -> dict[str, Any]:
    """A switch with what it held back at the last count, of all its OAs."""
    return {"switch": switch, "held": "" if switch.held is None else number_said(language, switch.held)}


def switch_choices() -> dict[str, Any]:
    """What the form of a switch offers."""
    return {"sorts": SORTS, "hours": HOURS, "kinds": list(RANK), "channel_names": list(CHANNEL_FACTS)}


def _feed(pace: Pace, most: float, language: str) -> dict[str, Any]:
    return {
        "feed": pace.feed,
        "lag": length_said(language, pace.seconds),
        "late": pace.feed in FEEDS and pace.seconds > most,
        "missing": pace.missing,
    }


def _channels(one: Services, ledger: LedgerVitals, redis: RedisVitals | None, language: str) -> dict[str, Any]:
    """Each channel's breaker, price and budget, and the holds that Zalo imposed."""
    known, budget = one.settings, one.budget
    if redis is None:
        return {"channels": [], "holds": []}
    channels = [
        {
            "name": channel.name,
            "breaker": channel.breaker,
            "price": number_said(language, known.prices.get(channel.name, 0)),
            "used": ledger.used.get(channel.name),
            "most": number_said(language, most) if (most := budget.dong.get(channel.name)) is not None else "",
        }
        for channel in redis.channels
    ]
    holds = [
        {"key": hold.key, "reason": said(language, hold.reason), "left": length_said(language, hold.seconds)}
        for hold in redis.holds[:_ODDITIES]
    ]
    return {"channels": channels, "holds": holds}
