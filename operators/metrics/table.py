"""Every metric of `/metrics`: what it says, and what to do when it moves. docs/reference/metrics.md is this table.

No label names a unit, a person or a host of ours: the number of series depends on OAs, channels and closed lists alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class MetricSort(StrEnum):
    """What a metric is to Prometheus."""

    GAUGE = "gauge"  # the truth of this moment, for all processes: every `web` shows the same
    COUNTER = "counter"  # of one `web` process, from its start
    HISTOGRAM = "histogram"  # likewise


@dataclass(frozen=True, slots=True)
class Metric:
    """`says` is also its HELP; `moves`: what to do when it moves; `labels` in the order of the page."""

    says: str
    moves: str
    labels: tuple[str, ...] = ()
    sort: MetricSort = MetricSort.GAUGE

    def samples(self, name: str) -> tuple[str, ...]:
        """The names of its samples, as queries use them."""
        match self.sort:
            case MetricSort.GAUGE:
                return (name,)
            case MetricSort.COUNTER:
                return (f"{name}_total",)
            case MetricSort.HISTOGRAM:
                return tuple(f"{name}_{part}" for part in ("bucket", "count", "sum"))


SERVERS: Mapping[str, Metric] = {
    "hcc_server_up": Metric(
        "1 while the ledger, Redis or the broker works: it takes a write, not only an answer",
        "0 for two minutes pages somebody. The runbooks of the ledger and of Redis begin with `hcc doctor`.",
        ("server",),
    ),
    "hcc_processes": Metric(
        "Processes that announced themselves in the last two minutes: child (of a worker), beat, web, console",
        "child or beat at 0: nothing is sent or polled; start them. Fewer than before: a host is away.",
        ("role",),
    ),
    "hcc_clock_offset_seconds": Metric(
        "How far the clock of this host, of Redis and of each worker's host is ahead of the ledger's",
        "Beyond 5 either way: mend NTP on that host (docs/scaling.md, Clocks).",
        ("clock",),
    ),
    "hcc_refused_total": Metric(
        "Messages and values of Redis that no process of ours wrote, by kind, until a day passes without any",
        "Find who else writes to this Redis or broker, and take away their access (docs/abuse.md).",
        ("why",),
    ),
    "hcc_tally_age_seconds": Metric(
        "Since the roll-ups of today were last due for a recount; +Inf before the first",
        "Above 900: reports, and the metrics of the last five minutes, are old. See whether workers and beat run.",
    ),
}
NOTICES: Mapping[str, Metric] = {
    "hcc_notices": Metric(
        "Notices in each live state; counting stops at 100001",
        "due grows: see hcc_oldest_due_seconds. unreachable grows: put up the poster. quarantined: look.",
        ("oa", "state"),
    ),
    "hcc_oldest_due_seconds": Metric(
        "For how long the oldest notice that may go has been due",
        "Above 300: `hcc doctor` says what holds it. A backlog that drains in order falls by itself.",
        ("oa", "lane"),
    ),
    "hcc_uncertain_left": Metric(
        "Notices in doubt that no look will settle: left to an operator, or in doubt for more than an hour",
        "`hcc uncertain list`, ask the people, `hcc uncertain settle`. Their dossiers wait.",
        ("oa",),
    ),
    "hcc_dead": Metric(
        "Notices that were given up and wait for an operator, by cause; counting stops at 10001",
        "`hcc dead list` groups them by cause. Mend the cause first, then `hcc dead retry`.",
        ("oa", "cause"),
    ),
    "hcc_guard_kept_back": Metric(
        "Notices that the volume guard kept back in the last 24 hours: old events, or too many at once",
        "`hcc quarantine list --count`: release what is of today, discard what came with old data.",
        ("oa", "cause"),
    ),
    "hcc_bad_templates": Metric(
        "Kinds whose files in templates/ are bad; their versions in use stay in use",
        "Above 0: `hcc doctor` names file and line. Nothing stops, but the new words are used by nobody.",
    ),
    "hcc_switches_off": Metric(
        "What operators have stopped at this moment",
        "`hcc switch list` says who and why. What stays off for a day was forgotten, perhaps.",
        ("oa", "sort"),
    ),
}
SENDING: Mapping[str, Metric] = {
    "hcc_outcomes_5m": Metric(
        "Attempts by channel, outcome and code, in the last five minutes that are wholly counted",
        "A code that grows: `hcc dead list` explains it. sent at 0 by day: see the channels and the source.",
        ("oa", "channel", "outcome", "code"),
    ),
    "hcc_delay_5m_seconds": Metric(
        "Within how many seconds of the event half, 95 % and 99 % were taken by Zalo, in the same minutes, to a bound",
        "Above 60 by day: compare hcc_oldest_due_seconds, hcc_limit_used_ratio and hcc_source_poll_age_seconds.",
        ("oa", "quantile"),
    ),
    "hcc_probe_delay_seconds": Metric(
        "From the recording of the newest probe until Zalo took it (sent), and until it was on the phone (delivered)",
        "Above 60: compare hcc_oldest_due_seconds and hcc_channel_down; sent without delivered: see Zalo's events.",
        ("oa", "step"),
    ),
    "hcc_probe_age_seconds": Metric(
        "Since Zalo took the newest probe; absent for an OA without a probe",
        "Above 5400 the hourly probe did not leave: `hcc doctor`, then [probe.md](../probe.md).",
        ("oa",),
    ),
    "hcc_limit_used_ratio": Metric(
        "Share of the calls a minute that was let out in the last minute; of the limits of app and OA, the fuller",
        "Near 1: a backlog drains as fast as Zalo allows. If it never ends, ask Zalo for a higher limit.",
        ("oa",),
    ),
    "hcc_held": Metric(
        "Pauses that Zalo imposed, by what they hold: app, oa, channel, template, person",
        "app, oa, channel: nothing of it is sent. `hcc hold list` says why and until when.",
        ("oa", "scope"),
    ),
    "hcc_channel_down": Metric(
        "1 while the channel's breaker is open: Zalo or the gateway gives no answers",
        "It is probed and opened again by itself. After ten minutes: see the network, then Zalo's own notices.",
        ("oa", "channel"),
    ),
    "hcc_spent_messages": Metric(
        "Charged or limited messages of today", "More than on other days: see which kind, by `hcc report digest`.",
        ("oa", "channel"),
    ),
    "hcc_spent_dong": Metric(
        "What today has cost by the price list, in đồng", "Compare `hcc report costs`.", ("oa", "channel")
    ),
    "hcc_budget_used_percent": Metric(
        "Used share of today's budget; absent without a budget",
        "From 80 on, decide: raise HCC_BUDGET_DONG or HCC_BUDGET_MESSAGES, or let the rest wait until midnight.",
        ("oa", "channel"),
    ),
}  # fmt: skip
OUTSIDE: Mapping[str, Metric] = {
    "hcc_grant_seconds_left": Metric(
        "What is left of the consent behind the OA's tokens, 90 days from the last renewal; 0 once Zalo took it back",
        "It stays near 90 days while tokens are renewed. Below 14 days: `hcc oa login`. 0: nothing is sent before it.",
        ("oa",),
    ),
    "hcc_token_seconds_left": Metric(
        "What is left of the access token, which lives for 25 hours and is renewed at 80 %",
        "Below 3600 it was not renewed: `hcc oa status`, `hcc doctor`.",
        ("oa",),
    ),
    "hcc_source_poll_age_seconds": Metric(
        "Since a feed was last read to its end; background passes (reconcile, walk) take longer by design",
        "Above 60 for a feed of every poll: see the dossier database, the network, workers and beat.",
        ("oa", "feed"),
    ),
    "hcc_source_missing_ids": Metric(
        "Ids that a feed still waits for: transactions of the source that are open, or were rolled back",
        "It rises and falls. If it only rises, a program of the source keeps transactions open.",
        ("oa", "feed"),
    ),
    "hcc_source_oddities": Metric(
        "Values of the source that cannot be read, by column of the mapping",
        "`hcc source oddities`. Many of one column at once: a program of the source was changed; mend the mapping.",
        ("oa", "column"),
    ),
    "hcc_source_strange": Metric(
        "1 while the dossier database is another one than yesterday's: it is not read",
        "`hcc source check`, then `hcc source adopt` says what it is.",
        ("oa",),
    ),
    "hcc_zalo_events": Metric(
        "Events received from Zalo, by our word for them and by what became of them",
        "Only refusals: secret or address are wrong. None for a day although notices were sent: see the webhook.",
        ("word", "outcome"),
        MetricSort.COUNTER,
    ),
    "hcc_zalo_event_seconds": Metric(
        "From an event's whole body to our answer",
        "Zalo waits for two seconds. Above 0.2: the ledger is slow to commit.",
        (),
        MetricSort.HISTOGRAM,
    ),
}
METRICS: Mapping[str, Metric] = {**SERVERS, **NOTICES, **SENDING, **OUTSIDE}

_GROUPS = {
    "Servers and processes": SERVERS,
    "Notices": NOTICES,
    "Sending": SENDING,
    "Zalo and the dossier database": OUTSIDE,
}
_HEAD = """\
# Metrics

`GET /metrics` of the web process. Gauges are read from the ledger and from Redis at each scrape: every `web`
process shows the same, so one target is enough, and a restart loses nothing. Counter and histogram are of one process.
No label names a unit, a person or a host. While the ledger or Redis is away, what comes from it is absent, and
`hcc_server_up` says so.

`operators/metrics/table.py` makes this page. How to watch: [signals.md](../signals.md). What to do:
[runbooks](../runbooks/README.md).
"""


def page() -> str:
    """The page docs/reference/metrics.md."""
    return "\n".join([_HEAD, *(line for title, rows in _GROUPS.items() for line in _section(title, rows))])


def _section(title: str, rows: Mapping[str, Metric]) -> Iterator[str]:
    yield from (f"## {title}", "", "| metric | what it says | when it moves |", "|---|---|---|")
    for name, metric in rows.items():
        told = f"{metric.samples(name)[0]}{{{','.join(metric.labels)}}}" if metric.labels else metric.samples(name)[0]
        yield f"| `{told}` | {metric.says}. | {metric.moves} |"
    yield ""
