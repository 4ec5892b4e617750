"""No sequence of misfortunes sends a notice twice, out of order, or not at all.

The machine plays workers that claim, mark, send, complete, stand still and die; sweeps, look-ups and operators; a Zalo
that carries out late; a ledger that goes back to an earlier state, and whose clock jumps. In any order, on a real
PostgreSQL and a real Redis. "Zalo" is a list of what physically arrived; a look-up shows it, as the conversation does.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from redis import Redis
from sqlalchemy import Connection, Engine, text

from coordination.connection import open_redis
from coordination.marks import EpochLost, Marks, departure
from domain.event import Retraction
from domain.lifecycle import BLOCKING, State, may_move
from domain.notice import Attempt, Letter, Notice
from domain.outcome import EarlierTry, Outcome, Refused, Sent, TryLater, Uncertain, Unreachable, Wait
from domain.retry import Patience, decide
from domain.settling import LOOKS, ConversationRow, DoubtVerdict, Shown, verdict
from ledger.notices import claims, eligibility, notices, retractions, sweep_queries, uncertain, verbs
from ledger.notices.notices import NewNotice
from ledger.notices.order import place
from ledger.notices.uncertain import Doubt
from ledger.notices.verbs import Choice
from tests.ledger.conftest import BOUNDS, new

_oas = (f"oa-{number}" for number in itertools.count(1))
PATIENCE = Patience(base=0.001, cap=0.001, max_age=timedelta(hours=72))
CODES = st.sampled_from(["H27-1", "H27-2"])
KINDS = st.sampled_from(["accepted", "fee_requested", "result_ready"])
WHICH = st.integers(0, 9)
NOT_SENT = [TryLater("refused"), Wait("rate", 0), Refused("no", -201), Unreachable("left", -213)]
LONG = LOOKS[-1] + 20  # seconds: by then Zalo has carried out what it will, and the last look is due
_TABLES = {"notices": "oa = :oa", "history": "notice_id IN (SELECT id FROM notices WHERE oa = :oa)",
           "attempts": "notice_id IN (SELECT id FROM notices WHERE oa = :oa)"}  # fmt: skip


@dataclass
class Held:
    """A batch in a worker's hands, and which of it may leave."""

    lease: str
    epoch: str
    notices: list[Notice]
    doubts: dict[int, Uncertain] = field(default_factory=dict)
    marked: list[Notice] = field(default_factory=list)


@dataclass
class Message:
    """A request that reached Zalo: carried out `at` (UTC), or still to be (None)."""

    key: str
    words: str
    at: datetime | None


