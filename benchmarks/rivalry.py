"""Compares ours with its rivals and with the limit in one run: same stand-in, same servers, alternating rounds.

    python -m benchmarks.rivalry           three rounds of about ten seconds for each contestant, five minutes
    BENCH_ROUNDS=1 BENCH_SECONDS=5 …       shorter

Each contestant starts with a backlog in its ledger; the rivals also have its messages in their queue. Rates and CPU
times are medians of the middles of the rounds (see contest.py). The operating system counts the CPU of each process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from benchmarks import filling
from benchmarks.contest import Contestant, Figures, Standing, of_ours, of_raw, of_rival, play
from benchmarks.contestants import RIVALS
from benchmarks.plots import bars
from benchmarks.product import product_environment
from benchmarks.report import PAGES, Report
from benchmarks.standin.client import StandIn
from benchmarks.world import OA, World, tell, world
from worker.services.bootstrap import Services

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
LATENCY_MS = 50
_MOST_CPU_MS = 0.3  # per notice
OURS, OURS_TLS = "ours", "ours over TLS"
RAW, RAW_TWO = "raw libcurl", "raw libcurl, 2 processes"
_FEW = {number: (f"ours, {number} connections", f"raw libcurl, {number} connections") for number in (200, 400)}
"""Further runs with fixed numbers of connections; the others use the product's own number."""
_TEMPLATE = "rivalry"
_CHILDREN = 3  # of ours: one more than there are cores, as some child waits for the ledger (docs/scaling.md)
_EXPECTED = {rival.title: rival.rate for rival in RIVALS}
_EXPECTED |= {OURS: 5000, OURS_TLS: 5000, RAW: 7000, RAW_TWO: 7000}
_EXPECTED |= {ours: 5000 for ours, _ in _FEW.values()} | {raw: 15 * number for number, (_, raw) in _FEW.items()}
"""The rough rate of each, in notices per second, for a backlog that lasts a round. All of ours share one backlog."""
_PLAIN = tuple(rival.title for rival in RIVALS if rival.name in {"celery", "threads"})


def main() -> None:
    report = Report("rivalry", "Ours, its rivals, and the limit")
    with world() as made, StandIn(oa=OA, latency_ms=LATENCY_MS, tls=True) as zalo:
        _fill(made, zalo, round(_EXPECTED[OURS] * SECONDS))
        rounds = _rounds(made, zalo)
    standings = {name: Standing.of(figures) for name, figures in rounds.items()}
    _tell(report, standings)
    rates = {name: standing.rate for name, standing in standings.items()}
    title = f"Notices a second, Zalo answering in {LATENCY_MS} ms"
    bars(PAGES / "rivalry.svg", title, rates, ours={OURS, OURS_TLS, *(mine for mine, _ in _FEW.values())})
    report.picture("rivalry.svg", "Notices a second of each contestant")
    report.write()
    if lacking := [name for name, standing in standings.items() if not standing.whole]:
        raise SystemExit(f"not all accepted once and recorded: {', '.join(lacking)}")


def _fill(made: World, zalo: StandIn, number: int) -> None:
    """Create a ledger in which all notices are due; each round of ours works on a copy of it."""
    tell(f"recording {number:,} notices")
    ledger = made.ledger(_TEMPLATE, fresh=True)
    given = product_environment(made, zalo, ledger)
    services = Services(made.settings(ledger, given["HCC_DOSSIER_URL"], **given))
    filling.fall_due(services, filling.admit(services), 0, number)
    services.close()


