"""Phone claims from the chat: which proof is asked of whom, and what proves a claim (docs/person.md).

Every message to a person is a notice, recorded in the transaction that moves the phone.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import Connection, Row, text

from domain.book import Ruling
from domain.clock import to_vietnam
from domain.event import event_key
from domain.kinds import PHONE_CLAIMED, PHONE_MOVED, PROOF_CODE, PROOF_DONE, PROOF_HELD, PROOF_REQUEST
from domain.lane import Lane
from domain.phone_claims import (
    CODE_LIVES,
    DENIED,
    MOST_CODES,
    MOST_TRIES,
    TOO_MANY,
    Claim,
    Demand,
    Judgement,
    Proof,
    strength,
)
from ledger.base.audit import audit
from ledger.base.clock import now as ledger_now
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people import chat, links
from ledger.people.people import Link, People

_BY = "zalo"


@dataclass(frozen=True, slots=True)
class Judged:
    """The result of claims: the rulings, the people who can be told more now, and the keys of the recorded notices."""

    rulings: Sequence[Ruling]
    reachable: list[int]
    recorded: set[str]


@dataclass(frozen=True, slots=True)
class Pending:
    """A claim that waits for its proof; `tries` counts today's, `code_hash` is of a one-time code still valid."""

    id: int
    user_id: str = field(repr=False)
    follower_id: int
    person_id: int
    holds: bool  # the user has the phone for new notices
    tries: int
    told_since: datetime | None
    code_hash: bytes | None = field(repr=False)
    code_tries: int
    phone_sealed: bytes | None = field(repr=False)