class Ledger(RuleBasedStateMachine):
    """One OA's notices, its workers, and what Zalo has."""

    engine: Engine
    redis: Redis

    @initialize()
    def begin(self) -> None:
        self.oa = next(_oas)
        self.redis.flushdb()
        self.marks = Marks(self.redis)
        self.source: dict[str, NewNotice] = {}
        self.zalo: list[Message] = []
        self.held: list[Held] = []
        self.backup: dict[str, list[dict[str, Any]]] = self._copy()

    # The source and the people.

    @rule(code=CODES, kind=KINDS, minutes=st.integers(0, 3), fee=st.integers(1, 2))
    def record(self, code: str, kind: str, minutes: int, fee: int) -> None:
        event = new(code, kind, minutes, str(fee) if kind == "fee_requested" else "1", source_row=fee)
        self.source.setdefault(event.event_key, event)
        self._record([event])

    @rule(code=CODES, fee=st.integers(1, 2))
    def withdraw(self, code: str, fee: int) -> None:
        key = f"{code}/fee_requested/{fee}"
        self.source.pop(key, None)
        with self.engine.begin() as tx:
            retractions.retract(tx, self.oa, [Retraction(code, key, "paid")], by="producer")

    @rule(code=CODES, fee=st.integers(1, 2), slow=st.booleans())
    def be_true_again(self, code: str, fee: int, slow: bool) -> None:
        """The fee is asked for again, a while after it was withdrawn or within the minute."""
        with self.engine.begin() as tx:
            if slow:
                tx.execute(text("UPDATE notices SET withdrawn_at = withdrawn_at - interval '2 minutes' WHERE oa = :oa"),
                           {"oa": self.oa})  # fmt: skip
            retractions.true_again(tx, self.oa, [f"{code}/fee_requested/{fee}"], by="producer")

    @rule(deed=st.sampled_from([verbs.RETRY, verbs.RETRY_EXPIRED, verbs.DISCARD]))
    def operate(self, deed: verbs.Deed) -> None:
        list(verbs.carry_out(self.engine, self.oa, deed, Choice(), by="Lan", why="thử"))

    # Workers.

    @rule(most=st.integers(1, 3))
    def claim(self, most: int) -> None:
        epoch = self.marks.epoch()
        lease = f"{epoch}.{next(_serial):032x}"
        self.marks.begin(lease, epoch)
        with self.engine.begin() as tx:
            lane = eligibility.first_lane(tx, self.oa, BOUNDS)
            found = [] if lane is None else claims.lock_due(tx, self.oa, lane, lease, most, bounds=BOUNDS)
            assert found or lane is None, "a lane is named first, and has nothing to send"
            claims.lease_out(tx, [Letter(n, words_of(n.key)) for n in found], seconds=60, by="worker")
        if found:
            self._must_be_their_turn(found)
            self._must_be_true(found)
            self.held.append(Held(lease, epoch, found))

    @rule(which=WHICH, most=st.integers(1, 3))
    def leave(self, which: int, most: int) -> None:
        """Some of a batch are marked, and their bytes leave, unless somebody else has them by now."""
        if not self.held:
            return
        batch = self.held[which % len(self.held)]
        going = [n for n in batch.notices if n not in batch.marked and n.id not in batch.doubts][:most]
        try:
            forgotten = self.marks.leave(batch.lease, batch.epoch, [self._departure(n) for n in going])
        except EpochLost:
            return  # nothing more of it leaves
        for notice in going:
            if witness := forgotten.get(notice.id):
                earlier = EarlierTry(witness.tag, witness.seconds_ago)
                batch.doubts[notice.id] = Uncertain("forgotten", earlier=earlier)
            else:
                batch.marked.append(notice)

    @rule(which=WHICH, arrives=st.sampled_from(["now", "late", "never"]))
    def reach_zalo(self, which: int, arrives: str) -> None:
        """What a batch has sent, and is not there yet, arrives now, is carried out late, or never arrives."""
        if self.held:
            self._reach_zalo(self.held[which % len(self.held)], arrives)

    @rule(which=WHICH, outcome=st.sampled_from(NOT_SENT))
    def complete_unsent(self, which: int, outcome: Outcome) -> None:
        """Zalo said no, or nothing had left: of those that arrived it cannot have said so."""
        if self.held:
            batch = self.held.pop(which % len(self.held))
            there = {message.key for message in self.zalo}
            self._complete(batch, lambda n: Sent("m") if n.key in there and n in batch.marked else outcome)

    @rule(which=WHICH, heard=st.booleans())
    def complete_sent(self, which: int, heard: bool) -> None:
        """All that was marked arrives; the answers are heard, or the connections break."""
        if self.held:
            batch = self.held.pop(which % len(self.held))
            self._reach_zalo(batch, "now")
            self._complete(batch, lambda n: _answer(n in batch.marked, heard=heard))

    @rule(which=WHICH)
    def stand_still(self, which: int) -> None:
        """A worker is frozen for longer than its lease: the sweep takes its batch, and it does not know."""
        if self.held:
            self._let_leases_end(self.held[which % len(self.held)].lease)
            self._rescue()

    @rule(which=WHICH)
    def die(self, which: int) -> None:
        if self.held:
            self._let_leases_end(self.held.pop(which % len(self.held)).lease)
            self._rescue()

    # Redis, the ledger and the clocks.

    @rule()
    def lose_marks(self) -> None:
        """Redis is restarted without the last marks; what it knows of witnesses stays."""
        for key in self.redis.scan_iter("hcc:marks:*"):
            self.redis.delete(key)
        self.redis.delete("hcc:epoch")
        self.marks = Marks(self.redis)

    @rule()
    def replicate(self) -> None:
        """The standby has all up to here."""
        self.backup = self._copy()

    @rule()
    def fail_over(self) -> None:
        """The standby takes over without what was committed since; workers go on with what they hold."""
        with self.engine.begin() as tx:
            for table in reversed(_TABLES):
                tx.execute(text(f"DELETE FROM {table} WHERE {_TABLES[table]}"), {"oa": self.oa})
            for table, rows in self.backup.items():
                _insert(tx, table, rows)
        self._record(list(self.source.values()))  # what the feeds find again

    @rule(seconds=st.sampled_from([-180, 180, 100_000]))
    def the_ledgers_clock_jumps(self, seconds: int) -> None:
        """Ahead, its past lies farther back; no other clock knows of it. (The sweep's second clock is tested apart.)"""
        self._move_past(timedelta(seconds=seconds))

    @rule()
    def time_passes(self) -> None:
        """Long enough for Zalo to carry out whatever it still will, and for the last look."""
        self._time_passes()

    # Upkeep.

    @rule()
    def look_up(self) -> None:
        self._look_up()

    @rule(when=st.integers(0, 5))
    def hear_an_old_verdict(self, when: int) -> None:
        """A look that took long ends after its doubt was settled, and the notice perhaps sent again."""
        if when < len(self.old_verdicts):
            arrived, absent = self.old_verdicts[when]
            with self.engine.begin() as tx:
                uncertain.settle(tx, self.oa, arrived, absent, by="settle")

    @rule()
    def sweep(self) -> None:
        self._rescue()
        with self.engine.begin() as tx:
            notices.promote(tx, self.oa, None, by="sweep")
            sweep_queries.expire(tx, self.oa, now=datetime.now(UTC), hours=72, by="sweep", limit=100)

    @rule(most=st.integers(1, 2))
    def get_too_old(self, most: int) -> None:
        """Days pass, for some of what waits."""
        with self.engine.begin() as tx:
            sweep_queries.expire(
                tx, self.oa, now=datetime.now(UTC) + timedelta(days=4), hours=72, by="sweep", limit=most
            )

    @invariant()
    def nothing_arrived_twice(self) -> None:
        if hasattr(self, "zalo"):
            keys = [message.key for message in self.zalo]
            assert len(keys) == len(set(keys)), keys

    @invariant()
    def every_step_is_an_arrow_of_the_table(self) -> None:
        if hasattr(self, "oa"):
            steps = self._rows(
                "SELECT h.before, h.after FROM history h JOIN notices n ON n.id = h.notice_id WHERE n.oa = :oa"
            )
            assert all(step.before is None or may_move(State(step.before), State(step.after)) for step in steps)

    def teardown(self) -> None:
        """However it went: everything the source still tells is told, or somebody can see why not."""
        if not hasattr(self, "oa"):
            return
        for _ in range(4 * len(self.source) + 4):
            self._run_quietly()
        self.nothing_arrived_twice()
        states = {row.event_key: row.state for row in self._rows("SELECT event_key, state FROM notices WHERE oa = :oa")}
        told = {message.key for message in self.zalo}
        for key in self.source:
            assert key in told or states[key] in {"unreachable", "suppressed", "dead", "discarded", "expired"}, (
                key,
                states[key],
            )
        live = {key: state for key, state in states.items() if state in BLOCKING}
        assert live == {}, live

    def _run_quietly(self) -> None:
        """A round in which nothing goes wrong."""
        self._time_passes()
        self._let_leases_end("%")  # also those that only a ledger of before knows of
        self.held.clear()
        self.sweep()
        self._look_up()
        self.claim(3)
        for batch in list(self.held):
            self.leave(self.held.index(batch), 3)
            self._reach_zalo(batch, "now")
            self._complete(batch, lambda n, batch=batch: _answer(n in batch.marked, heard=True))  # type: ignore[misc]
        self.held.clear()

    # How it is done.

    def _record(self, events: Sequence[NewNotice]) -> None:
        with self.engine.begin() as tx:
            notices.record(tx, self.oa, events)

    def _departure(self, notice: Notice) -> str:
        return departure(notice.id, f"{self.oa}/{notice.key}", notice.tried_under)

    def _reach_zalo(self, batch: Held, arrives: str) -> None:
        there = {message.key for message in self.zalo}
        for notice in batch.marked:
            if notice.key in self.sent_under.setdefault(batch.lease, set()):
                continue
            self.sent_under[batch.lease].add(notice.key)
            if arrives != "never":
                assert notice.key not in there, f"{notice.key} is sent a second time"
                at = datetime.now(UTC) if arrives == "now" else None
                self.zalo.append(Message(notice.key, words_of(notice.key), at))

    def _complete(self, batch: Held, outcome_of: Any) -> None:
        now = datetime.now(UTC)
        completed = []
        for notice in batch.notices:
            outcome = batch.doubts.get(notice.id) or outcome_of(notice)
            attempt = Attempt(notice, "zalo_cs", now, outcome, 1, unmarked=notice not in batch.marked)
            decision = decide(outcome, attempts=notice.attempts, fresh_at=now, now=now, patience=PATIENCE, jitter=0)
            completed.append((attempt, decision))
        with self.engine.begin() as tx:
            claims.complete(tx, completed, by="worker")

    def _let_leases_end(self, lease: str) -> None:
        with self.engine.begin() as tx:
            query = text("UPDATE notices SET lease_until = now() - interval '1 s' WHERE oa = :oa AND lease LIKE :lease")
            tx.execute(query, {"oa": self.oa, "lease": lease})

    def _rescue(self) -> None:
        with self.engine.begin() as tx:
            for lease, held in sweep_queries.expired_leases(tx, self.oa, limit=100).items():
                left = self.marks.left(lease, lease.split(".", 1)[0])
                again = [] if left is None else [one for one in held if one.id not in left]
                sweep_queries.rescue(
                    tx, certainly_not=again, perhaps=[one for one in held if one not in again], by="sweep"
                )

    def _look_up(self) -> None:
        with self.engine.begin() as tx:
            tx.execute(
                text("UPDATE notices SET due_at = now() WHERE oa = :oa AND state = 'uncertain'"), {"oa": self.oa}
            )
            doubts = [replace(one, user_id="1") for one in uncertain.to_look_up(tx, self.oa, limit=100)]
        found = {doubt: self._judge(doubt) for doubt in doubts}
        arrived = [doubt for doubt, one in found.items() if one is DoubtVerdict.ARRIVED]
        absent = [doubt for doubt, one in found.items() if one is DoubtVerdict.NOT_ARRIVED]
        self.old_verdicts.append((arrived, absent))
        with self.engine.begin() as tx:
            uncertain.settle(tx, self.oa, arrived, absent, by="settle")

    def _judge(self, doubt: Doubt) -> DoubtVerdict:
        [witness] = self.marks.witnesses([f"{self.oa}/{doubt.key}"])
        age = doubt.question.age if witness is None else min(doubt.question.age, witness.seconds_ago)
        rows = [
            ConversationRow(ours=True, at=m.at, text=m.words, message_id=m.key) for m in self.zalo if m.at is not None
        ]
        return verdict(replace(doubt.question, age=age), Shown(rows, complete=True))

    def _time_passes(self) -> None:
        for message in self.zalo:
            message.at = (message.at or datetime.now(UTC)) - timedelta(seconds=LONG)
        self._move_past(timedelta(seconds=LONG))
        for key in ("hcc:witness:now", "hcc:witness:before"):
            for name, entry in self.redis.hgetall(key).items():
                if ":" in entry:
                    tag, at = entry.split(":")
                    self.redis.hset(key, name, f"{tag}:{int(at) - int(LONG)}")

    def _move_past(self, back: timedelta) -> None:
        with self.engine.begin() as tx:
            for sql in (
                "UPDATE history SET at = at - :back WHERE notice_id IN (SELECT id FROM notices WHERE oa = :oa)",
                "UPDATE notices SET due_at = due_at - :back, maybe_since = maybe_since - :back WHERE oa = :oa",
            ):
                tx.execute(text(sql), {"oa": self.oa, "back": back})

    def _copy(self) -> dict[str, list[dict[str, Any]]]:
        with self.engine.connect() as connection:
            return {
                table: [dict(row) for row in connection.execute(
                    text(f"SELECT * FROM {table} WHERE {where}"), {"oa": self.oa}).mappings()]
                for table, where in _TABLES.items()
            }  # fmt: skip

    def _must_be_their_turn(self, found: list[Notice]) -> None:
        blocking = ", ".join(f"'{state}'" for state in sorted(BLOCKING))
        for notice in found:
            earlier = self._rows(
                f"SELECT e.id FROM notices n JOIN notices e ON e.oa = n.oa AND e.code = n.code "
                f"AND {place('e')} < {place('n')} AND e.state IN ({blocking}) "
                f"WHERE n.oa = :oa AND n.id = {notice.id}"
            )
            assert earlier == [], "a later notice was claimed before an earlier one was finished"

    def _must_be_true(self, found: list[Notice]) -> None:
        with self.engine.connect() as connection:
            assert claims.unwanted(connection, found) == {}, "a withdrawn notice was claimed"

    def _rows(self, sql: str) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(sql), {"oa": self.oa}))

    def __init__(self) -> None:
        super().__init__()
        self.old_verdicts: list[tuple[list[Doubt], list[Doubt]]] = []
        self.sent_under: dict[str, set[str]] = defaultdict(set)