def _rounds(made: World, zalo: StandIn) -> Mapping[str, list[Figures]]:
    """Run all contestants in alternating rounds, so that other load on the machine affects all of them alike."""
    contestants: dict[str, Contestant] = {rival.title: of_rival(rival) for rival in RIVALS}
    contestants[OURS] = of_ours(template=_TEMPLATE, children=_CHILDREN)
    contestants[OURS_TLS] = of_ours(template=_TEMPLATE, children=_CHILDREN, tls=True)
    for connections, (ours, raw) in _FEW.items():
        contestants[ours] = of_ours(template=_TEMPLATE, connections=connections)
        contestants[raw] = of_raw(1, connections)
    rounds: dict[str, list[Figures]] = {name: [] for name in (*contestants, RAW, RAW_TWO)}
    for number in range(ROUNDS):
        for name, contestant in contestants.items():
            rounds[name].append(_round(made, zalo, number, name, contestant))
        most = rounds[OURS][-1].most  # the limit is measured with as many connections as ours had
        for name, processes in ((RAW, 1), (RAW_TWO, 2)):
            rounds[name].append(_round(made, zalo, number, name, of_raw(processes, most)))
    return rounds


def _round(made: World, zalo: StandIn, number: int, name: str, contestant: Contestant) -> Figures:
    figures = play(contestant, made, zalo, round(_EXPECTED[name] * SECONDS))
    tell(f"round {number + 1}: {name}, {figures.rate:,.0f} a second, {figures.workers_cpu * 1000:.3f} ms of CPU")
    return figures


def _tell(report: Report, standings: Mapping[str, Standing]) -> None:
    ours, limit = standings[OURS], max(standings[RAW].rate, standings[RAW_TWO].rate)
    rivals = [standings[rival.title] for rival in RIVALS]
    plain, threads = (standings[name].rate for name in _PLAIN)
    cpu_ms = ours.workers_cpu * 1000
    best, leanest = max(one.rate for one in rivals), min(one.workers_cpu for one in rivals)
    report.text(
        f"Zalo answers in {LATENCY_MS} ms; medians of {ROUNDS} rounds of about {SECONDS:g} s, contestants taking turns "
        "on the same PostgreSQL (fsync and synchronous commit on), the same Valkey and the same stand-in. CPU is what "
        "the operating system counted for each process with all its children; the workers' of ours includes the beat."
    )
    report.text(
        "Each claims the row, sends over kept-alive connections with a timeout, records the attempt and settles the "
        "state, all committed. The rivals' tables are their own and have no index but the key; their texts are ready, "
        "and no rate limit, order, history, mark or breaker costs them anything. Settings: benchmarks/contestants.py; "
        f"ours is one worker with {_CHILDREN} children, with few connections 2 (HCC_ZALO_CONNECTIONS)."
    )
    rows = []
    for name, one in standings.items():
        cpu = (f"{seconds * 1000:.3f} ms" for seconds in (one.workers_cpu, one.postgres_cpu, one.valkey_cpu))
        shares = (f"{one.rate / plain:.1f} ×", f"{one.rate / limit:.0%}")
        rows.append((name, f"{one.rate:,.0f}", *shares, *cpu, f"{one.most}", f"{one.duplicates}"))
    report.table(
        ("contestant", "notices a second", "to plain Celery", "of the limit", "workers' CPU a notice", "PostgreSQL",
         "Valkey", "at once", "sent twice"),
        rows,
    )  # fmt: skip
    report.promises([
        ("to plain Celery as it comes, prefork", ours.rate / plain, "≥ 20 ×", ours.rate >= 20 * plain),
        ("to plain Celery on threads", ours.rate / threads, "≥ 20 ×", ours.rate >= 20 * threads),
        ("to the best rival", ours.rate / best, "≥ 4 ×", ours.rate >= 4 * best),
        *(_to_raw(number, standings[mine].rate, standings[raw].rate) for number, (mine, raw) in _FEW.items()),
        _to_raw(ours.most, ours.rate, limit),
        ("workers' CPU a notice, ms", cpu_ms, f"≤ {_MOST_CPU_MS}", cpu_ms <= _MOST_CPU_MS),
        ("that to the leanest rival's", ours.workers_cpu / leanest, "≤ 0.1 ×", ours.workers_cpu <= leanest / 10),
    ])  # fmt: skip


def _to_raw(connections: int, ours: float, limit: float) -> tuple[str, float, str, bool]:
    return f"to raw libcurl, each with {connections:,} connections", ours / limit, "≥ 0.5 ×", ours >= limit / 2


if __name__ == "__main__":
    main()
