"""The overview: the verdict first, then what flows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from domain.lifecycle import State
from ledger.notices.switches import EVERY_OA
from ledger.notices.verbs import Choice
from operators.console import ground, layout
from operators.console.first_steps import first_steps
from operators.console.lately import plots_of
from operators.console.lists import query_of, services_of
from operators.console.numbers import count_said, length_said, number_said
from operators.console.pauses import pause_said
from operators.console.plots import plot_file, plot_shown
from operators.console.verdict import BAD, FindingBounds, OverviewFinding, findings
from operators.console.vitals import LedgerVitals, RedisVitals, ledger_vitals, redis_vitals
from operators.console.words import said, word
from operators.phrasebook import word_of
from operators.stuck import feed_patience
from producers.dossiers.queries import FEEDS
from worker.services.bootstrap import Services

_WORST = 3
_LISTS = {
    State.UNCERTAIN: "uncertain",
    State.UNREACHABLE: "unreachable",
    State.DEAD: "dead",
    State.QUARANTINED: "quarantine",
}


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Every OA, each with its verdict; whatever belongs to Redis is left out while Redis is away."""
    language = layout.language_of(request)
    made = ground.deployment()
    shown = [_of(one, language) for one in made]
    is_live = "HX-Request" in request.headers  # what is asked again each few seconds has no plots
    drawn = [] if is_live else [{"name": made.names[one.oa], "plots": _plots(one, language)} for one in made]
    context = {"page": "overview", "live": True, "shown": shown, "drawn": drawn, "several": made.several}
    return render(request, "pages/overview.html", context)


@require_safe
def as_plot(request: HttpRequest, name: str) -> HttpResponse:
    """A plot of the last 24 hours as an SVG file."""
    plots = plots_of(services_of(request))
    if name not in plots:
        raise Http404
    return plot_file(request, plots[name], name, layout.language_of(request))


def _plots(one: Services, language: str) -> list[dict[str, Any]]:
    query = query_of(one, Choice())
    return [
        plot_shown(plot, name, reverse("overview_plot", args=[name]) + query, language)
        for name, plot in plots_of(one).items()
    ]


def bounds_of(one: Services) -> FindingBounds:
    """From when on something is a finding, by the settings of an OA."""
    known = one.settings
    return FindingBounds(known.stuck_seconds, feed_patience(one), known.budget_alarm_percent)


def finding_said(finding: OverviewFinding, one: Services, language: str) -> dict[str, str]:
    """A finding as a sentence, what to do, and where."""
    values = {name: _value_said(language, name, value) for name, value in finding.values.items()}
    return {
        "key": finding.key,
        "says": word(language, f"findings.{finding.key}", **values),
        "todo": word(language, f"findings_todo.{finding.key}"),
        "url": reverse(finding.route) + query_of(one, Choice()),
    }


def _of(one: Services, language: str) -> dict[str, Any]:
    ledger, redis = ledger_vitals(one), redis_vitals(one)
    stopping = [switch for switch in layout.paused() if switch.oa in (EVERY_OA, one.oa)]
    found = findings(ledger, redis, stopping, FEEDS, bounds_of(one))
    is_new = ledger.life is None or not ledger.paces
    return {
        "name": ground.deployment().names[one.oa],
        "worst": [finding_said(finding, one, language) for finding in found[:_WORST]],
        "tone": "good" if not found else "bad" if found[0].rank >= BAD else "warn",
        "more": len(found) - _WORST if len(found) > _WORST else 0,
        "steps": first_steps(one) if is_new else [],
        "counts": _counts(one, ledger, language),
        "alarms": ledger.alarms,
        **flow_of(one, ledger, redis, language),
    }


def _counts(one: Services, ledger: LedgerVitals, language: str) -> list[dict[str, str]]:
    return [
        {
            "state": state.value,
            "number": count_said(language, count),
            "url": reverse(_LISTS[state]) + query_of(one, Choice()) if state in _LISTS and count.number else "",
        }
        for state, count in ledger.counts.items()
    ]


def flow_of(one: Services, ledger: LedgerVitals, redis: RedisVitals | None, language: str) -> dict[str, Any]:
    """What flows in an OA: ages, lag, token and grant, limit, spending."""
    backlog, life = ledger.backlog, ledger.life
    lag = max((pace.seconds for pace in ledger.paces if pace.feed in FEEDS), default=None)
    return {
        "due_age": _age(language, backlog.due_at, backlog.read_at),
        "waiting_age": _age(language, backlog.waiting_since, backlog.read_at),
        "lag": None if lag is None else length_said(language, lag),
        "life": life,
        "token_left": length_said(language, life.token_seconds) if life else "",
        "redis": redis,
        "used_percent": round(100 * (redis.rate - redis.free) / redis.rate) if redis and redis.rate else 0,
        "held_left": length_said(language, redis.held[0].seconds) if redis and redis.held else "",
        "scheduled": number_said(language, redis.scheduled) if redis else "",
        "spent": [
            {
                "channel": name,
                "messages": number_said(language, spent.messages),
                "dong": number_said(language, spent.dong),
                "used": ledger.used.get(name),
            }
            for name, spent in sorted(ledger.spent.items())
        ],
        "system_url": reverse("system") + query_of(one, Choice()),
    }


def _age(language: str, since: datetime | None, now: datetime) -> str:
    return length_said(language, (now - since).total_seconds()) if since else ""


def _value_said(language: str, name: str, value: Any) -> str:
    if name == "seconds":
        return length_said(language, value)
    if name == "switch":
        return pause_said(language, value)
    if name == "channel":
        return said(language, word_of("channels", value))
    if name == "count":
        return count_said(language, value)
    return number_said(language, value) if isinstance(value, int) else str(value)
