"""No sequence of the ledger's verbs reaches a state outside the table, sends twice, or sends out of order.

The machine plays workers that claim, send, settle and die, sweeps, look-ups and operators, in any order, on a real
PostgreSQL. "Zalo" is a list of what physically arrived; a look-up tells the truth about it, as the conversation does.
"""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from tests.ledger.conftest import BOUNDS, new
from worker.domain.event import Withdrawal
from worker.domain.lifecycle import BLOCKING, State, may_move
from worker.domain.notice import Attempt, Letter, Notice
from worker.domain.outcome import Outcome, Refused, Sent, TryLater, Uncertain, Unreachable, Wait
from worker.domain.retry import Patience, decide
from worker.domain.settling import Question
from worker.ledger import claims, notices, turns, uncertain, upkeep, verbs, withdrawals
from worker.ledger.uncertain import Doubt
from worker.ledger.verbs import Choice

_oas = (f"oa-{number}" for number in itertools.count(1))
PATIENCE = Patience(base=0.001, cap=0.001, max_age=timedelta(hours=72))
CODES = st.sampled_from(["A", "B"])
KINDS = st.sampled_from(["accepted", "fee_requested", "result_ready"])
ARRIVES = {Sent("m"): True, TryLater("refused"): False, Wait("rate", 0): False, Refused("no", -201): False,
           Unreachable("left", -213): False}  # fmt: skip