class Phonebook:
    """The claims of one OA; `sends_codes`: a one-time code can be sent to a phone."""

    def __init__(self, people: People, demand: Demand = Demand.CODE, *, sends_codes: bool = False) -> None:
        self.people = people
        self._demand = demand
        self._sends_codes = sends_codes

    def submit(self, tx: Connection, oa: str, shared: Sequence[Link], *, source: str) -> Judged:
        """Users shared phones: each is a claim without proof."""
        rulings = self.people.put(tx, oa, shared, source=source, proof=Proof.NONE, demand=self._demand)
        self._keep_phones(tx, oa, rulings, shared)
        return self._judged(tx, oa, rulings, codes=self._sends_codes)

    def confirm(self, tx: Connection, oa: str, user_id: str, phone: str, *, by: str, why: str) -> Judged:
        """A clerk has confirmed that the phone (E.164) belongs to this user."""
        link = Link(user_id, phone)
        rulings = self.people.put(tx, oa, [link], source=by, proof=Proof.CLERK, demand=self._demand)
        judged = self._judged(tx, oa, rulings)
        subject = f"person {rulings[0].claim.person_id}"
        audit(tx, oa, "follower confirm", f"{subject}: {rulings[0].judgement}", by=by, why=why)
        return judged

    def prove(self, tx: Connection, oa: str, pending: Pending, proof: Proof, at: datetime) -> Judged:
        """The user of a pending claim has proved that the phone is theirs, at that time (UTC)."""
        claim = Claim(pending.user_id, pending.person_id, at, proof, at)
        rulings = links.put(tx, oa, [claim], source=_BY, demand=self._demand)
        moved = rulings[0].judgement in links.MOVED
        if moved and pending.phone_sealed:
            self.people.welcome_back(tx, pending.person_id, pending.phone_sealed)
        if moved:
            tx.execute(text("UPDATE phone_claims SET code_hash = NULL WHERE id = :id"), {"id": pending.id})
        return self._judged(tx, oa, rulings)

    def deny(self, tx: Connection, oa: str, user_id: str) -> bool:
        """The user says that a claim of their phone is another's: weak claims wait for a clerk. False: there is none.

        It concerns the phone that they hold, or that a weak proof took from them.
        """
        claims = tx.execute(text(_DENIABLE), {"oa": oa, "user": user_id}).all()
        for one in claims:
            links.deny(tx, oa, one.user_id, one.person_id, source=_BY)
        self.tell(tx, oa, [(one.follower_id, PROOF_HELD, f"{one.id}-denied") for one in claims])
        return bool(claims)

    def pending(self, tx: Connection, oa: str, user: str, today: date) -> list[Pending]:
        """The claims of this user that wait for a proof, locked; the newest first."""
        return [_pending(row) for row in tx.execute(text(_PENDING), {"oa": oa, "user": user, "today": today})]

    def code_fits(self, tx: Connection, pending: Pending, code: str) -> bool | None:
        """Whether this is the one-time code of the claim; None where there is none left to try."""
        if pending.code_hash is None or pending.code_tries >= MOST_TRIES:
            return None
        tx.execute(text("UPDATE phone_claims SET code_tries = code_tries + 1 WHERE id = :id"), {"id": pending.id})
        return hmac.compare_digest(bytes(pending.code_hash), self.people.code_hash(pending.id, code))

    def codes(self, tx: Connection, oa: str, pending: Pending) -> list[str]:
        """The newest dossiers whose code proves the claim: of the phone, and none that the user was told of here."""
        values = {"oa": oa, "person": pending.person_id, "told_since": pending.told_since, "newest": chat.NEWEST}
        return list(tx.execute(text(_CODES), values).scalars())

    def codes_told(self, tx: Connection, oa: str, pending: Pending) -> list[str]:
        """The codes of dossiers that the user was told of, or is about to be, as the phone's holder for now."""
        if not pending.holds or pending.told_since is None:
            return []
        return list(chat.codes(tx, oa, {pending.person_id: pending.told_since}).get(pending.person_id, ()))

    def count_try(self, tx: Connection, pending: Pending, today: date) -> None:
        """Count a try with a dossier's code that is none of this phone."""
        query = text("""
            UPDATE phone_claims SET tries = CASE WHEN tries_on = :today THEN tries ELSE 0 END + 1, tries_on = :today
            WHERE id = :id""")
        tx.execute(query, {"id": pending.id, "today": today})

    def _keep_phones(self, tx: Connection, oa: str, rulings: Sequence[Ruling], shared: Sequence[Link]) -> None:
        """The phone of a person who withdrew is erased: the claim stores it until it is decided."""
        contested = {one.claim.person_id for one in rulings if one.judgement is Judgement.CONTEST}
        if not contested:
            return
        known = self.people.ids(tx, oa, {one.phone for one in shared})
        query = text("""
            UPDATE phone_claims c SET phone_sealed = :sealed FROM people p
            WHERE p.id = c.person_id AND p.withdrawn_at IS NOT NULL AND c.person_id = :person AND c.state = 'open'""")
        for phone, person in known.items():
            if person in contested:
                tx.execute(query, {"person": person, "sealed": self.people.seal(phone)})

    def _judged(self, tx: Connection, oa: str, rulings: Sequence[Ruling], *, codes: bool = False) -> Judged:
        """Tell the users concerned, and send one-time codes where a claim needs more proof."""
        numbers = self._numbers(tx, oa, rulings)
        today = to_vietnam(ledger_now(tx)).date()
        recorded = self.tell(tx, oa, [word for one in rulings for word in _words(one, numbers, today)])
        if codes:
            recorded |= self._send_codes(tx, oa, [one for one in rulings if _wants_proof(one)])
        moved = {one.claim.user_id: one.claim.person_id for one in rulings if one.judgement in links.MOVED}
        return Judged(rulings, list(dict.fromkeys(moved.values())), recorded)

    def _numbers(self, tx: Connection, oa: str, rulings: Sequence[Ruling]) -> Mapping[str, int]:
        users = {user for one in rulings for user in (one.claim.user_id, one.holder, one.moved_from) if user}
        query = text("SELECT user_id, id FROM followers WHERE oa = :oa AND user_id = ANY(:users)")
        return {row.user_id: row.id for row in tx.execute(query, {"oa": oa, "users": sorted(users)})}

    def tell(self, tx: Connection, oa: str, words: Sequence[tuple[int, str, str]]) -> set[str]:
        """Record messages to users: (follower, kind, occurrence); each once."""
        at = ledger_now(tx)
        return notices.record(tx, oa, [_word(at, follower, kind, what) for follower, kind, what in words])

    def _send_codes(self, tx: Connection, oa: str, rulings: Sequence[Ruling]) -> set[str]:
        at = ledger_now(tx)
        new = []
        for one in rulings:
            values = {
                "oa": oa, "user": one.claim.user_id, "person": one.claim.person_id, "today": to_vietnam(at).date(),
                "most": MOST_CODES, "until": at + CODE_LIVES,
            }  # fmt: skip
            row = tx.execute(text(_NEW_CODE), values).one_or_none()
            if row is None:
                continue
            code = f"{secrets.randbelow(1_000_000):06}"
            keep = text("UPDATE phone_claims SET code_hash = :hash WHERE id = :id")
            tx.execute(keep, {"id": row.id, "hash": self.people.code_hash(row.id, code)})
            what = f"{row.id}-{row.codes_on:%Y%m%d}-{row.codes_sent}"
            sealed = {"one_time_code": self.people.seal(code).hex()}
            new.append(_word(at, row.follower_id, PROOF_CODE, what, person=one.claim.person_id, facts=sealed))
        return notices.record(tx, oa, new)


