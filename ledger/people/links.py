"""Links of phones and users: claims are judged against present links in one transaction; every change is audited."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from operator import attrgetter

from sqlalchemy import Connection, text

from domain.book import Book, Holding, Ruling
from domain.notice import UNPROVEN
from domain.phone_claims import DENIED, WITHIN, Claim, Demand, Holder, Judgement, Proof
from ledger.base.arrays import column
from ledger.base.audit import audit_all
from ledger.notices.reach import hold_people

MOVED = (Judgement.GRANT, Judgement.HOLD)
_STATES = {
    Judgement.GRANT: "granted",
    Judgement.HOLD: "granted",
    Judgement.CONTEST: "open",
    Judgement.REFUSE: "refused",
}


def put(
    tx: Connection, oa: str, claims: Sequence[Claim], *, source: str, demand: Demand, by: str | None = None
) -> list[Ruling]:
    """Judge claims in the order in which they were made; store and audit the changes.

    `by`: who is named in the audit; the source if it is no person.
    """
    if not claims:
        return []
    book = open_book(tx, oa, claims)
    now = datetime.now(UTC)
    rulings = [book.put(claim, demand, now) for claim in sorted(claims, key=attrgetter("since"))]
    _write(tx, oa, book, rulings, source)
    _audit(tx, oa, rulings, by or source)
    return rulings


def open_book(tx: Connection, oa: str, claims: Sequence[Claim]) -> Book:
    """The known links and claims of these users and phones, locked until the transaction ends."""
    users, people = {one.user_id for one in claims}, {one.person_id for one in claims}
    hold_people(tx, people)
    values = {"oa": oa, "users": column(users), "people": column(people)}
    holdings = [_holding(row) for row in tx.execute(text(_HELD), values)]
    known = [_claim(row) for row in tx.execute(text(_KNOWN), values)]
    withdrew = {
        row.person_id: Holder(Proof(row.proof), row.since, withdrew=True) for row in tx.execute(text(_WITHDREW), values)
    }
    lately = [(row.user_id, row.person_id) for row in tx.execute(text(_LATELY), {**values, "within": WITHIN})]
    return Book(holdings, known, withdrew, lately)


_USERS = "CAST(:users AS text[])"
_PEOPLE = "CAST(:people AS bigint[])"
_HELD = f"""
SELECT f.user_id, f.person_id, coalesce(f.linked_at, now()) AS at, f.told_from, f.unknown_at IS NOT NULL AS is_unknown,
       coalesce(c.proof, 'none') AS proof, c.proved_at, c.denied_at IS NOT NULL AS denied
FROM followers f LEFT JOIN phone_claims c ON c.follower_id = f.id AND c.person_id = f.person_id AND c.state = 'granted'
WHERE f.oa = :oa AND f.person_id IS NOT NULL AND (f.user_id = ANY({_USERS}) OR f.person_id = ANY({_PEOPLE}))
ORDER BY f.id FOR UPDATE OF f
"""
# The proof of an ended link is forgotten: the number may belong to another person by now.
_KNOWN = f"""
SELECT f.user_id, c.person_id, c.at, CASE WHEN c.state IN ('open', 'granted') THEN c.proof ELSE 'none' END AS proof,
       CASE WHEN c.state IN ('open', 'granted') THEN c.proved_at END AS proved_at, c.denied_at IS NOT NULL AS denied
FROM phone_claims c JOIN followers f ON f.id = c.follower_id
WHERE f.oa = :oa AND f.user_id = ANY({_USERS}) AND c.person_id = ANY({_PEOPLE})
  AND (c.state IN ('open', 'granted') OR c.denied_at IS NOT NULL)
"""
# People who withdrew before claims had proofs had shared the phone in the chat, and proved nothing.
_WITHDREW = f"""
SELECT DISTINCT ON (p.id) p.id AS person_id, coalesce(c.proof, 'none') AS proof,
       coalesce(c.decided_at, p.withdrawn_at) AS since