_serial = itertools.count(1)


def words_of(key: str) -> str:
    """The words of a notice, which name its dossier; two fees of one dossier read alike."""
    code, kind, _ = key.split("/")
    return f"hồ sơ {code}: {kind}"


def _answer(marked: bool, *, heard: bool) -> Outcome:
    """What a worker hears of a call that arrived, if it hears anything; of one that did not leave it knows that."""
    if not marked:
        return Wait("held back", 0)
    return Sent("m") if heard else Uncertain("reset")


def _insert(tx: Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    columns = list(rows[0])
    values = ", ".join(f"CAST(:{name} AS jsonb)" if name == "facts" else f":{name}" for name in columns)
    sql = f"INSERT INTO {table} ({', '.join(columns)}) OVERRIDING SYSTEM VALUE VALUES ({values})"
    tx.execute(text(sql), [row | ({"facts": "{}"} if "facts" in row else {}) for row in rows])


@pytest.mark.timeout(600)
def test_no_sequence_of_misfortunes_sends_twice_out_of_order_or_not_at_all(ledger: Engine, redis_url: str) -> None:
    """Laws 2 and 3, by machine."""

    class OnThese(Ledger):
        engine = ledger
        redis = open_redis(redis_url)

    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        OnThese,
        settings=settings(max_examples=25, stateful_step_count=30, suppress_health_check=checks),
    )