def forget_phones(tx: Connection) -> None:
    """Erase the phone of claims whose person withdrew and that nobody proved for a month."""
    query = text("""
        UPDATE phone_claims SET phone_sealed = NULL
        WHERE phone_sealed IS NOT NULL AND at < clock_timestamp() - interval '30 days'""")
    tx.execute(query)


_STATE = """
SELECT (SELECT count(*) FROM phone_claims WHERE oa = :oa AND state = 'open' AND denied_at IS NULL) AS open,
       (SELECT count(*) FROM phone_claims WHERE oa = :oa AND denied_at IS NOT NULL) AS denied,
       (SELECT count(*) FROM audit WHERE oa = :oa AND verb = 'phone claim refused'
        AND at > clock_timestamp() - interval '1 day') AS refused,
       (SELECT count(DISTINCT split_part(subject, ',', 1)) FROM audit WHERE oa = :oa AND verb = 'phone claim refused'
        AND at > clock_timestamp() - interval '1 day') AS users
"""


@dataclass(frozen=True, slots=True)
class ClaimCounts:
    """Claims that wait for a proof, or for a clerk; claims refused within a day, and by how many users."""

    open: int
    denied: int
    refused: int
    users: int


def state(tx: Connection, oa: str) -> ClaimCounts:
    """For `hcc doctor`."""
    row = tx.execute(text(_STATE), {"oa": oa}).one()
    return ClaimCounts(row.open, row.denied, row.refused, row.users)


