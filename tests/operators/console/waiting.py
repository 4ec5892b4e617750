"""Notices in the states that wait for somebody, as workers leave them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from coordination.schedule import Retry
from ledger.notices import verbs
from ledger.notices.verbs import Choice
from ledger.reports import tally_rounds
from tests.operators.console.conftest import OA
from worker.services.deployment import Deployment

_PUT = """
WITH made AS (
    INSERT INTO notices (oa, event_key, code, kind, rank, facts, unit, state, reason, code_received, attempts, event_at,
                         fresh_at, recorded_at, due_at)
    SELECT :oa, :prefix || i || '/' || CAST(:kind AS text) || '/1', :prefix || i, :kind, 1, '{}', :unit, :state,
           :reason, :code, 3, now() - interval '1 hour', now(), now() - interval '1 hour',
           now() + make_interval(secs => :in_seconds)
    FROM generate_series(1, :number) AS i RETURNING id, state
)
INSERT INTO history (notice_id, at, after, by) SELECT id, now() - interval '1 hour', state, 'worker' FROM made
RETURNING notice_id
"""


def put(
    owner: Engine,
    state: str,
    number: int = 1,
    *,
    prefix: str = "H27.12-240219-",
    kind: str = "accepted",
    unit: str = "H27.12",
    reason: str | None = "opted out",
    code: int | None = None,
    in_seconds: float = 0,
) -> Sequence[int]:
    """So many notices, one a dossier; returns their ids."""
    values = {
        "oa": OA, "prefix": prefix, "kind": kind, "unit": unit, "state": state, "reason": reason, "code": code,
        "number": number, "in_seconds": in_seconds,
    }  # fmt: skip
    with owner.begin() as tx:
        return sorted(tx.execute(text(_PUT), values).scalars())


def state_of(owner: Engine, notice: int) -> str:
    """The present state of a notice."""
    with owner.connect() as connection:
        return str(connection.execute(text("SELECT state FROM notices WHERE id = :id"), {"id": notice}).scalar_one())


def scalar(owner: Engine, query: str) -> object:
    """One value of the ledger."""
    with owner.connect() as connection:
        return connection.execute(text(query)).scalar_one()


PAGES = {
    "overview": "/overview", "inbox": "/inbox", "dead-list": "/dead", "uncertain-list": "/uncertain",
    "unreachable-list": "/unreachable", "quarantine": "/quarantine", "expired-list": "/expired", "retries": "/retries",
    "bulk": "/dead/retries/new?kind=accepted", "bulk-discard": "/dead/discards/new",
    "bulk-verdict": "/uncertain/verdicts/new", "bulk-release": "/quarantine/releases/new",
    "bulk-drop": "/quarantine/discards/new", "bulk-expired": "/expired/retries/new", "acts": "/acts",
    "act": "/acts/{act}", "system": "/system", "switches": "/switches", "reports": "/reports/reach",
    "report-dossiers": "/reports/dossiers", "report-causes": "/reports/causes", "report-delays": "/reports/delays",
    "report-costs": "/reports/costs", "report-followers": "/reports/followers", "report-scans": "/reports/scans",
    "report-phones": "/reports/bad-phones", "posters": "/posters", "news": "/news", "exports": "/exports",
    "templates": "/templates", "template": "/templates/accepted?version=1",
}  # fmt: skip
"""The pages of an engineer: their pictures' names and addresses."""


def furnish(owner: Engine, desk: Deployment) -> dict[str, str]:
    """Work of every sort, and an act half done; returns `PAGES` with the act's number filled in."""
    put(owner, "dead", 12, reason="not a valid request")
    put(owner, "dead", 3, prefix="H27.37-240219-", kind="result_ready", reason="opted out", code=-201)
    put(owner, "uncertain", 2, prefix="H27.5-240219-", reason="no whole answer in time")
    put(owner, "unreachable", 4, prefix="H27.6-240219-", reason="no Zalo user of this OA is linked to the phone")
    put(owner, "quarantined", 30, prefix="H27.7-240219-", reason="older than 30 days when it was first seen")
    put(owner, "expired", 3, prefix="H27.9-240219-", reason="older than 72 hours")
    put(owner, "due", 5, prefix="H27.8-240219-", in_seconds=-900)
    with owner.begin() as tx:
        for statement in _AROUND:
            tx.execute(text(statement), {"oa": OA})
        act = verbs.begin(
            tx, OA, verbs.DROP, Choice(kind="accepted"), by="lan", why="hồ sơ cũ, đã trả kết quả", in_background=True
        )
        verbs.next_page(tx, act, page=12)
    tally_rounds.catch_up(owner, 30)
    at = datetime.now(UTC)
    retries = (Retry(n, at + timedelta(minutes=n), at, f"H27-{n}/accepted/1", "accepted", "rate limit", -32, 2)
               for n in range(1, 9))  # fmt: skip
    desk.shared.schedule.put(OA, retries)
    next(iter(desk)).holds.hold(f"oa:{OA}", 3600, "rate limit")
    return {name: path.format(act=act.id) for name, path in PAGES.items()}


_AROUND = (
    "UPDATE notices SET phone_fault = 'landline', phone_seen = '02*****55' WHERE state = 'unreachable'",
    """INSERT INTO cursors (oa, feed, position, version, polled_at)
       SELECT :oa, feed, '{"missing": {"5": 1}}', 1, now() - interval '3 s'
       FROM unnest(ARRAY['history', 'payments', 'snapshot']) AS w (feed)""",
    """INSERT INTO credentials (oa, access_sealed, refresh_sealed, version, issued_at, expires_at)
       VALUES (:oa, 'a', 'r', 1, now() - interval '80 days', now() + interval '20 hours')""",
    """INSERT INTO units (oa, code, name)
       VALUES (:oa, 'H27.12', 'UBND xã Cẩm Bình'), (:oa, 'H27.37', 'Sở Nông nghiệp và Môi trường')""",
    "INSERT INTO oddities VALUES (:oa, 'H27.37-240219-7', '', 'received_at', 'not a time', NULL, now(), now(), 3)",
    """INSERT INTO spending VALUES
       (:oa, 'zns', CAST(now() AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date), 1250, 375000)""",
    """INSERT INTO switches (oa, sort, name, since, by, why)
       VALUES ('*', 'kind', 'apology', now() - interval '2 hours', 'minh', 'chờ lãnh đạo duyệt lời xin lỗi')""",
)
