"""Fills ledgers with followers, due notices, and the finished notices of years.

Due notices are recorded through the ledger's own functions, as by a poll. The millions of finished notices are inserted
by SQL, since only their number matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Engine, text

from benchmarks.rivals.plan import PEOPLE, code_of, user_of
from benchmarks.world import OA, tell
from domain.lane import Lane
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people.people import Link
from ledger.zalo.credentials import Pair
from worker.services.bootstrap import Services

_T = TypeVar("_T")
_PAGE = 2000
_FINISHED_PAGE = 100_000  # within the patience of the ledger's engine, also on a busy disk
_TOLD_EVERY = 100_000
_APPOINTMENT = "2024-02-26T02:09:00+00:00"


def phone_of(number: int) -> str:
    """The phone of the person that notice `number` is for."""
    return f"+84978{number % PEOPLE:06}"


def admit(services: Services, number: int = PEOPLE) -> dict[str, int]:
    """Store a token for the OA and its followers, who have just written; returns the person id of each phone."""
    links = [Link(user_of(one), phone_of(one)) for one in range(number)]
    people: dict[str, int] = {}
    with services.ledger.begin() as tx:
        services.credentials.store(tx, OA, Pair(access="access", refresh="refresh", life_seconds=90_000))
        for some in _pages(links):
            services.people.link(tx, OA, some, source="benchmark")
            people |= services.people.ids(tx, OA, [link.phone for link in some])
        tx.execute(
            text("UPDATE followers SET last_interaction_at = clock_timestamp()")
        )  # also for a ledger kept since last week
    return people


def fall_due(services: Services, people: dict[str, int], first: int, number: int, *, lane: Lane = Lane.SERVICE) -> None:
    """Record `number` due notices, each of its own dossier, as a poll records them."""
    now = datetime.now(UTC)
    for some in _pages(range(first, first + number)):
        with services.ledger.begin() as tx:
            notices.record(tx, OA, [_accepted(one, people[phone_of(one)], now, lane) for one in some])
        if number > _TOLD_EVERY and (some[-1] + 1 - first) % _TOLD_EVERY < _PAGE:
            tell(f"{some[-1] + 1 - first:,} notices are due")
    _settle_down(services.ledger)


def begun(ledger: Engine) -> tuple[int, int]:
    """The next free numbers in a kept ledger: for due notices and for finished ones.

    Discards the unfinished notices of an interrupted run.
    """
    with ledger.begin() as tx:
        tx.execute(text(_PUT_AWAY))
        newest = text("SELECT max(code) FROM notices WHERE oa = :oa AND code BETWEEN :first AND :last")
        code = tx.execute(newest, {"oa": OA, "first": code_of(0), "last": code_of(9_999_999)}).scalar_one()
        newest = text("SELECT max(message_id) FROM notices WHERE oa = :oa AND message_id BETWEEN 'f' AND 'g'")
        mark = tx.execute(newest, {"oa": OA}).scalar_one()
    return (int(code.rpartition("-")[2]) + 1 if code else 0), (int(mark[1:], 16) + 1 if mark else 0)


_PUT_AWAY = "UPDATE notices SET state = 'discarded' WHERE state IN ('waiting', 'due', 'sending', 'uncertain')"


def hold(services: Services) -> None:
    """Postpone all due notices by an hour, so that workers can start without finding work."""
    with services.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET due_at = clock_timestamp() + interval '1 hour' WHERE state = 'due'"))
    _settle_down(services.ledger)


def release(services: Services) -> None:
    """Make all postponed notices due now, at once."""
    with services.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET due_at = clock_timestamp() WHERE state = 'due'"))


def finish(ledger: Engine, begin: int, end: int) -> None:
    """Insert the finished notices `begin` to `end`, sent over the last two years, each with its attempt and history.

    The rows are as small as such rows get: the figures depend on their number and on their indexes.
    """
    for first in range(begin, end, _FINISHED_PAGE):
        last = min(first + _FINISHED_PAGE, end)
        with ledger.begin() as tx:
            tx.execute(text("SET LOCAL statement_timeout = 0"))
            tx.execute(text("SET LOCAL synchronous_commit = off"))
            tx.execute(text(_FINISH), {"oa": OA, "begin": first, "end": last})
        tell(f"{last:,} finished notices")
    _settle_down(ledger)


_FINISH = """
WITH finished AS (
    INSERT INTO notices (oa, event_key, code, kind, rank, facts, state, event_at, fresh_at, recorded_at, due_at,
                         attempts, channel, message_id, text, person_id)
    SELECT :oa, code || '/accepted/1', code, 'accepted', 1, '{}', 'sent', at, at, at, at, 1, 'zalo_cs',
           'f' || lpad(to_hex(n), 19, '0'), 'Hệ thống đã tiếp nhận hồ sơ ' || code, person
    FROM (
        SELECT n, 'H27.38-' || to_char(n / 1000, 'FM000000') || '-' || n AS code,
               now() - interval '1 day' - n * (interval '700 days' / 20000000) AS at,
               (SELECT min(id) FROM people WHERE oa = :oa) + n % (SELECT count(*) FROM people WHERE oa = :oa) AS person
        FROM generate_series(CAST(:begin AS bigint), CAST(:end AS bigint) - 1) AS n
    ) AS rows
    RETURNING id, recorded_at
),
attempted AS (
    INSERT INTO attempts (notice_id, at, channel, outcome, ms)
    SELECT id, recorded_at, 'zalo_cs', 'sent', 50 FROM finished
)
INSERT INTO history (notice_id, at, before, after, by)
SELECT id, recorded_at, 'sending', 'sent', 'worker' FROM finished
"""


def _accepted(number: int, person: int, now: datetime, lane: Lane) -> NewNotice:
    code = code_of(number)
    return NewNotice(
        event_key=f"{code}/accepted/1",
        code=code,
        kind="accepted",
        unit=None,
        facts={"appointment_at": _APPOINTMENT},
        person_id=person,
        no_person_because=None,
        event_at=now - timedelta(seconds=1),
        fresh_at=now,
        lane=lane,
    )


def _settle_down(ledger: Engine) -> None:
    """Do the work that a fill leaves behind before measuring: statistics, the visibility map, the checkpoint."""
    with ledger.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def _pages(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for at in range(0, len(rows), _PAGE):
        yield rows[at : at + _PAGE]