class Ledger(RuleBasedStateMachine):
    """One OA's notices, and what Zalo has."""

    engine: Engine

    @initialize()
    def begin(self) -> None:
        self.oa = next(_oas)
        self.arrived: Counter[int] = Counter()
        self.held: list[list[Notice]] = []
        self.steps = itertools.count()
        self.recorded: dict[str, int] = {}  # event key → the step in which its notice was recorded, or true again
        self.told: dict[str, int] = {}  # event key → the step in which the person got it

    @rule(code=CODES, kind=KINDS, minutes=st.integers(0, 3), fee=st.integers(1, 2))
    def record(self, code: str, kind: str, minutes: int, fee: int) -> None:
        event = new(code, kind, minutes, str(fee) if kind == "fee_requested" else "1")
        with self.engine.begin() as tx:
            notices.record(tx, self.oa, [event])
        self.recorded.setdefault(event.event_key, next(self.steps))

    @rule(most=st.integers(1, 3))
    def claim(self, most: int) -> None:
        lease = f"epoch.{len(self.held)}-{datetime.now(UTC).timestamp()}"
        with self.engine.begin() as tx:
            lane = turns.first_lane(tx, self.oa, BOUNDS)
            found = [] if lane is None else claims.lock_due(tx, self.oa, lane, lease, most, bounds=BOUNDS)
            assert found or lane is None, "a lane is named first, and has nothing to send"
            claims.lease_out(tx, [Letter(n, n.key) for n in found], seconds=60, by="worker")
        if found:
            self._must_be_their_turn(found)
            self._must_be_true(found)
            self.held.append(found)

    @rule(outcome=st.sampled_from([Refused("no", -201), Unreachable("left", -213)]))
    def be_overtaken(self, outcome: Outcome) -> None:
        """The earlier notice of a dossier is not told, the later one is."""
        code = f"C{next(self.steps)}"
        for minutes, kind in enumerate(("accepted", "result_ready")):
            self.record(code, kind, minutes, 1)
        for what in (outcome, Sent("m")):
            before = len(self.held)
            self.claim(100)
            if len(self.held) > before:
                batch = self.held.pop()
                mine = [notice for notice in batch if notice.code == code]
                self._settle([notice for notice in batch if notice not in mine], Wait("rate", 0))
                if ARRIVES[what]:
                    self._arrive(mine)
                self._settle(mine, what)

    @rule(which=st.integers(0, 9), outcome=st.sampled_from(list(ARRIVES)))
    def settle_for_certain(self, which: int, outcome: Outcome) -> None:
        if self.held:
            batch = self.held.pop(which % len(self.held))
            if ARRIVES[outcome]:
                self._arrive(batch)
            self._settle(batch, outcome)

    @rule(which=st.integers(0, 9), really=st.booleans())
    def settle_in_doubt(self, which: int, really: bool) -> None:
        if self.held:
            batch = self.held.pop(which % len(self.held))
            if really:
                self._arrive(batch)
            self._settle(batch, Uncertain("reset"))

    @rule(which=st.integers(0, 9), left=st.integers(0, 3), really=st.integers(0, 3), marks=st.booleans())
    def die_and_be_swept(self, which: int, left: int, really: int, marks: bool) -> None:
        """A worker dies: `left` of its batch were marked, `really` of those arrived; marks may be lost altogether."""
        if not self.held:
            return
        batch = self.held.pop(which % len(self.held))
        marked = [notice.id for notice in batch[:left]]
        self._arrive(batch[:left][:really])
        known = marked if marks else [notice.id for notice in batch]
        with self.engine.begin() as tx:
            tx.execute(text("UPDATE notices SET lease_until = now() - interval '1 s' WHERE lease = :l"),
                       {"l": batch[0].lease})  # fmt: skip
            for lease, ids in upkeep.expired_leases(tx, self.oa, limit=100).items():
                again = [id_ for id_ in ids if id_ not in known]
                upkeep.rescue(tx, lease, certainly_not=again, perhaps=[i for i in ids if i in known], by="sweep")
        self._settle(batch, Sent("too late"))  # the worker was only slow: its lease is gone, and nothing may change

    @rule()
    def look_up(self) -> None:
        """Every doubt is settled by what Zalo shows."""
        doubts = [
            Doubt(row.id, row.code, "1", "zalo_cs", Question("", datetime.now(UTC), 60, 0))
            for row in self._rows("SELECT id, code FROM notices WHERE oa = :oa AND state = 'uncertain'")
        ]
        there = [doubt for doubt in doubts if self.arrived[doubt.id]]
        with self.engine.begin() as tx:
            uncertain.settle(tx, self.oa, there, [d for d in doubts if d not in there], by="settle")

    @rule(deed=st.sampled_from([verbs.RETRY, verbs.RETRY_EXPIRED, verbs.DISCARD]))
    def operate(self, deed: verbs.Deed) -> None:
        list(verbs.carry_out(self.engine, self.oa, deed, Choice(), by="Lan", why="thử"))

    @rule()
    def bring_back(self) -> None:
        """An operator wants told what died and what expired; whatever may go then goes."""
        for deed in (verbs.RETRY, verbs.RETRY_EXPIRED):
            self.operate(deed)
        for _ in range(3):
            before = len(self.held)
            self.claim(100)
            if len(self.held) > before:
                batch = self.held.pop()
                self._arrive(batch)
                self._settle(batch, Sent("m"))

    @rule(code=CODES, fee=st.integers(1, 2))
    def withdraw(self, code: str, fee: int) -> None:
        with self.engine.begin() as tx:
            withdrawals.withdraw(tx, self.oa, [Withdrawal(code, f"{code}/fee_requested/{fee}", "paid")], by="producer")

    @rule(code=CODES, fee=st.integers(1, 2), slow=st.booleans())
    def be_true_again(self, code: str, fee: int, slow: bool) -> None:
        """The fee is asked for again, a while after it was withdrawn or within the minute."""
        with self.engine.begin() as tx:
            if slow:
                tx.execute(text("UPDATE notices SET withdrawn_at = withdrawn_at - interval '2 minutes' WHERE oa = :oa"),
                           {"oa": self.oa})  # fmt: skip
            withdrawals.true_again(tx, self.oa, [f"{code}/fee_requested/{fee}"], by="producer")
        self.recorded[f"{code}/fee_requested/{fee}"] = next(self.steps)

    @rule()
    def sweep(self) -> None:
        with self.engine.begin() as tx:
            notices.promote(tx, self.oa, None, by="sweep")
            upkeep.expire(tx, self.oa, now=datetime.now(UTC), hours=72, by="sweep", limit=100)

    @rule(most=st.integers(1, 2))
    def get_too_old(self, most: int) -> None:
        """Days pass, for some of what waits."""
        with self.engine.begin() as tx:
            upkeep.expire(tx, self.oa, now=datetime.now(UTC) + timedelta(days=4), hours=72, by="sweep", limit=most)

    @invariant()
    def nothing_arrived_twice(self) -> None:
        if hasattr(self, "arrived"):
            assert all(times <= 1 for times in self.arrived.values()), self.arrived

    @invariant()
    def every_step_is_an_arrow_of_the_table(self) -> None:
        if hasattr(self, "oa"):
            steps = self._rows(
                "SELECT h.before, h.after FROM history h JOIN notices n ON n.id = h.notice_id WHERE n.oa = :oa"
            )
            assert all(step.before is None or may_move(State(step.before), State(step.after)) for step in steps)

    def teardown(self) -> None:
        """However it went: look-ups and sweeps leave nothing waiting behind something that is finished."""
        if not hasattr(self, "oa"):
            return
        self.held.clear()
        self.look_up()
        self.sweep()
        stuck = self._rows(
            f"SELECT id FROM notices n WHERE oa = :oa AND state = 'waiting' AND NOT {notices.EARLIER_UNFINISHED}"
        )
        assert stuck == []

    def _arrive(self, batch: list[Notice]) -> None:
        """The person gets these; nothing that they should have got before."""
        for notice in batch:
            self.arrived[notice.id] += 1
            overtaken = self._rows(f"""
                SELECT later.event_key FROM notices n JOIN notices later ON later.oa = n.oa AND later.code = n.code
                AND (later.event_at, later.rank, later.id) > (n.event_at, n.rank, n.id) WHERE n.id = {notice.id}""")
            for later in overtaken:
                told = self.told.get(later.event_key, -1)
                assert told < self.recorded[notice.key], f"{notice.key} was told after {later.event_key}"
            self.told[notice.key] = next(self.steps)

    def _settle(self, batch: list[Notice], outcome: Outcome) -> None:
        now = datetime.now(UTC)
        settled = [
            (
                Attempt(n, "zalo_cs", now, outcome, 1),
                decide(outcome, attempts=n.attempts, fresh_at=n.fresh_at, now=now, patience=PATIENCE, jitter=0),
            )
            for n in batch
        ]
        with self.engine.begin() as tx:
            claims.settle(tx, settled, by="worker")

    def _must_be_their_turn(self, found: list[Notice]) -> None:
        blocking = ", ".join(f"'{state}'" for state in sorted(BLOCKING))
        for notice in found:
            earlier = self._rows(
                f"SELECT e.id FROM notices n JOIN notices e ON e.oa = n.oa AND e.code = n.code "
                f"AND (e.event_at, e.rank, e.id) < (n.event_at, n.rank, n.id) AND e.state IN ({blocking}) "
                f"WHERE n.oa = :oa AND n.id = {notice.id}"
            )
            assert earlier == [], "a later notice was claimed before an earlier one was finished"

    def _must_be_true(self, found: list[Notice]) -> None:
        with self.engine.connect() as connection:
            assert claims.unwanted(connection, found) == set(), "a withdrawn notice was claimed"

    def _rows(self, sql: str) -> list[object]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(sql), {"oa": self.oa}))


@pytest.mark.timeout(300)
def test_no_sequence_of_verbs_sends_twice_or_leaves_the_table_of_states(ledger: Engine) -> None:
    """Law 2 and 3, by machine."""

    class OnThisLedger(Ledger):
        engine = ledger

    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        OnThisLedger,
        settings=settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=checks),
    )
