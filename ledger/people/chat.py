"""The chat's queries: who writes, what they were answered lately, which dossiers are theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from sqlalchemy import Connection, text

from domain.kinds import ANSWERS, REMINDERS
from domain.notice import OPTED_OUT
from domain.story import Step, Story
from ledger.notices.order import place
from ledger.people.follows import suppress


@dataclass(frozen=True, slots=True)
class Asker:
    """A user who writes: the ledger's follower id, and the person with their phone, if known.

    `told_from`: they have not proved the phone, and are told only notices recorded since then.
    """

    follower_id: int
    person_id: int | None
    told_from: datetime | None = None


def askers(tx: Connection, oa: str, users: Collection[str]) -> dict[str, Asker]:
    """The users who write, by user id."""
    query = text("SELECT user_id, id, person_id, told_from FROM followers WHERE oa = :oa AND user_id = ANY(:users)")
    rows = tx.execute(query, {"oa": oa, "users": sorted(users)})
    return {row.user_id: Asker(row.id, row.person_id, row.told_from) for row in rows}


def answered(tx: Connection, followers: Collection[int], since: datetime) -> list[tuple[int, str, datetime]]:
    """The answers to these followers since then: (follower, kind, when they asked)."""
    query = text("""
        SELECT follower_id, kind, event_at FROM notices
        WHERE follower_id = ANY(:followers) AND event_at > :since AND kind = ANY(:kinds)""")
    rows = tx.execute(query, {"followers": sorted(followers), "since": since, "kinds": sorted(ANSWERS)})
    return [(row.follower_id, row.kind, row.event_at) for row in rows]


def switch(tx: Connection, oa: str, told: Mapping[str, tuple[datetime, int, bool]]) -> None:
    """Set by user id since when a person wants no notices, or wants them again: (time, place in the inbox, off).

    An older word changes nothing; of two with the same time, the later in the inbox counts. Pending notices of people
    who want none are suppressed; switching on applies from now on.
    """
    users = sorted(told)
    query = text("""
        UPDATE followers f SET notices_off = w.off, switched_at = w.at, switch_event = w.number
        FROM unnest(CAST(:users AS text[]), CAST(:ats AS timestamptz[]), CAST(:numbers AS bigint[]),
                    CAST(:offs AS boolean[])) AS w (user_id, at, number, off)
        WHERE f.oa = :oa AND f.user_id = w.user_id
          AND (f.switched_at IS NULL OR (f.switched_at, coalesce(f.switch_event, 0)) < (w.at, w.number))
        RETURNING f.person_id, f.notices_off""")
    ats, numbers, offs = zip(*(told[user] for user in users), strict=True)
    values = {"oa": oa, "users": users, "ats": list(ats), "numbers": list(numbers), "offs": list(offs)}
    people = [row.person_id for row in tx.execute(query, values) if row.notices_off and row.person_id is not None]
    suppress(tx, [], people=people, why=OPTED_OUT)


def ignore(tx: Connection, number: Mapping[int, int]) -> None:
    """Count unanswered questions, by follower."""
    query = text("""
        UPDATE followers f SET ignored = f.ignored + w.number
        FROM unnest(CAST(:ids AS bigint[]), CAST(:numbers AS int[])) AS w (id, number) WHERE f.id = w.id""")
    tx.execute(query, {"ids": list(number), "numbers": list(number.values())})


NEWEST = 200
"""The most dossiers of a person that the chat looks at: a person who files for others may have ten thousand."""


def codes(tx: Connection, oa: str, people: Mapping[int, datetime | None]) -> dict[int, list[str]]:
    """The newest dossiers with notices to these people since then (None: ever), the newest first."""
    if not people:
        return {}
    query = text("""
        SELECT p.id AS person_id, newest.code
        FROM unnest(CAST(:people AS bigint[]), CAST(:froms AS timestamptz[])) AS p (id, since) CROSS JOIN LATERAL (
            SELECT code, max(event_at) AS at, max(n.id) AS place FROM notices_ever n
            WHERE n.oa = :oa AND n.person_id = p.id AND n.follower_id IS NULL
              AND (p.since IS NULL OR n.recorded_at >= p.since)
            GROUP BY code ORDER BY at DESC, place DESC LIMIT :newest
        ) AS newest ORDER BY newest.at DESC, newest.place DESC""")
    found: dict[int, list[str]] = defaultdict(list)
    values = {"oa": oa, "people": list(people), "froms": list(people.values()), "newest": NEWEST}
    for row in tx.execute(query, values):
        found[row.person_id].append(row.code)
    return found


# A dossier belongs to the person of its newest notice: its phone may have been corrected, and the earlier person is
# then a stranger. An amount is shown only if it was sent before.
_STORIES = f"""
SELECT owner.person_id, n.code, n.kind, n.event_at,
       CASE WHEN n.state IN ('sent', 'delivered', 'seen') THEN CAST(n.facts ->> 'amount' AS bigint) END AS amount
FROM notices_ever n CROSS JOIN LATERAL (
    SELECT l.person_id FROM notices_ever l WHERE l.oa = n.oa AND l.code = n.code
    ORDER BY {place("l")} DESC LIMIT 1
) AS owner
WHERE n.oa = :oa AND n.code = ANY(:codes) AND n.withdrawn IS NULL AND n.state <> 'discarded' AND n.follower_id IS NULL
  AND NOT EXISTS (SELECT FROM followers f WHERE f.person_id = owner.person_id AND n.recorded_at < f.told_from)
  AND (n.kind <> ALL(:reminders) OR n.state IN ('sent', 'delivered', 'seen')) AND owner.person_id IS NOT NULL
ORDER BY {place("n")}
"""


def stories(tx: Connection, oa: str, wanted: Collection[str]) -> dict[tuple[int, str], Story]:
    """The story of each of these dossiers, by (the person it belongs to, code)."""
    steps: dict[tuple[int, str], list[Step]] = defaultdict(list)
    rows = tx.execute(text(_STORIES), {"oa": oa, "codes": sorted(wanted), "reminders": sorted(REMINDERS)})
    for row in rows:
        steps[row.person_id, row.code].append(Step(row.kind, row.event_at, row.amount))
    return {(person, code): Story(code, tuple(found)) for (person, code), found in steps.items()}


def newest(told: Sequence[tuple[str, datetime, int, bool]]) -> dict[str, tuple[datetime, int, bool]]:
    """The newest word of each user: (user id, time, place in the inbox, off); of two at one time the later counts."""
    return {user: (at, number, off) for user, at, number, off in sorted(told, key=itemgetter(1, 2))}