FROM people p LEFT JOIN phone_claims c ON c.person_id = p.id AND c.state = 'withdrawn'
WHERE p.id = ANY({_PEOPLE}) AND (c.id IS NOT NULL OR p.withdrawn_at IS NOT NULL)
ORDER BY p.id, c.decided_at DESC
"""
_LATELY = f"""
SELECT f.user_id, c.person_id FROM phone_claims c JOIN followers f ON f.id = c.follower_id
WHERE f.oa = :oa AND f.user_id = ANY({_USERS}) AND c.state <> 'refused' AND c.at > clock_timestamp() - :within
"""


def _holding(row: object) -> Holding:
    return Holding(_claim(row), row.is_unknown, row.told_from)  # type: ignore[attr-defined]  # a row of `_HELD`


def _claim(row: object) -> Claim:
    user, person, at = row.user_id, row.person_id, row.at  # type: ignore[attr-defined]  # a row of the query above
    return Claim(user, person, at, Proof(row.proof), row.proved_at, row.denied)  # type: ignore[attr-defined]  # as above


def _write(tx: Connection, oa: str, book: Book, rulings: Sequence[Ruling], source: str) -> None:
    """Ends old links first: a phone has one holder at any moment."""
    moved = {one.claim.user_id for one in rulings if one.judgement in MOVED}
    let_go(tx, oa, {user for one in rulings for user in one.closed} | moved, keep=book, state="closed")
    _set(tx, oa, [held for user in sorted(moved) if (held := book.by_user.get(user))], source)
    _meet(tx, oa, {one.claim.user_id for one in rulings})
    last = {(one.claim.user_id, one.claim.person_id): one for one in rulings}
    _keep_claims(tx, oa, list(last.values()))
    settled = text("UPDATE phone_claims SET state = 'closed' WHERE state = 'withdrawn' AND person_id = ANY(:people)")
    tx.execute(settled, {"people": [one.claim.person_id for one in rulings if one.judgement in MOVED]})
    restate(tx, [one.claim.person_id for one in rulings if one.judgement in (Judgement.HOLD, Judgement.CONTEST)])


def let_go(tx: Connection, oa: str, users: Collection[str], *, keep: Book | None = None, state: str) -> None:
    """End the links of these users, except those that the book still has with the same phone."""
    kept = [(user, book_held.claim.person_id) for user in users if keep and (book_held := keep.by_user.get(user))]
    values = {
        "oa": oa, "users": column(sorted(users)), "state": state,
        "kept_users": column(user for user, _ in kept), "kept_people": column(person for _, person in kept),
    }  # fmt: skip
    tx.execute(text(_LET_GO), values)


_LET_GO = f"""
WITH gone AS (
    UPDATE followers f SET person_id = NULL, told_from = NULL
    FROM (SELECT id, person_id FROM followers f
          WHERE oa = :oa AND user_id = ANY({_USERS}) AND person_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM unnest(CAST(:kept_users AS text[]), CAST(:kept_people AS bigint[]))
                                   AS k (user_id, person_id)
                            WHERE k.user_id = f.user_id AND k.person_id = f.person_id)) AS old
    WHERE f.id = old.id RETURNING f.id, old.person_id
)
UPDATE phone_claims c SET state = :state, decided_at = clock_timestamp(), code_hash = NULL, code_until = NULL
FROM gone WHERE c.follower_id = gone.id AND c.person_id = gone.person_id AND c.state = 'granted'
"""

_SET = """
INSERT INTO followers (oa, user_id, person_id, follows, link_source, linked_at, last_interaction_at, reached_at,
                       told_from)
SELECT :oa, u, p, true, :source, a, a, clock_timestamp(), t FROM unnest(
    CAST(:users AS text[]), CAST(:people AS bigint[]), CAST(:ats AS timestamptz[]), CAST(:froms AS timestamptz[]))
    AS w (u, p, a, t)
ON CONFLICT ON CONSTRAINT followers_oa_user_id DO UPDATE
SET person_id = EXCLUDED.person_id, link_source = :source, linked_at = EXCLUDED.linked_at,
    reached_at = EXCLUDED.reached_at, told_from = EXCLUDED.told_from, unknown_at = NULL,
    follows = followers.follows OR followers.follow_at IS NULL
"""


def _set(tx: Connection, oa: str, held: Sequence[Holding], source: str) -> None:
    values = {
        "users": column(one.claim.user_id for one in held),
        "people": column(one.claim.person_id for one in held),
        "ats": column(one.claim.at for one in held),
        "froms": column(one.told_from for one in held),
    }
    tx.execute(text(_SET), {"oa": oa, "source": source, **values})


def _meet(tx: Connection, oa: str, users: Collection[str]) -> None:
    query = text(f"""
        INSERT INTO followers (oa, user_id, follows) SELECT :oa, u, false FROM unnest({_USERS}) AS w (u)
        WHERE NOT EXISTS (SELECT FROM followers f WHERE f.oa = :oa AND f.user_id = w.u)
        ON CONFLICT DO NOTHING""")
    tx.execute(query, {"oa": oa, "users": column(sorted(users))})


_KEEP = """
INSERT INTO phone_claims (oa, person_id, follower_id, at, state, why, decided_at, proof, proved_at, denied_at,
                          told_since)
SELECT :oa, w.person, f.id, w.at, w.state, w.why, clock_timestamp(), w.proof, w.proved_at,
       CASE WHEN w.denied = 1 THEN clock_timestamp() END, CASE WHEN w.state = 'granted' THEN w.at END
