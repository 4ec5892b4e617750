"""Who holds which phone while claims are put to it, one after the other. Pure: the ledger loads it and writes it back.

A user holds one phone, and a phone has one holder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from worker.domain.claims import (
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
    """A user has a person's phone since `at`. `is_unknown`: Zalo does not know the user, so nobody is there to ask."""

    claim: Claim
    is_unknown: bool = False
    told_from: datetime | None = None  # only what was recorded since then is told; None is all


@dataclass(frozen=True, slots=True)
class Ruling:
    """What became of a claim. `holder`: the other user who has the phone still; `closed`: links that ended, and why."""

    claim: Claim
    judgement: Judgement
    why: str
    holder: str | None = field(default=None, repr=False)
    moved_from: str | None = field(default=None, repr=False)
    is_news: bool = True  # not the same again
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
        """Judge the claim, and move what it moves."""
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
        """The claim of that user is denied by another holder; a weak one that holds the phone lets go of it."""
        claim = replace(self._claims[user, person], denied=True)
        self._claims[user, person] = claim
        held = self.by_user.get(user)
        if held is not None and held.claim.person_id == person and strength(claim.proof) < strength(Proof.CLERK):
            self._let_go(held)
        return claim

    def withdraw(self, user: str) -> None:
        """The user lets go of the phone, and it stays contested."""
        held = self.by_user.get(user)
        if held is not None:
            self._let_go(held)
            self._withdrew[held.claim.person_id] = Holder(held.claim.proof, held.claim.since, withdrew=True)

    def _with_what_is_known(self, claim: Claim) -> Claim:
        """A claim that is made again keeps its strongest proof, and what was said against it."""
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
        if judgement is Judgement.HOLD:  # shared again, it is told from the first time on
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
