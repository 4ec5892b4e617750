"""Whose phone it is: nothing moves without the proof that is demanded, whoever claims what in whichever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.book import Book, Holding
from domain.phone_claims import (
    DENIED,
    FROM_THE_FUTURE,
    HELD_BY_ANOTHER,
    HOLDER_WITHDREW,
    MOST_PHONES,
    TOO_MANY,
    Claim,
    Demand,
    Holder,
    Judgement,
    Proof,
    decide,
    strength,
    suffices,
)

NOW = datetime(2026, 3, 2, 9, 9, tzinfo=UTC)
EARLIER, LATER = NOW - timedelta(days=2), NOW - timedelta(days=1)
GRANT, HOLD, CONTEST, REFUSE = Judgement.GRANT, Judgement.HOLD, Judgement.CONTEST, Judgement.REFUSE


def claim(proof: Proof, at: datetime = LATER, *, denied: bool = False) -> Claim:
    return Claim("u", 1, at, proof, at, denied)


@pytest.mark.parametrize(
    ("proof", "none", "code", "strong"),
    [
        (Proof.NONE, GRANT, HOLD, HOLD),
        (Proof.CODE, GRANT, GRANT, HOLD),
        (Proof.ONE_TIME, GRANT, GRANT, GRANT),
        (Proof.CLERK, GRANT, GRANT, GRANT),
        (Proof.OPERATOR, GRANT, GRANT, GRANT),
        (Proof.TOKEN, GRANT, GRANT, GRANT),
    ],
)
def test_a_phone_that_nobody_holds_goes_to_the_claim_and_the_past_to_its_proof(
    proof: Proof, none: Judgement, code: Judgement, strong: Judgement
) -> None:
    found = [decide(None, claim(proof), demand, NOW)[0] for demand in Demand]
    assert found == [none, code, strong]


MOVES = {
    # the claim's proof: the proofs of holders that it takes the phone from
    Proof.NONE: set(),
    Proof.CODE: {Proof.NONE},
    Proof.OPERATOR: {Proof.NONE, Proof.CODE},
    Proof.ONE_TIME: set(Proof),
    Proof.CLERK: set(Proof),
    Proof.TOKEN: set(Proof),
}


@pytest.mark.parametrize("demand", Demand)
@pytest.mark.parametrize("withdrew", [False, True])
@pytest.mark.parametrize("holders", Proof)
@pytest.mark.parametrize("proof", Proof)
def test_a_contested_phone_moves_by_a_stronger_proof_or_by_a_newer_one_that_renews(
    proof: Proof, holders: Proof, withdrew: bool, demand: Demand
) -> None:
    """R29, whatever the setting; and one who withdrew is a holder as any other."""
    judgement, why = decide(Holder(holders, EARLIER, withdrew), claim(proof), demand, NOW)
    if holders in MOVES[proof]:
        assert judgement is (GRANT if suffices(proof, demand) else HOLD)
    else:
        assert (judgement, why) == (CONTEST, HOLDER_WITHDREW if withdrew else HELD_BY_ANOTHER)


@pytest.mark.parametrize(
    ("holder", "made", "others", "expected"),
    [
        (Holder(Proof.CLERK, NOW), claim(Proof.ONE_TIME), 0, (CONTEST, HELD_BY_ANOTHER)),  # older than the holder's
        (Holder(Proof.NONE, EARLIER), claim(Proof.CODE, denied=True), 0, (CONTEST, DENIED)),
        (None, claim(Proof.CODE, denied=True), 0, (CONTEST, DENIED)),
        (Holder(Proof.NONE, EARLIER), claim(Proof.CLERK, denied=True), 0, (GRANT, "the proof suffices")),
        (None, claim(Proof.NONE), MOST_PHONES, (REFUSE, TOO_MANY)),
        (None, claim(Proof.NONE), MOST_PHONES - 1, (HOLD, "unproven: only what comes is told")),
        (None, claim(Proof.CLERK), 300, (GRANT, "the proof suffices")),
        (None, claim(Proof.NONE, NOW + timedelta(hours=1)), 0, (REFUSE, FROM_THE_FUTURE)),
    ],
)
def test_a_no_and_a_crowd_and_a_time_to_come(
    holder: Holder | None, made: Claim, others: int, expected: tuple[Judgement, str]
) -> None:
    assert decide(holder, made, Demand.CODE, NOW, others=others) == expected


USERS, PEOPLE = st.sampled_from("abcd"), st.sampled_from(range(1, 6))


class Claims(RuleBasedStateMachine):
    """Users claim, prove, deny and withdraw; a model of promises, not of the code, says what must not happen."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book([])
        self.at = NOW
        self.shown: dict[tuple[str, int], int] = {}  # the strongest proof that a user has shown of a phone
        self.denied: set[tuple[str, int]] = set()
        self.last: dict[int, int] = {}  # how strongly a phone was held by whoever held it last

    @rule(user=USERS, person=PEOPLE, proof=st.sampled_from(Proof), demand=st.sampled_from(Demand))
    def claims(self, user: str, person: int, proof: Proof, demand: Demand) -> None:
        self.at += timedelta(seconds=1)
        proved_at = None if proof is Proof.NONE else self.at
        key, before = (user, person), self.book.holder_of(person)
        ruling = self.book.put(Claim(user, person, self.at, proof, proved_at), demand, self.at)
        shown = max(strength(proof), self.shown.get(key, 0))
        after = self.book.holder_of(person)
        moved = after is not None and (before is None or before.claim.user_id != after.claim.user_id)
        if ruling.judgement is not REFUSE:  # a proof that did not move the phone was shown all the same
            self.shown[key] = shown
        if ruling.judgement not in (GRANT, HOLD):
            assert not moved
            return
        assert after is not None
        assert after.claim.user_id == user
        if before is not None and moved:
            assert shown > strength(before.claim.proof) or shown == 2, "only a stronger proof takes a phone"
            assert ruling.moved_from == before.claim.user_id, "who held it is told"
        if before is None and person in self.last:
            assert shown > self.last[person] or shown == 2, "whose holder withdrew, likewise"
        if key in self.denied:
            assert shown == 2, "what was denied waits for a strong proof"
        if after.told_from is None and ruling.judgement is GRANT:
            assert shown >= {"none": 0, "code": 1, "strong": 2}[demand], "the past waits for the proof demanded"
        self.last.pop(person, None)

    @rule(user=USERS, person=PEOPLE)
    def denies(self, user: str, person: int) -> None:
        if (user, person) in self.shown:
            held = self.book.by_user.get(user)
            self.book.deny(user, person)
            self.denied.add((user, person))
            if held is not None and held.claim.person_id == person and strength(held.claim.proof) < 2:
                assert self.book.holder_of(person) is None

    @rule(user=USERS)
    def withdraws(self, user: str) -> None:
        held = self.book.by_user.get(user)
        self.book.withdraw(user)
        if held is not None:
            self.last[held.claim.person_id] = strength(held.claim.proof)

    @invariant()
    def one_phone_a_user_and_one_user_a_phone(self) -> None:
        held: list[Holding] = list(self.book.by_user.values())
        assert len({one.claim.person_id for one in held}) == len(held)
        assert all(self.book.holder_of(one.claim.person_id) is one for one in held)


Claims.TestCase.settings = settings(max_examples=80, stateful_step_count=30)
TestClaims = Claims.TestCase
