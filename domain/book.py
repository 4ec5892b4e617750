"""Track who holds which phone while claims are judged one after the other. Pure: the ledger loads and saves it.

A user holds one phone, and a phone has one holder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.phone_claims import (
    NEWER_OF_PHONE,
    NEWER_OF_USER,
    OLDER,
    Claim,
    Demand,
    Holder,
    Judgement,
    Proof,
    decide,
    strength,
)


@dataclass(frozen=True, slots=True)
class Holding:
    """A user has held a person's phone since `at`. `is_unknown`: Zalo does not know the user; nobody can be asked."""

    claim: Claim
    is_unknown: bool = False
    told_from: datetime | None = None  # only notices recorded since then are told; None: all


@dataclass(frozen=True, slots=True)
class Ruling:
    """The result of a claim. `holder`: the other user who still has the phone; `closed`: links that ended, and why."""

    claim: Claim
    judgement: Judgement
    why: str
    holder: str | None = field(default=None, repr=False)
    moved_from: str | None = field(default=None, repr=False)
    is_news: bool = True  # False if nothing changed
    closed: Mapping[str, str] = field(default_factory=dict, repr=False)


class Book:
    """Holdings by user and by person; `withdrew` are the last holders of phones that nobody holds."""

    def __init__(
        self,
        holdings: Iterable[Holding],
        claims: Iterable[Claim] = (),
        withdrew: Mapping[int, Holder] | None = None,
        lately: Iterable[tuple[str, int]] = (),
    ) -> None:
        self.by_user = {one.claim.user_id: one for one in holdings}
        self._user_of = {one.claim.person_id: one.claim.user_id for one in self.by_user.values()}
        self._claims = {(one.user_id, one.person_id): one for one in claims}
        self._withdrew = dict(withdrew or {})
        self._phones: dict[str, set[int]] = defaultdict(set)
        for user, person in lately:
            self._phones[user].add(person)

    def holder_of(self, person: int) -> Holding | None:
        """Who holds the phone."""
        user = self._user_of.get(person)
        return None if user is None else self.by_user[user]

    def put(self, claim: Claim, demand: Demand, now: datetime) -> Ruling:
        """Judge the claim and apply its moves."""
        claim = self._with_what_is_known(claim)
        own, rival = self.by_user.get(claim.user_id), self._rival(claim)
        if own is not None and own.claim.person_id != claim.person_id and own.claim.since > claim.since:
            return Ruling(claim, Judgement.REFUSE, OLDER)
        others = len(self._phones[claim.user_id] - {claim.person_id})
        judgement, why = decide(self._holder(claim, rival), claim, demand, now, others=others)
        if judgement is not Judgement.REFUSE:
            self._phones[claim.user_id].add(claim.person_id)
            self._claims[claim.user_id, claim.person_id] = claim
        if judgement in (Judgement.REFUSE, Judgement.CONTEST):
            holder = rival.claim.user_id if rival and not rival.is_unknown and judgement is Judgement.CONTEST else None
            return Ruling(claim, judgement, why, holder=holder)
        return self._move(claim, judgement, why, own, rival)

    def deny(self, user: str, person: int) -> Claim:
        """Record that another holder denies this user's claim; a weak claim that holds the phone releases it."""
        claim = replace(self._claims[user, person], denied=True)
        self._claims[user, person] = claim
        held = self.by_user.get(user)
        if held is not None and held.claim.person_id == person and strength(claim.proof) < strength(Proof.CLERK):
            self._let_go(held)
        return claim

    def withdraw(self, user: str) -> None:
        """The user releases the phone, which stays contested."""
        held = self.by_user.get(user)
        if held is not None:
            self._let_go(held)
            self._withdrew[held.claim.person_id] = Holder(held.claim.proof, held.claim.since, withdrew=True)

    def _with_what_is_known(self, claim: Claim) -> Claim:
        """A repeated claim keeps its strongest proof and its denial."""
        known = self._claims.get((claim.user_id, claim.person_id))
        held = self.by_user.get(claim.user_id)
        if held is not None and held.claim.person_id == claim.person_id:
            known = known or held.claim
        if known is None:
            return claim
        newer = strength(claim.proof) >= strength(known.proof) and claim.proof is not Proof.NONE
        proven = claim if newer else known
        at = max(claim.at, known.at) if held is not None and held.claim.person_id == claim.person_id else claim.at
        return replace(
            claim, at=at, proof=proven.proof, proved_at=proven.proved_at, denied=claim.denied or known.denied
        )

    def _rival(self, claim: Claim) -> Holding | None:
        found = self.holder_of(claim.person_id)
        return found if found is not None and found.claim.user_id != claim.user_id else None

    def _holder(self, claim: Claim, rival: Holding | None) -> Holder | None:
        if rival is not None:
            return None if rival.is_unknown else Holder(rival.claim.proof, rival.claim.since)
        return None if self._user_of.get(claim.person_id) == claim.user_id else self._withdrew.get(claim.person_id)

    def _move(self, claim: Claim, judgement: Judgement, why: str, own: Holding | None, rival: Holding | None) -> Ruling:
        closed = {}
        is_another = own is not None and own.claim.person_id != claim.person_id
        if rival is not None:
            self._let_go(rival)
            closed[rival.claim.user_id] = NEWER_OF_PHONE
        if own is not None and is_another:
            self._let_go(own)
            closed[claim.user_id] = NEWER_OF_USER
        told_from = None
        if judgement is Judgement.HOLD:  # a phone shared again is told from the first time on
            told_from = claim.at if own is None or is_another else own.told_from
        is_news = own is None or is_another or (own.claim.proof, own.told_from) != (claim.proof, told_from)
        self.by_user[claim.user_id] = Holding(claim, told_from=told_from)
        self._user_of[claim.person_id] = claim.user_id
        self._withdrew.pop(claim.person_id, None)
        moved_from = rival.claim.user_id if rival is not None and not rival.is_unknown else None
        return Ruling(claim, judgement, why, moved_from=moved_from, is_news=is_news, closed=closed)

    def _let_go(self, held: Holding) -> None:
        del self.by_user[held.claim.user_id]
        del self._user_of[held.claim.person_id]