_CODES = """
SELECT n.code FROM notices_ever n
WHERE n.oa = :oa AND n.person_id = :person AND n.follower_id IS NULL
  AND NOT EXISTS (SELECT FROM notices_ever l WHERE l.oa = n.oa AND l.code = n.code AND l.recorded_at > n.recorded_at
                  AND l.person_id IS DISTINCT FROM n.person_id)
GROUP BY n.code HAVING coalesce(max(n.recorded_at) < CAST(:told_since AS timestamptz), true)
ORDER BY max(n.event_at) DESC, max(n.id) DESC LIMIT :newest
"""
_NEW_CODE = """
UPDATE phone_claims c SET codes_sent = CASE WHEN c.codes_on = :today THEN c.codes_sent ELSE 0 END + 1,
       codes_on = :today, code_tries = 0, code_until = :until
FROM followers f, people p
WHERE f.id = c.follower_id AND p.id = c.person_id AND f.oa = :oa AND f.user_id = :user AND c.person_id = :person
  AND p.withdrawn_at IS NULL
  AND (SELECT coalesce(sum(o.codes_sent), 0) FROM phone_claims o
       WHERE o.person_id = :person AND o.codes_on = :today) < :most
RETURNING c.id, c.follower_id, c.codes_on, c.codes_sent
"""
_PENDING = """
SELECT c.id, f.user_id, c.follower_id, c.person_id, c.state = 'granted' AS holds, c.told_since, c.code_tries,
       c.phone_sealed, CASE WHEN c.code_until > clock_timestamp() THEN c.code_hash END AS code_hash,
       CASE WHEN c.tries_on = :today THEN c.tries ELSE 0 END AS tries
FROM phone_claims c JOIN followers f ON f.id = c.follower_id
WHERE f.oa = :oa AND f.user_id = :user
  AND (c.state = 'open' OR c.state = 'granted' AND f.told_from IS NOT NULL AND f.person_id = c.person_id)
ORDER BY c.at DESC, c.id FOR UPDATE OF c
"""
# Weak claims of others that the user may deny: of the phone that they hold, or held until that claim took it.
_DENIABLE = """
SELECT c.id, f.user_id, c.follower_id, c.person_id
FROM phone_claims c JOIN followers f ON f.id = c.follower_id
JOIN followers own ON own.oa = f.oa AND own.user_id = :user AND own.id <> f.id
WHERE f.oa = :oa AND c.denied_at IS NULL AND c.proof IN ('none', 'code')
  AND (c.state = 'open' AND c.person_id = own.person_id
       OR c.state = 'granted' AND EXISTS (
           SELECT FROM phone_claims o WHERE o.follower_id = own.id AND o.person_id = c.person_id
             AND o.state = 'closed' AND o.decided_at <= c.decided_at
             AND c.decided_at > clock_timestamp() - interval '7 days'))
ORDER BY c.id FOR UPDATE OF c
"""


def _pending(row: Row[tuple[object, ...]]) -> Pending:
    return Pending(
        row.id, row.user_id, row.follower_id, row.person_id, row.holds, row.tries, row.told_since,
        row.code_hash, row.code_tries, row.phone_sealed,
    )  # fmt: skip


def _wants_proof(ruling: Ruling) -> bool:
    return ruling.judgement in (Judgement.HOLD, Judgement.CONTEST) and ruling.why != DENIED


def _words(ruling: Ruling, numbers: Mapping[str, int], today: date) -> list[tuple[int, str, str]]:
    """The messages about a ruling: (follower, kind, occurrence); each once a day and claim."""
    claim = ruling.claim
    what = f"{claim.person_id}-{today:%Y%m%d}"
    claimant = numbers[claim.user_id]
    words = []
    if ruling.judgement is Judgement.GRANT and claim.proof is not Proof.NONE and ruling.is_news:
        words.append((claimant, PROOF_DONE, f"{claim.person_id}-{claim.since:%Y%m%dT%H%M%S}"))
    elif ruling.judgement is Judgement.CONTEST and (claim.proof is not Proof.NONE or claim.denied):
        words.append((claimant, PROOF_HELD, what))
    elif _wants_proof(ruling):
        words.append((claimant, PROOF_REQUEST, f"{what}-{strength(claim.proof)}"))
    elif ruling.why == TOO_MANY:
        words.append((claimant, PROOF_HELD, f"many-{today:%Y%m%d}"))
    if ruling.holder is not None:
        words.append((numbers[ruling.holder], PHONE_CLAIMED, f"{what}-{claimant}"))
    if ruling.moved_from is not None:
        words.append((numbers[ruling.moved_from], PHONE_MOVED, f"{what}-{claimant}"))
    return words


def _word(
    at: datetime,
    follower: int,
    kind: str,
    what: str,
    *,
    person: int | None = None,
    facts: Mapping[str, str] | None = None,
) -> NewNotice:
    """Each kind has a code of its own, so none waits for another; lower case keeps it apart from any dossier's code."""
    code = f"phone-{follower}-{kind}"
    return NewNotice(
        event_key=event_key(code, kind, what),
        code=code,
        kind=kind,
        unit=None,
        facts=facts or {},
        person_id=person,
        no_person_because=None,
        event_at=at,
        fresh_at=at,
        follower_id=follower,
        lane=Lane.INTERACTIVE,
    )