FROM unnest(CAST(:users AS text[]), CAST(:people AS bigint[]), CAST(:ats AS timestamptz[]), CAST(:states AS text[]),
            CAST(:whys AS text[]), CAST(:proofs AS text[]), CAST(:proved_ats AS timestamptz[]),
            CAST(:denied AS int[])) AS w (user_id, person, at, state, why, proof, proved_at, denied)
JOIN followers f ON f.oa = :oa AND f.user_id = w.user_id
ON CONFLICT ON CONSTRAINT phone_claims_follower_person DO UPDATE
SET at = EXCLUDED.at, state = EXCLUDED.state, why = EXCLUDED.why, decided_at = EXCLUDED.decided_at,
    proof = EXCLUDED.proof, proved_at = EXCLUDED.proved_at,
    phone_sealed = CASE WHEN EXCLUDED.state = 'open' THEN phone_claims.phone_sealed END,
    told_since = LEAST(phone_claims.told_since, EXCLUDED.told_since),
    denied_at = CASE WHEN EXCLUDED.denied_at IS NOT NULL AND EXCLUDED.state = 'open'
                     THEN coalesce(phone_claims.denied_at, EXCLUDED.denied_at) END
WHERE EXCLUDED.state <> 'refused' OR phone_claims.state = 'refused'
"""


def _keep_claims(tx: Connection, oa: str, kept: Sequence[Ruling]) -> None:
    """Store one ruling per user and person. A refusal does not change an earlier claim."""
    values = {
        "users": column(one.claim.user_id for one in kept),
        "people": column(one.claim.person_id for one in kept),
        "ats": column(one.claim.at for one in kept),
        "states": column(_STATES[one.judgement] for one in kept),
        "whys": column(one.why for one in kept),
        "proofs": column(one.claim.proof for one in kept),
        "proved_ats": column(one.claim.proved_at for one in kept),
        "denied": column(int(one.claim.denied) for one in kept),
    }
    tx.execute(text(_KEEP), {"oa": oa, **values})


def deny(tx: Connection, oa: str, user_id: str, person: int, *, source: str) -> None:
    """A holder of the phone denied it: that user's weak claim waits for a clerk, and loses the phone if it has it."""
    book = open_book(tx, oa, [Claim(user_id, person, datetime.now(UTC))])
    held = book.by_user.get(user_id)
    claim = book.deny(user_id, person)
    if held is not None and user_id not in book.by_user:
        let_go(tx, oa, [user_id], state="closed")
    _keep_claims(tx, oa, [Ruling(claim, Judgement.CONTEST, DENIED)])
    query = text("SELECT id FROM followers WHERE oa = :oa AND user_id = :user")
    follower = tx.execute(query, {"oa": oa, "user": user_id}).scalar_one()
    audit_all(tx, oa, [("phone claim denied", f"follower {follower}, person {person}", DENIED)], by=source)
    restate(tx, [person])


_RESTATE = """
WITH told AS (
    UPDATE notices n SET reason = :why
    WHERE n.state = 'unreachable' AND n.person_id = ANY(CAST(:people AS bigint[])) AND n.follower_id IS NULL
      AND n.no_person_because IS NULL AND n.reason IS DISTINCT FROM :why
      AND NOT EXISTS (SELECT FROM followers f WHERE f.person_id = n.person_id
                      AND (f.told_from IS NULL OR n.recorded_at >= f.told_from))
    RETURNING n.id
)
INSERT INTO history (notice_id, at, before, after, why, by)
SELECT id, clock_timestamp(), 'unreachable', 'unreachable', :why, 'claims' FROM told
"""


def restate(tx: Connection, people: Collection[int]) -> None:
    """Set the reason of unreachable notices of these people: somebody claims the phone, and has not proved it."""
    if people:
        tx.execute(text(_RESTATE), {"people": column(sorted(people)), "why": UNPROVEN})


def _audit(tx: Connection, oa: str, rulings: Sequence[Ruling], by: str) -> None:
    users = {user for one in rulings for user in (one.claim.user_id, *one.closed)}
    query = text(f"SELECT user_id, id FROM followers WHERE oa = :oa AND user_id = ANY({_USERS})")
    number = {row.user_id: row.id for row in tx.execute(query, {"oa": oa, "users": column(users)})}
    deeds = []
    for one in rulings:
        deeds += [("phone link closed", f"follower {number[user]}", why) for user, why in one.closed.items()]
        if not one.is_news:
            continue
        subject = f"follower {number[one.claim.user_id]}, person {one.claim.person_id}"
        deeds.append((_VERBS[one.judgement], subject, f"{one.why}; proof: {one.claim.proof}"))
    audit_all(tx, oa, deeds, by=by)


_VERBS = {
    Judgement.GRANT: "phone link opened",
    Judgement.HOLD: "phone link opened",
    Judgement.CONTEST: "phone claim opened",
    Judgement.REFUSE: "phone claim refused",
}
